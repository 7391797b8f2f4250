"""Notary v1 metadata as bytes: what clients sign and publish, read back by `notary_tuf`."""

from collections.abc import Mapping
from datetime import UTC, datetime

from trustkit.codec import base64, olpc_json
from trustkit.codec.notary_tuf import FileMeta, Key, Listing, Root, Signature, Targets


def key_bytes(key: Key) -> bytes:
    """Return what a key's identifier is the hex SHA-256 of."""
    return olpc_json.encode(key_value(key))


def key_value(key: Key) -> dict[str, object]:
    """Return the key as a JSON value."""
    return {"keytype": key.key_type, "keyval": {"private": None, "public": base64.encode(key.public)}}


def meta_value(meta: FileMeta) -> dict[str, object]:
    """Return hashes and length as a JSON value."""
    hashes = {name: base64.encode(value) for name, value in meta.hashes}
    custom = {} if meta.custom is None else {"custom": meta.custom}
    return {**custom, "hashes": hashes, "length": meta.length}


def root_value(root: Root) -> dict[str, object]:
    """Return the `signed` part of a root file."""
    return {
        **_common("Root", root.version, root.expires),
        "consistent_snapshot": root.consistent_snapshot,
        "keys": {key_id: key_value(key) for key_id, key in root.keys.items()},
        "roles": {
            role.name: {"keyids": list(role.key_ids), "threshold": role.threshold} for role in root.roles.values()
        },
    }


def targets_value(body: Targets) -> dict[str, object]:
    """Return the `signed` part of a targets file."""
    roles = [
        {"keyids": list(role.key_ids), "name": role.name, "paths": list(role.paths), "threshold": role.threshold}
        for role in body.roles
    ]
    return {
        **_common("Targets", body.version, body.expires),
        "delegations": {"keys": {key_id: key_value(key) for key_id, key in body.keys.items()}, "roles": roles},
        "targets": {tag: meta_value(meta) for tag, meta in body.targets.items()},
    }


def listing_value(body: Listing, role: str) -> dict[str, object]:
    """Return the `signed` part of a snapshot or timestamp."""
    meta = {name: meta_value(item) for name, item in body.meta.items()}
    return {**_common(role.capitalize(), body.version, body.expires), "meta": meta}


def to_bytes(signed: Mapping[str, object], signatures: tuple[Signature, ...]) -> bytes:
    """Return the file: the canonical bytes that were signed, and the signatures on them."""
    items = [{"keyid": item.key_id, "method": item.method, "sig": base64.encode(item.signature)} for item in signatures]
    return b'{"signed":' + olpc_json.encode(signed) + b',"signatures":' + olpc_json.encode(items) + b"}"


def _common(kind: str, version: int, expires: datetime) -> dict[str, object]:
    stamp = expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"_type": kind, "version": version, "expires": stamp}
