"""Show everything about containers or images, as docker does; or, with --evidence, what lies beside images.

--evidence shows every signature, attestation and other referrer of an image in its registry, layout or archive,
whether it verifies, and why not. It decides and records nothing, and needs no daemon: `trustkit verify` decides.
"""

import argparse
import os
import sys
from pathlib import Path

from trustkit.cli.client.daemon import Daemon, daemon
from trustkit.cli.client.wire import quote
from trustkit.cli.identities import TRUSTED, require_only
from trustkit.cli.openpgp import add_gpg_arguments, gpg_trusted_by
from trustkit.cli.output import as_json
from trustkit.engine.errors import NoSuchContainerError, NoSuchImageError
from trustkit.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare docker's names, and those of `verify`."""
    parser.add_argument("--type", choices=("container", "image"), help="only one kind")
    parser.add_argument("--evidence", action="store_true", help="show what lies beside the image")
    parser.add_argument("--key", action="append", default=[], metavar="KEY",
                        help="with --evidence: trust this public key; may repeat")  # fmt: skip
    add_gpg_arguments(parser)
    parser.add_argument("--policy", metavar="FILE", help="with --evidence: whom this policy trusts")
    parser.add_argument("--output", choices=("table", "json"), help="with --evidence a tree, else JSON")
    parser.add_argument("name", nargs="+", metavar="NAME|ID|IMAGE")


def run(arguments: argparse.Namespace) -> int:
    """Print a JSON list, or trees. Raises TrustkitError."""
    if arguments.evidence:
        return _evidence(arguments)
    if arguments.key or arguments.gpg_key or arguments.policy or arguments.output == "table":
        raise UsageError("without --evidence there is only JSON, and no key matters", next_step="add --evidence")
    peer = daemon()
    as_json([_found(peer, name, arguments.type) for name in arguments.name])
    return 0


def _evidence(arguments: argparse.Namespace) -> int:
    from trustkit.admission.evidence import evidence_of
    from trustkit.app import evidence_kit, keys_policy, load_policy
    from trustkit.cli.client.layouts import whole
    from trustkit.cli.evidence_branches import print_beside
    from trustkit.config import load
    from trustkit.model.reference import ImageRef

    if arguments.policy:
        require_only(arguments, ("policy", *TRUSTED))
    config = load(os.environ)
    rings, roots = gpg_trusted_by(arguments)
    if arguments.key or rings:
        policy = keys_policy(config, arguments.key, identities=rings, roots=roots)
    else:
        policy = load_policy(config, Path(arguments.policy) if arguments.policy else None)
    kit = evidence_kit(config, policy)
    found = [(name, evidence_of(ImageRef.parse(whole(name)), kit)) for name in arguments.name]
    if arguments.output == "json":
        as_json([{"image": name, **one._asdict()} for name, one in found])
        return 0
    for name, one in found:
        print_beside(name, one, sys.stdout)
    return 0


def _found(peer: Daemon, name: str, kind: str | None) -> object:
    if kind != "image":
        try:
            return peer.call("GET", f"/containers/{quote(name)}/json")
        except NoSuchContainerError:
            if kind == "container":
                raise
    try:
        return peer.call("GET", f"/images/{quote(name)}/json")
    except NoSuchImageError as error:
        if kind == "image":
            raise
        message = f"no container or image is called {name}"
        raise NoSuchImageError(message, next_step="`trustkit ps -a` and `trustkit images` list them") from error
