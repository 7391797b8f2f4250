"""Give up keys and images for all nodes, and see what nodes share (cache.url; docs/fleet.md).

Without cache.url a revocation holds for this machine. A list of revocations only grows: there is no way back.
"""

import argparse
import os

from trustkit import limits
from trustkit.cli.output import as_json, table
from trustkit.cli.words import actor, digest_of, moment_of
from trustkit.config import Config, load
from trustkit.errors import ConfigError, TrustkitError, UsageError
from trustkit.model.keys import KEY_NAME, KeyRevocation
from trustkit.model.revocations import IMAGE, KEY, Revocation

_ALGORITHMS = ("sha256", "sha384", "sha512")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="init|revoke|list|status")
    actions.add_parser("init", help="make the fleet's key unless it is there, and an empty list of revocations")
    revoke = actions.add_parser("revoke", help="give an image or a key up: nothing of it is admitted any more")
    revoke.add_argument("image", metavar="IMAGE|DIGEST", nargs="?", help="a tag is resolved now")
    revoke.add_argument("--key", metavar="NAME|FINGERPRINT", help="a key of the ring, or any signer's fingerprint")
    revoke.add_argument(
        "--reason", required=True, metavar="TEXT", help="why: it is shown wherever something is refused"
    )
    revoke.add_argument("--at", metavar="TIME", help="from when on it counts as lost; now if left out")
    listing = actions.add_parser("list", help="list what was revoked")
    status = actions.add_parser("status", help="show whether the shared store answers, and what it is for")
    for action in (revoke, listing, status):
        action.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked. Raises ConfigError, UsageError, SourceError, SharedStoreError, StorageError, AuditError."""
    config = load(os.environ)
    actions = {"init": _init, "revoke": _revoke, "list": _list, "status": _status}
    return actions[arguments.action](config, arguments)


def _init(config: Config, _: argparse.Namespace) -> int:
    from trustkit.app import now, open_crypto
    from trustkit.durable import write_file
    from trustkit.fleet.sealed import new_key
    from trustkit.shared import known_revocations

    file = config.path("cache.key_file")
    if not config.text("cache.url") or file is None:
        raise ConfigError("cache.url and cache.key_file are not both set", next_step="set them; see docs/fleet.md")
    if not file.exists():
        write_file(file, new_key())
        print(f"{file}: the fleet's new key; copy it to every node, and to nobody else")
    whole = known_revocations(config, open_crypto(config)).publish((), now())
    print(f"{len(whole.items)} revocations")
    return 0


def _revoke(config: Config, arguments: argparse.Namespace) -> int:
    from trustkit.app import now, open_log
    from trustkit.cli.fleet_revocation import publish

    if bool(arguments.image) == bool(arguments.key):
        raise UsageError("give an image, or a key with --key", next_step="trustkit fleet revoke --help")
    reason = arguments.reason.strip()
    if not 0 < len(reason) <= limits.REVOCATION_REASON_CHARS:
        raise UsageError(f"--reason has 1 to {limits.REVOCATION_REASON_CHARS} characters")
    lost = KeyRevocation(moment_of(arguments.at) or now(), reason)
    if lost.at > now():
        raise UsageError("--at is in the future", next_step="a revocation holds at once")
    kind, what, name = _key(config, arguments.key) if arguments.key else _image(config, arguments.image)
    given_up = Revocation(kind, what, name, actor(), lost)
    with open_log(config) as log:
        publish(config, log, given_up)
    _show([given_up], arguments.output)
    return 0


def _key(config: Config, given: str) -> tuple[str, str, str]:
    from trustkit.app import public_keys
    from trustkit.codec.revocation_list import is_fingerprint
    from trustkit.fips.parse import public_key_from_pem

    if is_fingerprint(given.lower()):
        return KEY, given.lower(), ""
    if not KEY_NAME.match(given) and "/" not in given:
        raise UsageError(f"{given[:80]!r} is no name of a key and no fingerprint", next_step="see trustkit key list")
    (name, pem), *_ = public_keys(config, [given]).items()
    return KEY, public_key_from_pem(pem).fingerprint, name


def _image(config: Config, given: str) -> tuple[str, str, str]:
    from trustkit.model.reference import ImageRef
    from trustkit.sources import Sources

    if given.partition(":")[0] in _ALGORITHMS:
        # never a repository of that name: half a digest would be asked of Docker Hub as a tag
        return IMAGE, str(digest_of(given)), ""
    ref = ImageRef.parse(given)
    digest = ref.digest or Sources(config)(ref).manifest(ref.at).descriptor.digest
    return IMAGE, str(digest), str(ref)


def _list(config: Config, arguments: argparse.Namespace) -> int:
    from trustkit.app import now, open_crypto
    from trustkit.shared import known_revocations

    _show(known_revocations(config, open_crypto(config)).current(now()).revocations.items, arguments.output)
    return 0


def _show(items: list[Revocation] | tuple[Revocation, ...], output: str) -> None:
    if output == "json":
        as_json([{**one._asdict(), "lost": one.lost._asdict()} for one in items])
        return
    rows = [(one.kind, one.what, one.name, one.lost.at.isoformat(), one.by, one.lost.reason) for one in items]
    table(("KIND", "WHAT", "NAME", "FROM", "BY", "REASON"), rows)


def _status(config: Config, arguments: argparse.Namespace) -> int:
    """Show the store and how the list of revocations stands; 3 if decisions are refused for want of it."""
    from trustkit.app import now, open_crypto
    from trustkit.shared import known_revocations, sharing

    crypto = open_crypto(config)
    shared = sharing(config, crypto)
    place = shared.store.place if shared else "this machine"
    count, state, status = "-", "answers" if shared else "nothing is shared", 0
    try:
        known = known_revocations(config, crypto).current(now())
        count, state = str(len(known.revocations.items)), known.note or state
    except TrustkitError as error:
        state, status = error.message, error.exit_status
    if arguments.output == "json":
        as_json({"store": place, "revocations": count, "state": state, "allows": status == 0})
    else:
        table(("STORE", "REVOCATIONS", "STATE"), [(place, count, state)])
    return status
