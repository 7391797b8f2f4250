"""Proof by trying: what is approved works inside the module, and what is forbidden is refused.

A refusal alone proves nothing: a misspelt name is refused as well. So each forbidden thing has a control, the very
same trial outside the module or its approved neighbour, and holds only if that works.
"""
