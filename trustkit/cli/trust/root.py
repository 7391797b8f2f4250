"""A trust root of your own: keys, identities, authorities and policies, distributed by TUF.

Keepers: init, add, delegate, revoke and rotate stage the next version; each keeper signs it; publish takes it
when enough have. A web server that serves the folder is all there is to it.
Clients: update fetches and checks it; with trust.root in the configuration, verification trusts what it brought.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from trustkit import limits
from trustkit.app import now, open_crypto, open_log, public_keys
from trustkit.audit.events import trust_updated
from trustkit.cli.identities import bounded_content
from trustkit.cli.numbers import MOST_DAYS, number
from trustkit.cli.on_record import done
from trustkit.cli.output import as_json, table
from trustkit.cli.signer import open_private
from trustkit.cli.words import actor, moment_of
from trustkit.config import Config, load
from trustkit.errors import UsageError
from trustkit.fips.parse import public_key_from_pem
from trustkit.model.keys import KeyRevocation, PublicKey

_KINDS = ("keys", "identities", "policies", "sigstore", "ca", "signingAuthority", "tsa", "openpgp")
_WARN_DAYS = 7
_FINGERPRINT_CHARS = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = parser.add_subparsers(dest="step", required=True, metavar="ACTION")
    init = actions.add_parser("init", help="make a trust root; its first version waits for signatures")
    init.add_argument("--key", action="append", required=True, metavar="KEY", help="a keeper's public key; repeatable")
    init.add_argument("--threshold", type=int, default=1, help="how many keepers must sign the root")
    init.add_argument("--targets-key", action="append", metavar="KEY", help="who signs the files; default: the keepers")
    init.add_argument("--targets-threshold", type=int, help="how many of those must sign")
    init.add_argument("--online-key", action="append", metavar="KEY", help="who publishes; default: the first keeper")
    init.add_argument("--expires", action="append", default=[], metavar="ROLE=DAYS", help="how long versions last")
    add = actions.add_parser("add", help="distribute a file, or stop to")
    add.add_argument("file", metavar="FILE", nargs="?", help="left out with --remove")
    add.add_argument("--kind", choices=_KINDS, default="keys")
    add.add_argument("--name", help="default: the file's name")
    add.add_argument("--role", default="targets", help="a delegated role that signs for it")
    add.add_argument("--remove", action="store_true", help="distribute it no longer")
    sign = actions.add_parser("sign", help="sign what is staged")
    rotate = actions.add_parser("rotate", help="let other keys sign for a role, or give all roles new ends")
    rotate.add_argument("--role", default="root", choices=("root", "targets", "snapshot", "timestamp"))
    rotate.add_argument("--add", action="append", default=[], metavar="KEY")
    rotate.add_argument(
        "--drop", action="append", default=[], metavar="KEY", help="a name, or a fingerprint's beginning"
    )
    rotate.add_argument("--threshold", type=int)
    rotate.add_argument("--renew", action="store_true", help="same keys, new ends")
    delegate = actions.add_parser("delegate", help="let others sign for some paths")
    delegate.add_argument("role", metavar="ROLE")
    delegate.add_argument("--key", action="append", required=True, metavar="KEY")
    delegate.add_argument("--threshold", type=int, default=1)
    delegate.add_argument("--path", action="append", required=True, metavar="PATTERN", help="such as keys/team-*.pub")
    revoke = actions.add_parser("revoke", help="make every verification with a key fail from now on")
    revoke.add_argument("key", metavar="KEY", help="a distributed name, a key, or a fingerprint")
    revoke.add_argument("--reason", required=True)
    revoke.add_argument("--at", metavar="TIME", help="from when on it counts as lost; default: now")
    revoke.add_argument("--keep-older", action="store_true", help="signatures provably older stay valid")
    publish = actions.add_parser("publish", help="publish what is staged and signed")
    for action in (sign, publish):
        action.add_argument("--key", action="append", required=True, metavar="KEY", help="private key; repeatable")
    for action in (init, add, sign, rotate, delegate, revoke, publish):
        action.add_argument("--in", dest="folder", metavar="FOLDER", default=".", help="the trust root; default: here")
    _client_arguments(actions)


def _client_arguments(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    update = actions.add_parser("update", help="client: fetch and check the newest version")
    update.add_argument("--url", action="append", default=[], metavar="URL", help="where it is; mirrors tried in turn")
    update.add_argument("--root", metavar="FILE", help="its root.json, the first time")
    update.add_argument("--to", metavar="FOLDER", help="default: trust.root of the configuration")
    show = actions.add_parser("show", help="roles, keys, signatures and ends; of a client: what it holds")
    show.add_argument("--in", dest="folder", metavar="FOLDER", help="default: what this client holds")
    show.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Do it. Raises UsageError, VerificationError, SourceError, MalformedError, KeyFileError, StorageError."""
    steps = {
        "init": _init, "add": _add, "sign": _sign, "rotate": _rotate, "delegate": _delegate, "revoke": _revoke,
        "publish": _publish, "update": _update, "show": _show,
    }  # fmt: skip
    config = load(os.environ)
    open_crypto(config)
    steps[arguments.step](arguments, config)
    return 0


