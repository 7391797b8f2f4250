"""Transparency logs that signatures are recorded in: what an entry and its proofs prove."""
