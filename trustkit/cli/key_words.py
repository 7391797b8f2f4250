"""A key of the ring as people and programs read it, and what the options of `key` say of it."""

import argparse
import os

from trustkit.cli.output import as_json, plain, print_place
from trustkit.cli.words import moment_of
from trustkit.config import load
from trustkit.errors import UsageError
from trustkit.model.keys import KeyLife
from trustkit.signing.key_life import KeyRecord
from trustkit.signing.keyring import Keyring, StoredKey


def limit(ring: Keyring, key: StoredKey, arguments: argparse.Namespace) -> StoredKey:
    """Put down --not-before and --not-after. Raises UsageError, StorageError."""
    life = KeyLife(moment_of(arguments.not_before), moment_of(arguments.not_after))
    if life == KeyLife():
        return key
    ring.write_record(key.name, key.record._replace(life=life))
    return ring.show(key.name)


def check_bounds(arguments: argparse.Namespace) -> None:
    """Return if the two times make sense, before anything is made. Raises UsageError."""
    starts, ends = moment_of(arguments.not_before), moment_of(arguments.not_after)
    if starts and ends and starts > ends:
        raise UsageError("--not-before is later than --not-after")


def import_remote(ring: Keyring, name: str, uri: str) -> StoredKey:
    """Keep the public half of a token's key under a name. Raises UsageError, KeyUnavailableError, StorageError."""
    from trustkit.app import open_crypto
    from trustkit.signing.key_providers.remote import public_remote

    config = load(os.environ)
    found = public_remote(uri, open_crypto(config), config.path("keys.pkcs11_module"))
    record = KeyRecord(found.public.fingerprint, uri=found.uri, place=found.place)
    return ring.import_remote(name, found.public, record)


def private_half(key: StoredKey) -> str:
    """Return where the private half is, in one word."""
    return "yes" if key.has_private else key.record.uri.partition(":")[0] or "no"


def state(key: StoredKey) -> str:
    """Return whether the key may be used now, and until when."""
    from trustkit.app import now

    life, moment = key.record.life, now()
    if life.revoked:
        return f"revoked from {life.revoked.at.date()}: {life.revoked.reason}"
    if life.not_before and moment < life.not_before:
        return f"from {life.not_before.date()}"
    if life.not_after:
        return f"{'ended' if moment > life.not_after else 'until'} {life.not_after.date()}"
    return "active"


def print_key(key: StoredKey, output: str, more: str = "") -> None:
    """Print one key."""
    if output == "json":
        as_json(key_json(key))
        return
    print(f"{key.name}  {key.public.kind}\n  fingerprint  {key.public.fingerprint}\n  public key   {key.public_path}")
    print(f"  private key  {key.private_path if key.has_private else plain(key.record.uri) or 'not here'}")
    print(f"  state        {plain(state(key))}")
    if key.record.replaced_by:
        print(f"  replaced by  {key.record.replaced_by[:16]}")
    print_place(key.record.place)
    if more:
        print(more)


def key_json(key: StoredKey) -> dict[str, object]:
    """Return one key for programs."""
    life = key.record.life
    return {
        "name": key.name,
        "kind": key.public.kind,
        "bits": key.public.bits,
        "fingerprint": key.public.fingerprint,
        "public": str(key.public_path),
        "private": str(key.private_path) if key.has_private else key.record.uri or None,
        "state": state(key),
        "not_before": life.not_before,
        "not_after": life.not_after,
        "revoked": life.revoked._asdict() if life.revoked else None,
        "replaced_by": key.record.replaced_by or None,
        "place": key.record.place,
    }
