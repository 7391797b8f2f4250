"""Writers of reports; they do not know each other."""
