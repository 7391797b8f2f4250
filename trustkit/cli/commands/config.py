"""Show the configuration and where each value came from, or write a commented file to start with."""

import argparse
import os

from trustkit.cli.output import as_json, table
from trustkit.config import Config, load, write_template
from trustkit.settings import SETTINGS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `show`, `init` and `path`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="show|init|path")
    show = actions.add_parser("show", help="every setting, its value and its origin")
    show.add_argument("--output", choices=("table", "json"), default="table")
    actions.add_parser("init", help="write the commented configuration file")
    actions.add_parser("path", help="print where the configuration file is looked for")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked. Raises ConfigError, StorageError."""
    config = load(os.environ)
    if arguments.action == "init":
        write_template(config.file)
        print(config.file)
    elif arguments.action == "path":
        print(config.file)
    else:
        _show(config, arguments.output)
    return 0


def _show(config: Config, output: str) -> None:
    rows = [("home", str(config.home), "environment"), ("file", str(config.file), _presence(config))]
    rows += [
        (
            s.key,
            _hidden(config.text(s.key)) if s.kind == "secret" else _shown(config.values[s.key]),
            config.origins[s.key],
        )
        for s in SETTINGS
    ]
    if output == "json":
        as_json([dict(zip(("setting", "value", "origin"), row, strict=True)) for row in rows])
    else:
        table(("SETTING", "VALUE", "FROM"), rows)


def _presence(config: Config) -> str:
    return "read" if config.file.is_file() else "absent"


def _hidden(url: str) -> str:
    """Return a URL that may hold a password without it."""
    scheme, separator, rest = url.partition("://")
    login, at, where = rest.rpartition("@")
    user = login.partition(":")[0]
    return f"{scheme}{separator}{user}{':***' if ':' in login else ''}{at}{where.partition('?')[0]}" or "-"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={member}" for name, member in value.items()) or "-"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "-"
