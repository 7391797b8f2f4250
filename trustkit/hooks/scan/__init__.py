"""Judging again what was admitted once: everything that runs, or lies in a registry."""
