"""Policies of other tools as policies of ours: what cannot be said becomes a rule that denies, and is listed."""
