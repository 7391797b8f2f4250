"""A trust server: Notary v1's REST interface for Docker Content Trust, with storage and keys of its own."""
