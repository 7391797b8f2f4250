"""One place keys come from a file, chosen by the scheme of a key's URI."""
