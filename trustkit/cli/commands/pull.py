"""Verify an image, then fetch and unpack it; prints its digest."""

import argparse

from trustkit.cli.client.daemon import daemon
from trustkit.cli.client.fetch import fetch
from trustkit.cli.output import as_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare docker's names."""
    parser.add_argument("-q", "--quiet", action="store_true", help="show no progress")
    parser.add_argument("--platform", default="", metavar="OS/ARCH", help="which image of an index")
    parser.add_argument("--output", choices=("table", "json"), default="table")
    parser.add_argument("image", nargs="+", metavar="IMAGE")


def run(arguments: argparse.Namespace) -> int:
    """Pull each image."""
    peer = daemon()
    done = []
    for image in arguments.image:
        quiet = arguments.quiet or arguments.output == "json"
        digest = fetch(peer, image, arguments.platform, quiet=quiet)
        done.append({"image": image, "digest": digest})
        if arguments.output == "table":
            print(f"{image}@{digest}" if "@" not in image else image)
    if arguments.output == "json":
        as_json(done)
    return 0
