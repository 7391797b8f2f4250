"""List running containers, or all."""

import argparse
from datetime import UTC, datetime

from trustkit.cli.client.daemon import daemon, rows
from trustkit.cli.client.filters import filters_of
from trustkit.cli.output import ago, as_json, table

_COMMAND_CHARS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare docker's names."""
    parser.add_argument("-a", "--all", action="store_true", help="show stopped ones too")
    parser.add_argument("-q", "--quiet", action="store_true", help="only ids")
    parser.add_argument("--no-trunc", action="store_true", help="do not shorten")
    parser.add_argument("-f", "--filter", action="append", default=[], metavar="NAME=VALUE",
                        help="status, name, id, label, ancestor, exited, network")  # fmt: skip
    parser.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Print the list."""
    wanted = filters_of(arguments.filter)
    found = rows(daemon().call("GET", "/containers/json", all="1" if arguments.all else "", filters=wanted))
    if arguments.output == "json":
        as_json(found)
        return 0
    if arguments.quiet:
        for row in found:
            print(row["Id"] if arguments.no_trunc else str(row["Id"])[:12])
        return 0
    headers = ("CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "NAMES")
    table(headers, [_row(row, whole=arguments.no_trunc) for row in found])
    return 0


def _row(row: dict[str, object], *, whole: bool) -> list[str]:
    name, command = str(row["Id"]), str(row["Command"])
    names = row["Names"]
    created = row["Created"]
    at = datetime.fromtimestamp(created if isinstance(created, int) else 0, UTC)
    if not whole:
        name = name[:12]
        command = command if len(command) <= _COMMAND_CHARS else command[: _COMMAND_CHARS - 1] + "…"
    shown = ",".join(str(item).removeprefix("/") for item in names) if isinstance(names, list) else ""
    return [name, str(row["Image"]), f'"{command}"', ago(at), str(row["Status"]), shown]
