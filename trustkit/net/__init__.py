"""URLs to bounded bytes: the only network door."""
