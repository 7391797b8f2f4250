"""Numbers on the command line, bounded before anybody counts, adds or stores with them."""

import argparse
from collections.abc import Callable

# As many as SQLite, C and clocks take; Python refuses to read more than 4300.
_MOST_DIGITS = 18
# A hundred years.
MOST_DAYS = 36_525
# What JSON holds without loss.
MOST_BYTES = 2**53 - 1
# The decision log's numbers, and how many of its records.
MOST_RECORDS = 10**_MOST_DIGITS - 1


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return the reader of a whole number within these bounds, as argparse's `type`."""

    def read(text: str) -> int:
        found = number(text)
        if found is None or not least <= found <= most:
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is no whole number from {least} to {most}")
        return found

    return read


def number(text: str) -> int | None:
    """Return the whole number that a text is, None if it is none or has more than 18 digits."""
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS else None
