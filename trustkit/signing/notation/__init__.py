"""Notary Project signatures: envelopes, and what they must prove."""
