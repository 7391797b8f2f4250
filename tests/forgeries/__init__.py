"""Signatures crafted number by number, as Project Wycheproof does it: what is nearly right must be refused."""
