"""Keys of your own: make, list, show, import, export, rotate and revoke them.

Private keys are stored encrypted (PKCS#8, PBES2 with AES-256) in files only you can read. The passphrase
comes from TRUSTKIT_PASSWORD or COSIGN_PASSWORD, or is asked for. A key may also stay in a token: import its
pkcs11: URI. What a revoked key signed is refused here by every policy, unless --accept-older spares it.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from trustkit import durable
from trustkit.cli.key_words import check_bounds, import_remote, key_json, limit, print_key, private_half, state
from trustkit.cli.output import as_json, table
from trustkit.cli.words import actor, ask_passphrase
from trustkit.config import load
from trustkit.errors import KeyFileError
from trustkit.model.audit import AuditEvent
from trustkit.signing.key_providers.remote import is_remote
from trustkit.signing.keyring import EXPORTS, Keyring, StoredKey

if TYPE_CHECKING:
    from trustkit.audit.log import DecisionLog

KINDS = (
    "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-3072", "rsa-4096", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="generate|list|show|import|export|rotate|revoke|remove"
    )
    generate = actions.add_parser("generate", help="make a key pair")
    generate.add_argument("name", metavar="NAME")
    generate.add_argument("--kind", choices=KINDS, default="ecdsa-p256")
    show = actions.add_parser("show", help="show one key")
    show.add_argument("name", metavar="NAME")
    listing = actions.add_parser("list", help="list all keys")
    incoming = actions.add_parser("import", help="copy a key in: PKCS#8, cosign's file, a public key, or a token's URI")
    incoming.add_argument("name", metavar="NAME")
    incoming.add_argument("file", metavar="FILE|URI")
    incoming.add_argument("--insecure-allow-plain", action="store_true", help="take an unencrypted private key")
    export = actions.add_parser("export", help="write a key out")
    export.add_argument("name", metavar="NAME")
    export.add_argument("--format", choices=EXPORTS, default="public")
    export.add_argument("--to", metavar="FILE", help="where to; standard output for public keys if left out")
    remove = actions.add_parser("remove", help="delete both halves of a key")
    remove.add_argument("name", metavar="NAME")
    for limited in (generate, incoming):
        limited.add_argument("--not-before", metavar="TIME", help="the key counts from then on")
        limited.add_argument("--not-after", metavar="TIME", help="the key counts until then")
    for action in (generate, show, listing, incoming, export, remove, *_lifecycle_arguments(actions)):
        action.add_argument("--output", choices=("table", "json"), default="table")


def _lifecycle_arguments(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> tuple[argparse.ArgumentParser, ...]:
    rotate = actions.add_parser("rotate", help="put a new key under the name; the old one verifies for a while")
    rotate.add_argument("name", metavar="NAME")
    rotate.add_argument("--kind", choices=KINDS, help="of the new key; as the old one if left out")
    rotate.add_argument("--to", metavar="URI", help="the new key is in this token")
    rotate.add_argument("--overlap", metavar="DAYS", type=float, default=30.0, help="how long the old key verifies")
    revoke = actions.add_parser("revoke", help="give a key up: what it signed is refused")
    revoke.add_argument("name", metavar="NAME")
    revoke.add_argument("--reason", required=True, metavar="TEXT", help="why")
    revoke.add_argument("--at", metavar="TIME", help="from when on it counts as lost; now if left out")
    revoke.add_argument("--accept-older", action="store_true",
                        help="accept what a trusted log or timestamp proves to be older")  # fmt: skip
    revoke.add_argument("--fleet", action="store_true", help="for all nodes that share cache.url, and every policy")
    return rotate, revoke


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked. Raises UsageError, KeyFileError, StorageError, AuditError."""
    from trustkit.app import open_crypto
    from trustkit.cli.key_lifecycle import revoke, rotate

    config = load(os.environ)
    ring = Keyring(config.keys, open_crypto(config))
    actions = {
        "generate": _generate, "list": _list, "show": _show, "import": _import, "export": _export, "remove": _remove,
        "rotate": rotate, "revoke": revoke,
    }  # fmt: skip
    actions[arguments.action](ring, arguments)
    return 0


