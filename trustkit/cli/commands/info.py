"""Show the engine's state: containers, images, containerd, runtime."""

import argparse

from trustkit.cli.client.daemon import daemon, members
from trustkit.cli.output import as_json, plain, table

_SHOWN = (
    "ServerVersion", "Containers", "ContainersRunning", "ContainersStopped", "Images", "Driver", "DefaultRuntime",
    "CgroupVersion", "KernelVersion", "Architecture",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the output form."""
    parser.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Ask the daemon and print its answer."""
    peer = daemon()
    found = members(peer.call("GET", "/info"))
    if arguments.output == "json":
        as_json(found)
        return 0
    table(("WHAT", "VALUE"), [("socket", peer.path), *((name, str(found.get(name, ""))) for name in _SHOWN)])
    warnings = found.get("Warnings")
    for text in warnings if isinstance(warnings, list) else ():
        print(plain(str(text)))
    return 0
