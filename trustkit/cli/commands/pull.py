"""Verify an image, then fetch and unpack it; prints its digest."""

import argparse
import sys

from trustkit.cli.client.daemon import Daemon, daemon, told_error
from trustkit.cli.output import as_json, plain


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


def fetch(peer: Daemon, image: str, platform: str, *, quiet: bool) -> str:
    """Pull one image and return its digest. Raises the daemon's error."""
    digest = ""
    shown: set[tuple[str, str]] = set()
    for line in peer.lines("POST", "/images/create", fromImage=image, platform=platform):
        if "error" in line:
            raise told_error(line)
        status, name = str(line.get("status", "")), str(line.get("id", ""))
        if status.startswith("Digest: "):
            digest = status.removeprefix("Digest: ")
        if not quiet and (status, name) not in shown:
            shown.add((status, name))
            print(plain(f"{name}: {status}" if name else status), file=sys.stderr)
    return digest
