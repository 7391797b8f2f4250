"""References to digests to evidence: registries, layouts and archives."""