def _public(config: Config, given: Sequence[str]) -> tuple[PublicKey, ...]:
    return tuple(public_key_from_pem(public_keys(config, [one]).popitem()[1]) for one in given)


def _init(arguments: argparse.Namespace, config: Config) -> None:
    from trustkit.signing.trust_root.repository import PERIODS, Repository, RolePlan

    keepers = RolePlan(_public(config, arguments.key), arguments.threshold)
    targets = keepers
    if arguments.targets_key:
        targets = RolePlan(_public(config, arguments.targets_key))
    if arguments.targets_threshold:
        targets = targets._replace(threshold=arguments.targets_threshold)
    online = RolePlan(_public(config, arguments.online_key or arguments.key[:1]))
    periods = {}
    for given in arguments.expires:
        role, _, days = given.partition("=")
        count = number(days)
        if role not in PERIODS or count is None or not 0 < count <= MOST_DAYS:
            raise UsageError(f"{given[:80]!r} is not ROLE=DAYS", next_step="write --expires timestamp=7")
        periods[role] = count
    plans = {"root": keepers, "targets": targets, "snapshot": online, "timestamp": online}
    Repository.create(_folder(arguments), plans, periods, now())
    _staged("root", "targets")


def _add(arguments: argparse.Namespace, _config: Config) -> None:
    from trustkit.signing.trust_root.layout import path_of
    from trustkit.signing.trust_root.repository import Repository

    repository = Repository(_folder(arguments), now())
    if not arguments.file and not (arguments.remove and arguments.name):
        raise UsageError("nothing to add", next_step="name a file, or give --remove and --name")
    path = path_of(arguments.kind, arguments.name or Path(arguments.file).stem)
    if arguments.remove:
        if not repository.drop(path):
            raise UsageError(f"{path} is not distributed", next_step="see trustkit trust root show")
    else:
        content = bounded_content(Path(arguments.file), limits.TRUST_FILE_BYTES)
        if arguments.kind == "keys":
            public_key_from_pem(content)
        repository.put(path, content, arguments.role)
    _staged(arguments.role)


def _sign(arguments: argparse.Namespace, config: Config) -> None:
    from trustkit.signing.trust_root.repository import Repository

    repository = Repository(_folder(arguments), now())
    for key in arguments.key:
        print(f"{key} signed {', '.join(repository.sign(open_private(config, key)))}")


def _rotate(arguments: argparse.Namespace, config: Config) -> None:
    from trustkit.signing.trust_root.repository import Repository

    repository = Repository(_folder(arguments), now())
    if arguments.renew:
        repository.renew()
        _staged("every role")
        return
    if not (arguments.add or arguments.drop or arguments.threshold):
        raise UsageError("nothing to change", next_step="give --add, --drop, --threshold or --renew")
    drop = [one if _is_hex(one) else _public(config, [one])[0].fingerprint for one in arguments.drop]
    repository.rotate(arguments.role, _public(config, arguments.add), drop, arguments.threshold)
    _staged("root")


def _delegate(arguments: argparse.Namespace, config: Config) -> None:
    from trustkit.signing.trust_root.repository import Repository, RolePlan

    plan = RolePlan(_public(config, arguments.key), arguments.threshold)
    Repository(_folder(arguments), now()).delegate(arguments.role, plan, arguments.path)
    _staged("targets", arguments.role)


