"""Verify an image, then make a container without starting it; prints its id."""

import argparse

from trustkit.cli.client.daemon import daemon
from trustkit.cli.client.flags import add_container_flags
from trustkit.cli.client.make import made


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare docker's names."""
    add_container_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Create and print the id."""
    print(made(daemon(), arguments, is_attached=True))
    return 0
