"""The options that only signatures of the Notary Project have."""

import argparse

from trustkit.errors import UsageError


def add_notation_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what only notation signatures have."""
    add = parser.add_argument
    add("--certificate-chain", metavar="FILE",
        help="for notation: PEM, the key's certificate first, the root last")  # fmt: skip
    add("--timestamp-root", metavar="FILE",
        help="for notation with --timestamp-url: PEM, the timestamp authority's root")  # fmt: skip


def require_notation(arguments: argparse.Namespace) -> None:
    """Return if options of notation go with its format. Raises UsageError."""
    if arguments.certificate_chain and arguments.format != "notation":
        raise UsageError("--certificate-chain is about notation signatures", next_step="add --format notation")