def _revoke(arguments: argparse.Namespace, config: Config) -> None:
    from trustkit.signing.trust_root import revocations
    from trustkit.signing.trust_root.layout import REVOKED, path_of
    from trustkit.signing.trust_root.repository import Repository

    repository = Repository(_folder(arguments), now())
    given, fingerprint = arguments.key, arguments.key
    if not (_is_hex(given) and len(given) == _FINGERPRINT_CHARS):
        found = None if "/" in given else repository.anywhere(path_of("keys", given))
        fingerprint = (public_key_from_pem(found) if found else _public(config, [given])[0]).fingerprint
        if found:
            repository.drop(path_of("keys", given))
    before = revocations.read(repository.content(REVOKED) or b'{"keys": []}')
    lost = KeyRevocation(moment_of(arguments.at) or now(), arguments.reason, arguments.keep_older)
    added = revocations.Revoked(fingerprint, given, lost)
    repository.put(REVOKED, revocations.write((*(one for one in before if one.fingerprint != fingerprint), added)))
    _staged("targets")


def _publish(arguments: argparse.Namespace, config: Config) -> None:
    from trustkit.signing.trust_root.publish import publish
    from trustkit.signing.trust_root.repository import Repository

    repository = Repository(_folder(arguments), now())
    keys = [open_private(config, key) for key in arguments.key]
    print(f"published version {publish(repository, keys)}")
    for one in repository.standing():
        _warn(f"{one.role} version {one.version}", one.expires)


def _update(arguments: argparse.Namespace, config: Config) -> None:
    from trustkit.signing.trust_root.client import Asked, update

    folder = Path(arguments.to) if arguments.to else _kept(config)
    first = bounded_content(Path(arguments.root), limits.TRUSTED_ROOT_BYTES) if arguments.root else None
    asked = Asked(tuple(arguments.url), first, config.path("registry.ca_file"))
    # first: nothing is trusted anew that cannot be put on record
    with open_log(config) as log:
        state = update(folder, asked, now())
        event = trust_updated(now(), root=state.root, files=dict(state.files), until=state.expires, actor=actor())
        done(log, f"{folder} is updated to root version {state.root}", [event], "give the same command again")
    print(f"{folder} is up to date: root version {state.root}, {len(state.files)} files, until {state.expires}")
    _warn("the trust root's metadata", state.expires)
    if not config.path("trust.root"):
        print(f'  next: write root = "{folder.absolute()}" under [trust] in {config.file}')


def _show(arguments: argparse.Namespace, config: Config) -> None:
    if arguments.folder and (Path(arguments.folder) / "periods.json").is_file():
        _show_repository(arguments)
        return
    from trustkit.signing.trust_root.cache import read_cache

    folder = Path(arguments.folder) if arguments.folder else _kept(config)
    found = read_cache(folder, now(), config.number("trust.root_grace"))
    revoked = [(one.name, one.fingerprint[:16], one.revocation.reason) for one in found.revoked]
    if arguments.output == "json":
        listed = [dict(zip(("name", "fingerprint", "reason"), one, strict=True)) for one in revoked]
        as_json({"expires": found.expires, "files": [path for path, _ in found.files], "revoked": listed})
        return
    table(("FILE", "BYTES"), [(path, str(len(content))) for path, content in found.files])
    for one in revoked:
        print(f"revoked: {' '.join(one)}")
    _warn("the trust root's metadata", found.expires)


def _show_repository(arguments: argparse.Namespace) -> None:
    from trustkit.signing.trust_root.repository import Repository

    repository = Repository(Path(arguments.folder), now())
    standing = repository.standing()
    if arguments.output == "json":
        as_json([one._asdict() for one in standing])
        return
    rows = [
        (one.role, str(one.version), "staged" if one.staged else "published", f"{one.signed} of {one.threshold}",
         str(one.expires)[:10], " ".join(key[:12] for key in one.keys))
        for one in standing
    ]  # fmt: skip
    table(("ROLE", "VERSION", "STATE", "SIGNED", "UNTIL", "KEYS"), rows)
    for one in standing:
        _warn(f"{one.role} version {one.version}", one.expires)


def _kept(config: Config) -> Path:
    return config.path("trust.root") or config.home / "trust-root"


def _folder(arguments: argparse.Namespace) -> Path:
    return Path(arguments.folder).absolute()


def _is_hex(text: str) -> bool:
    return len(text) >= 8 and set(text) <= set("0123456789abcdef")  # noqa: PLR2004  (enough to name one key)


def _staged(*roles: str) -> None:
    print(f"staged: {', '.join(roles)}\n  next: trustkit trust root sign --key KEY, then publish")


def _warn(what: str, expires: datetime) -> None:
    left = (expires - now()).days
    if left < _WARN_DAYS:
        end = f"expires in {left} days" if left >= 0 else "is expired"
        print(f"warning: {what} {end} ({expires.isoformat()})", file=sys.stderr)
