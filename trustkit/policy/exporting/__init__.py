"""Policies of ours as other tools enforce them; what they cannot enforce is refused there, or listed as left out."""
