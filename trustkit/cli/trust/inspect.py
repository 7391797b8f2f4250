"""Show what a repository's Docker Content Trust says: its tags, who signed them, and until when.

Everything is proven first, from the root that was seen before or is given with --root. A repository seen for the first
time is refused unless --first-use says to believe its root this once; from then on no older state counts.
"""

import argparse
import os
from typing import TYPE_CHECKING

from trustkit.cli.output import as_json, plain, table
from trustkit.cli.trust.asking import add_repository_arguments, tags_of, verified

if TYPE_CHECKING:
    from trustkit.signing.content_trust.signers import RoleSigner
    from trustkit.signing.content_trust.values import VerifiedRepository

_SHORT = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_repository_arguments(parser)
    parser.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Print it. Raises VerificationError, SourceError, MalformedError, KeyFileError."""
    from trustkit.config import load
    from trustkit.model.reference import ImageRef

    config = load(os.environ)
    ref = ImageRef.parse(arguments.repository)
    found = verified(arguments, config, ref)
    wanted = tags_of(found, ref)
    if arguments.output == "json":
        as_json(_json(found, wanted))
    else:
        _print(found, wanted)
    return 0


def _print(found: "VerifiedRepository", tags: list[str]) -> None:
    sight = ", believed at first sight" if found.first_use else ""
    print(f"{plain(found.gun)}  good until {found.expires:%Y-%m-%d %H:%M}Z")
    print(f"root {found.root_version}{sight}  key {_keys(found.root_keys)}")
    signed = [found.tag(name) for name in tags]
    rows = [(one.tag, str(one.digest), one.role.name, _keys(one.role.signers)) for one in signed]
    table(("TAG", "DIGEST", "ROLE", "SIGNED BY KEY"), rows)
    print()
    roles = [
        (role.name, str(role.version), f"{role.expires:%Y-%m-%d}", f"{role.threshold}", _keys(role.signers))
        for role in found.roles
    ]
    table(("ROLE", "VERSION", "UNTIL", "NEEDS", "SIGNED BY KEY"), roles)
    for one in found.unusable:
        print(f"{one.name} says nothing now: {plain(one.error.message)}")


def _keys(signers: "tuple[RoleSigner, ...]") -> str:
    return " ".join(one.fingerprint[:_SHORT] for one in signers)


def _json(found: "VerifiedRepository", tags: list[str]) -> object:
    signed = [found.tag(name) for name in tags]
    return {
        "gun": found.gun,
        "root": {"version": found.root_version, "keys": found.root_keys, "first_use": found.first_use},
        "expires": found.expires,
        "tags": [
            {
                "tag": one.tag,
                "digest": str(one.digest),
                "size": one.size_bytes,
                "role": one.role.name,
                "signers": one.role.signers,
            }
            for one in signed
        ],
        "roles": [
            {
                "name": role.name,
                "version": role.version,
                "expires": role.expires,
                "threshold": role.threshold,
                "signers": role.signers,
                "tags": sorted(role.targets),
            }
            for role in found.roles
        ],
        "unusable": [
            {"name": one.name, "version": one.version, "code": one.error.code, "reason": one.error.message}
            for one in found.unusable
        ],
    }
