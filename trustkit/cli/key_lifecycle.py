"""`key rotate` and `key revoke`: change the ring, put it on record, say what to do next."""

import argparse
import os
from datetime import timedelta

from trustkit import limits
from trustkit.app import now, open_crypto, open_log
from trustkit.audit.events import key_revoked, key_rotated
from trustkit.audit.log import DecisionLog
from trustkit.cli.fleet_revocation import publish
from trustkit.cli.key_words import key_json, print_key
from trustkit.cli.on_record import done
from trustkit.cli.output import as_json
from trustkit.cli.words import actor, ask_passphrase, moment_of
from trustkit.config import Config, load
from trustkit.errors import ConfigError, PluginError, UsageError
from trustkit.fleet.errors import SharedStoreError
from trustkit.model.keys import KeyRevocation
from trustkit.model.revocations import KEY, Revocation
from trustkit.signing.key_life import KeyRecord
from trustkit.signing.key_providers.remote import is_remote, public_remote
from trustkit.signing.key_rotation import NewKey, Overlap, new_file_key
from trustkit.signing.key_rotation import rotate as rotated
from trustkit.signing.keyring import Keyring, StoredKey

_GENERATED = {"rsa": "rsa-3072"}
_MOST_DAYS = 3650


def rotate(ring: Keyring, arguments: argparse.Namespace) -> None:
    """Put a new key under the name. Raises UsageError, KeyFileError, KeyRevokedError, StorageError, AuditError."""
    if not 0 <= arguments.overlap <= _MOST_DAYS:
        raise UsageError(f"--overlap is from 0 to {_MOST_DAYS} days")
    old = ring.show(arguments.name)
    with open_log(load(os.environ)) as log:
        new = _new(old, arguments)
        fresh, retired = rotated(ring, arguments.name, new, Overlap(now(), timedelta(days=arguments.overlap)))
        event = key_rotated(
            now(),
            name=fresh.name,
            fingerprint=fresh.public.fingerprint,
            replaces=retired.public.fingerprint,
            until=retired.record.life.not_after,
            actor=actor(),
        )
        done(log, f"key {fresh.name} is rotated", [event])
    if arguments.output == "json":
        as_json({"new": key_json(fresh), "old": key_json(retired)})
        return
    print_key(fresh, "table")
    print_key(retired, "table")
    print(f"  next: give {fresh.public_path} to those who verify; sign again what must outlive the old key")


def revoke(ring: Keyring, arguments: argparse.Namespace) -> None:
    """Give a key up. Raises UsageError, KeyFileError, StorageError, AuditError; as `publish` with --fleet."""
    reason = arguments.reason.strip()
    if not 0 < len(reason) <= limits.REVOCATION_REASON_CHARS:
        most = limits.REVOCATION_REASON_CHARS
        raise UsageError(
            f"--reason is empty, or has more than {most} characters",
            next_step="say why: it is shown wherever the key is refused",
        )
    lost = KeyRevocation(moment_of(arguments.at) or now(), reason, arguments.accept_older)
    if lost.at > now():
        raise UsageError("--at is in the future", next_step="a key that ends later: key rotate --overlap")
    config = load(os.environ)
    with open_log(config) as log:
        key = _given_up(ring, arguments, lost, log)
        if arguments.fleet:
            _give_up_for_all(config, log, key)
    step = "revoke it in every policy and trust root that names it (docs/keys.md)"
    print_key(key, arguments.output, "" if arguments.fleet else f"  next: {step}, or for all nodes with --fleet")


def _given_up(ring: Keyring, arguments: argparse.Namespace, lost: KeyRevocation, log: DecisionLog) -> StoredKey:
    known = ring.show(arguments.name)
    if arguments.fleet and known.record.life.revoked is not None:
        # another try, after the shared store was silent the first time
        return known
    key = ring.revoke(arguments.name, lost)
    event = key_revoked(now(), name=key.name, fingerprint=key.public.fingerprint, revocation=lost, actor=actor())
    done(log, f"key {key.name} is revoked on this machine", [event])
    return key


def _give_up_for_all(config: Config, log: DecisionLog, key: StoredKey) -> None:
    lost = key.record.life.revoked
    assert lost is not None  # noqa: S101  (narrowing)
    try:
        publish(config, log, Revocation(KEY, key.public.fingerprint, key.name, actor(), lost))
    except (ConfigError, PluginError, SharedStoreError) as error:
        raise type(error)(
            f"key {key.name} is revoked on this machine, and not for the fleet: {error.message}",
            next_step="bring the shared store back (trustkit fleet status), and give the same command again",
        ) from error


def _new(old: StoredKey, arguments: argparse.Namespace) -> NewKey:
    config = load(os.environ)
    crypto = open_crypto(config)
    if arguments.to:
        if not is_remote(arguments.to):
            raise UsageError("--to is the URI of a key in a token", next_step="leave it out to make a key in the ring")
        found = public_remote(arguments.to, crypto, config.path("keys.pkcs11_module"))
        return NewKey(found.public, b"", KeyRecord(found.public.fingerprint, uri=found.uri, place=found.place))
    if not old.has_private:
        raise UsageError(f"the private half of {old.name} is not here", next_step="say with --to where the new key is")
    kind = arguments.kind or _GENERATED.get(old.public.kind, old.public.kind)
    passphrase = ask_passphrase(f"Passphrase for the new key {old.name}", confirm=True)
    return new_file_key(kind, passphrase, crypto)
