"""One rule a file; rules do not know each other."""
