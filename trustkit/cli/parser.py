"""The parser of every command's words."""

import argparse
import os
from typing import Any

# argparse looks for translations of its few words: it imports locale and asks for a dozen files.
argparse._ = str  # type: ignore[attr-defined]


class Help(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal says; argparse would import shutil and three compressors to ask."""

    def __init__(self, prog: str) -> None:
        """Take the width from COLUMNS, else from the terminal, else 80."""
        given = os.environ.get("COLUMNS", "")
        try:
            width = int(given) if given.isdecimal() else os.get_terminal_size().columns
        except OSError:
            width = 80
        super().__init__(prog, width=max(width, 40) - 2)


class Parser(argparse.ArgumentParser):
    """A parser, and the parsers of its actions, that print help with `Help`."""

    def __init__(self, **options: Any) -> None:
        """Make it as argparse does."""
        super().__init__(**{"formatter_class": Help, **options})
