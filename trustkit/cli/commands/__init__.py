"""One command a file, loaded only when used."""
