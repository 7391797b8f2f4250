"""Keys of your own: make, list, show, import and export them.

Private keys are stored encrypted (PKCS#8, PBES2 with AES-256) in files only you can read. The passphrase
comes from TRUSTKIT_PASSWORD or COSIGN_PASSWORD, or is asked for.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from trustkit import durable
from trustkit.cli.output import as_json, table
from trustkit.cli.words import actor, ask_passphrase
from trustkit.config import load
from trustkit.errors import KeyFileError
from trustkit.model.audit import AuditEvent
from trustkit.signing.keyring import EXPORTS, Keyring, StoredKey

KINDS = ("ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-3072", "rsa-4096")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="generate|list|show|import|export|remove")
    generate = actions.add_parser("generate", help="make a key pair")
    generate.add_argument("name", metavar="NAME")
    generate.add_argument("--kind", choices=KINDS, default="ecdsa-p256")
    show = actions.add_parser("show", help="show one key")
    show.add_argument("name", metavar="NAME")
    listing = actions.add_parser("list", help="list all keys")
    incoming = actions.add_parser("import", help="copy a key in: PKCS#8, cosign's file, or a public key")
    incoming.add_argument("name", metavar="NAME")
    incoming.add_argument("file", metavar="FILE")
    incoming.add_argument("--insecure-allow-plain", action="store_true", help="take an unencrypted private key")
    export = actions.add_parser("export", help="write a key out")
    export.add_argument("name", metavar="NAME")
    export.add_argument("--format", choices=EXPORTS, default="public")
    export.add_argument("--to", metavar="FILE", help="where to; standard output for public keys if left out")
    remove = actions.add_parser("remove", help="delete both halves of a key")
    remove.add_argument("name", metavar="NAME")
    for action in (generate, show, listing, incoming, export, remove):
        action.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked. Raises UsageError, KeyFileError, StorageError, AuditError."""
    from trustkit.app import open_crypto

    config = load(os.environ)
    ring = Keyring(config.keys, open_crypto(config))
    actions = {
        "generate": _generate, "list": _list, "show": _show, "import": _import, "export": _export, "remove": _remove,
    }  # fmt: skip
    actions[arguments.action](ring, arguments)
    return 0


def _generate(ring: Keyring, arguments: argparse.Namespace) -> None:
    from trustkit.audit.events import key_generated

    passphrase = ask_passphrase(f"Passphrase for the new key {arguments.name}", confirm=True)
    key = ring.generate(arguments.name, arguments.kind, passphrase)
    _record(key_generated, key)
    _print(key, arguments.output, f"  next: trustkit sign --key {key.name} IMAGE")


def _import(ring: Keyring, arguments: argparse.Namespace) -> None:
    from trustkit.audit.events import key_imported

    source = Path(arguments.file)
    content = _read(source)
    if b"-----BEGIN PUBLIC KEY-----" in content:
        key = ring.import_public(arguments.name, content)
    else:
        passphrase = ask_passphrase(f"Passphrase of {source}, and of the copy")
        plain = arguments.insecure_allow_plain
        key = ring.import_key(arguments.name, source, lambda _: passphrase, passphrase, insecure_allow_plain=plain)
    _record(key_imported, key)
    _print(key, arguments.output)


def _record(event: Callable[..., AuditEvent], key: StoredKey) -> None:
    from trustkit.app import now, open_log

    made = event(now(), name=key.name, kind=key.public.kind, fingerprint=key.public.fingerprint, actor=actor())
    with open_log(load(os.environ)) as log:
        log.append(made)


def _list(ring: Keyring, arguments: argparse.Namespace) -> None:
    keys = ring.list()
    if arguments.output == "json":
        as_json([_json(key) for key in keys])
        return
    rows = [(key.name, key.public.kind, str(key.public.bits), "yes" if key.has_private else "no", key.public.short)
            for key in keys]  # fmt: skip
    table(("NAME", "KIND", "BITS", "PRIVATE", "FINGERPRINT"), rows)


def _show(ring: Keyring, arguments: argparse.Namespace) -> None:
    _print(ring.show(arguments.name), arguments.output)


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
    ring.remove(arguments.name)
    print(arguments.name)


def _read(source: Path) -> bytes:
    from trustkit.limits import KEY_FILE_BYTES

    try:
        with source.open("rb") as file:
            return file.read(KEY_FILE_BYTES + 1)
    except OSError as error:
        raise KeyFileError(f"{source}: {(error.strerror or str(error)).lower()}", next_step="check the path") from error


def _print(key: StoredKey, output: str, more: str = "") -> None:
    if output == "json":
        as_json(_json(key))
        return
    print(f"{key.name}  {key.public.kind}\n  fingerprint  {key.public.fingerprint}\n  public key   {key.public_path}")
    print(f"  private key  {key.private_path if key.has_private else 'not here'}")
    if more:
        print(more)


def _json(key: StoredKey) -> dict[str, object]:
    return {
        "name": key.name,
        "kind": key.public.kind,
        "bits": key.public.bits,
        "fingerprint": key.public.fingerprint,
        "public": str(key.public_path),
        "private": str(key.private_path) if key.has_private else None,
    }
