"""Expressions of policies: a subset of CEL, checked when a policy is loaded and compiled to Python."""
