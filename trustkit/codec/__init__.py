"""Bytes to structures and back: no hash, no key, no file."""
