"""List stored images."""

import argparse
from datetime import UTC, datetime

from trustkit.cli.client.daemon import daemon, rows
from trustkit.cli.client.filters import filters_of
from trustkit.cli.output import ago, as_json, size_of, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare docker's names."""
    parser.add_argument("-q", "--quiet", action="store_true", help="only ids")
    parser.add_argument("--no-trunc", action="store_true", help="do not shorten")
    parser.add_argument("--digests", action="store_true", help="show digests")
    parser.add_argument("-f", "--filter", action="append", default=[], metavar="NAME=VALUE", help="reference, label")
    parser.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Print the list."""
    found = rows(daemon().call("GET", "/images/json", filters=filters_of(arguments.filter)))
    if arguments.output == "json":
        as_json(found)
    elif arguments.quiet:
        for row in found:
            print(_id(row, whole=arguments.no_trunc))
    else:
        digests = ("DIGEST",) if arguments.digests else ()
        table(
            ("REPOSITORY", "TAG", *digests, "IMAGE ID", "CREATED", "SIZE"),
            [line for row in found for line in _lines(row, digests=arguments.digests, whole=arguments.no_trunc)],
        )
    return 0


def _id(row: dict[str, object], *, whole: bool) -> str:
    return str(row["Id"]) if whole else str(row["Id"]).removeprefix("sha256:")[:12]


def _lines(row: dict[str, object], *, digests: bool, whole: bool) -> list[list[str]]:
    """One line a tag; an image known by digest only has the tag <none>."""
    names = _texts(row["RepoTags"])
    by_digest = _texts(row["RepoDigests"])
    created, size = row["Created"], row["Size"]
    at = datetime.fromtimestamp(created if isinstance(created, int) else 0, UTC)
    digest = by_digest[0].partition("@")[2] if by_digest else "<none>"
    pairs = [tuple(name.rpartition(":")[::2]) for name in names]
    pairs = pairs or [(by_digest[0].partition("@")[0] if by_digest else "<none>", "<none>")]
    tail = [_id(row, whole=whole), ago(at), size_of(size if isinstance(size, int) else 0)]
    return [[repository, tag, *([digest] if digests else []), *tail] for repository, tag in pairs]


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
