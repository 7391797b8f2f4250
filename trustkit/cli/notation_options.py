"""The options that only signatures of the Notary Project have."""

import argparse
import re
from datetime import timedelta

from trustkit.errors import UsageError

_DURATION = re.compile(r"(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)
_LONGEST = timedelta(days=36525)


def add_notation_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what only notation signatures have."""
    add = parser.add_argument
    add("--certificate-chain", metavar="FILE",
        help="for notation: PEM, the key's certificate first, the root last")  # fmt: skip
    add("--signature-format", choices=("jws", "cose"), help="for notation: the envelope; default jws")
    add("--expiry", metavar="DURATION", help="for notation: how long the signature is good, such as 720h or 1h30m")
    add("--timestamp-root", metavar="FILE",
        help="for notation with --timestamp-url: PEM, the timestamp authority's root")  # fmt: skip


def require_notation(arguments: argparse.Namespace) -> None:
    """Return if options of notation go with its format. Raises UsageError."""
    if arguments.format == "notation":
        return
    for name in ("certificate_chain", "signature_format", "expiry", "timestamp_root"):
        if getattr(arguments, name):
            option = "--" + name.replace("_", "-")
            raise UsageError(f"{option} is about notation signatures", next_step="add --format notation")


def duration(text: str) -> timedelta:
    """Return what notation's words for a duration mean: hours, minutes and seconds. Raises UsageError."""
    parts = _DURATION.fullmatch(text)
    found = timedelta()
    if parts:
        hours, minutes, seconds = (int(part or 0) for part in parts.groups())
        found = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if not timedelta() < found <= _LONGEST:
        raise UsageError(f"--expiry {text[:40]!r} is no duration up to 100 years", next_step="write 720h or 1h30m")
    return found
