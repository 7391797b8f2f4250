"""Show what a container wrote, standard output and standard error apart."""

import argparse

from trustkit.cli.client.daemon import daemon
from trustkit.cli.client.session import Frames
from trustkit.cli.client.wire import quote
from trustkit.cli.numbers import number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare docker's names."""
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what it writes")
    parser.add_argument("-n", "--tail", default="", metavar="N", help="only the last N lines")
    parser.add_argument("--since", default="", metavar="TIME", help="RFC 3339, seconds since 1970, or 10m ago as 10m")
    parser.add_argument("-t", "--timestamps", action="store_true", help="say when each line was written")
    parser.add_argument("container", metavar="CONTAINER")


def run(arguments: argparse.Namespace) -> int:
    """Copy the log."""
    connection = daemon().open(
        "GET", f"/containers/{quote(arguments.container)}/logs", stdout="1", stderr="1",
        follow="1" if arguments.follow else "", timestamps="1" if arguments.timestamps else "",
        tail=arguments.tail, since=_moment(arguments.since),
    )  # fmt: skip
    frames = Frames(framed="multiplexed" in connection.headers.get("content-type", ""))
    for chunk in connection.chunks():
        frames.write(chunk)
    return 0


def _moment(text: str) -> str:
    """Turn `10m` into seconds since 1970; the daemon reads the other forms."""
    units = {"s": 1, "m": 60, "h": 3600}
    ago = number(text[:-1]) if text[-1:] in units else None
    if ago is not None and ago >= 0:
        import time

        return str(int(time.time()) - ago * units[text[-1]])
    return text
