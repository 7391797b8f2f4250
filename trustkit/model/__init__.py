"""The nouns: immutable values, standard library only.

They are named tuples and not dataclasses because importing `dataclasses` costs 14 ms and each
frozen, slotted dataclass half a millisecond, on a path whose whole budget is about 100 ms.
"""
