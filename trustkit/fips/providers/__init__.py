"""One cryptographic library a file; providers do not know each other."""
