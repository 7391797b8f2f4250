"""Docker Content Trust (Notary v1): a repository's TUF metadata, proven from a root that was trusted before."""