def _generate(ring: Keyring, arguments: argparse.Namespace) -> None:
    from trustkit.app import open_log
    from trustkit.audit.events import key_generated

    check_bounds(arguments)
    with open_log(load(os.environ)) as log:
        passphrase = ask_passphrase(f"Passphrase for the new key {arguments.name}", confirm=True)
        key = ring.generate(arguments.name, arguments.kind, passphrase)
        _record(log, key_generated, key)
        key = limit(ring, key, arguments)
    print_key(key, arguments.output, f"  next: trustkit sign --key {key.name} IMAGE")


def _import(ring: Keyring, arguments: argparse.Namespace) -> None:
    from trustkit.app import open_log
    from trustkit.audit.events import key_imported

    check_bounds(arguments)
    with open_log(load(os.environ)) as log:
        key = _imported(ring, arguments)
        _record(log, key_imported, key)
        key = limit(ring, key, arguments)
    print_key(key, arguments.output)


def _imported(ring: Keyring, arguments: argparse.Namespace) -> StoredKey:
    if is_remote(arguments.file):
        return import_remote(ring, arguments.name, arguments.file)
    source = Path(arguments.file)
    content = _read(source)
    if b"-----BEGIN PUBLIC KEY-----" in content:
        return ring.import_public(arguments.name, content)
    passphrase = ask_passphrase(f"Passphrase of {source}, and of the copy")
    plain = arguments.insecure_allow_plain
    return ring.import_key(arguments.name, source, lambda _: passphrase, passphrase, insecure_allow_plain=plain)


def _record(log: "DecisionLog", event: Callable[..., AuditEvent], key: StoredKey) -> None:
    """Put on record that a key is there, before anything more is done to it. Raises AuditError, that says so."""
    from trustkit.app import now
    from trustkit.cli.on_record import done

    made = event(now(), name=key.name, kind=key.public.kind, fingerprint=key.public.fingerprint, actor=actor())
    step = f"remove the key (trustkit key remove {key.name}) and make or import it again"
    done(log, f"key {key.name} is in the ring", [made], step)


def _list(ring: Keyring, arguments: argparse.Namespace) -> None:
    keys = ring.list()
    if arguments.output == "json":
        as_json([key_json(key) for key in keys])
        return
    rows = [(key.name, key.public.kind, str(key.public.bits), private_half(key), key.public.short, state(key))
            for key in keys]  # fmt: skip
    table(("NAME", "KIND", "BITS", "PRIVATE", "FINGERPRINT", "STATE"), rows)


def _show(ring: Keyring, arguments: argparse.Namespace) -> None:
    print_key(ring.show(arguments.name), arguments.output)


def _export(ring: Keyring, arguments: argparse.Namespace) -> None:
    private = arguments.format != "public"
    if private and not arguments.to:
        raise KeyFileError("a private key is not printed", next_step="name a file with --to")
    passphrase = ask_passphrase(f"Passphrase of {arguments.name}, and of the copy") if private else b""
    content = ring.export(arguments.name, arguments.format, lambda _: passphrase, passphrase)
    if arguments.to:
        durable.write_file(Path(arguments.to).absolute(), content, mode=0o600 if private else 0o644)
        print(arguments.to)
    else:
        print(content.decode(), end="")


def _remove(ring: Keyring, arguments: argparse.Namespace) -> None:
    from trustkit.app import now, open_log
    from trustkit.audit.events import key_removed
    from trustkit.cli.on_record import done

    with open_log(load(os.environ)) as log:
        key = ring.show(arguments.name)
        ring.remove(key.name)
        gone = key_removed(
            now(), name=key.name, kind=key.public.kind, fingerprint=key.public.fingerprint, actor=actor()
        )
        done(log, f"key {key.name} is removed", [gone])
    print(key.name)


def _read(source: Path) -> bytes:
    from trustkit.limits import KEY_FILE_BYTES

    try:
        with source.open("rb") as file:
            return file.read(KEY_FILE_BYTES + 1)
    except OSError as error:
        raise KeyFileError(f"{source}: {(error.strerror or str(error)).lower()}", next_step="check the path") from error
