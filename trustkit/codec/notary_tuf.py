"""Notary v1 metadata, as Docker Content Trust signs images (TUF before it had a version).

    {"signed":{"_type":"Targets","delegations":{"keys":{},"roles":[]},"expires":"2029-11-22T18:14:31Z",
               "targets":{"v1":{"hashes":{"sha256":"<base64>"},"length":401}},"version":4},
     "signatures":[{"keyid":"<hex>","method":"ecdsa","sig":"<base64>"}]}

What is signed is the OLPC canonical JSON of `signed`, so the layout of a file is free. Repeated names are
refused (clients keep the last one), and so are other spellings of the names a client looks for (Go takes
`Version` for `version`). Names of targets keep their case: `V1` and `v1` are two tags.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from trustkit import limits
from trustkit.codec import base64, olpc_json
from trustkit.codec.strict_json import as_bool, as_int, as_list, as_object, as_text
from trustkit.codec.strict_json import parse as parse_json
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

ROOT = "root"
TARGETS = "targets"
SNAPSHOT = "snapshot"
TIMESTAMP = "timestamp"
RELEASES = "targets/releases"
BASE_ROLES = (ROOT, TARGETS, SNAPSHOT, TIMESTAMP)

_SHA_BYTES = {"sha256": 32, "sha512": 64}
_HEX_ID = re.compile(r"[0-9a-f]{64}\Z")
_DELEGATION = re.compile(r"targets(?:/[-a-z0-9_]+)+\Z")
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})\Z", re.ASCII)
_NAME_CHARS = 255
_MOST_VERSION = (1 << 31) - 1


class Key(NamedTuple):
    """A public key as metadata writes it: what `public` holds depends on `key_type`.

    `ecdsa` and `rsa`: SubjectPublicKeyInfo; `ed25519`: 32 bytes; `…-x509`: a certificate in PEM.
    """

    key_type: str
    public: bytes


class Role(NamedTuple):
    """Whose signatures count for a role, and how many of them are needed; `paths` limit a delegation."""

    name: str
    key_ids: tuple[str, ...]
    threshold: int
    paths: tuple[str, ...] = ("",)


class FileMeta(NamedTuple):
    """What a file or an image's manifest must hash to: algorithm and bytes, and its length.

    `custom` is a JSON value that publishers may add to a target; nobody interprets it.
    """

    hashes: tuple[tuple[str, bytes], ...]
    length: int
    custom: object = None

    def hash_of(self, algorithm: str) -> bytes:
        """Return the hash by this algorithm; empty if there is none."""
        return dict(self.hashes).get(algorithm, b"")


class Signature(NamedTuple):
    """One signature on a file."""

    key_id: str
    method: str
    signature: bytes


class Root(NamedTuple):
    """The keys of the four roles."""

    version: int
    expires: datetime
    keys: Mapping[str, Key]
    roles: Mapping[str, Role]
    consistent_snapshot: bool = False


class Targets(NamedTuple):
    """Tags and what they stand for, and to whom more of them are delegated, in order of priority."""

    version: int
    expires: datetime
    targets: Mapping[str, FileMeta]
    keys: Mapping[str, Key]
    roles: tuple[Role, ...]


class Listing(NamedTuple):
    """A snapshot (every other file) or a timestamp (the snapshot)."""

    version: int
    expires: datetime
    meta: Mapping[str, FileMeta]


class Envelope(NamedTuple):
    """A file as found: nothing in it is proven. `signed` is what its signatures must fit."""

    kind: str
    signed: bytes
    members: Mapping[str, object]
    signatures: tuple[Signature, ...]


def parse(content: bytes, what: str = "metadata") -> Envelope:
    """Return the envelope in these bytes; `what` names it in errors. Raises MalformedError, LimitExceededError."""
    value = parse_json(content, what=what, limit_bytes=limits.TRUST_METADATA_BYTES, fold_names=False)
    outer = _members(value, what, ("signed", "signatures"))
    signed = _members(outer.get("signed"), what, ("_type", "version", "expires"))
    kind = as_text(signed.get("_type"), f"{what} _type")
    items = _bounded(as_list(outer.get("signatures"), f"{what} signatures"), f"{what} signatures")
    return Envelope(kind, olpc_json.encode(signed), signed, tuple(_signature(item, what) for item in items))


def read_root(envelope: Envelope) -> Root:
    """Return the body of a root file. Raises MalformedError."""
    version, expires, members = _body(envelope, "Root", ("keys", "roles", "consistent_snapshot"))
    keys = _keys(members.get("keys"), "root keys")
    found = as_object(members.get("roles"), "root roles")
    roles = {name: _role(found.get(name), f"root role {name}", name) for name in BASE_ROLES}
    consistent = as_bool(members.get("consistent_snapshot", False), "root consistent_snapshot")
    return Root(version, expires, keys, roles, consistent)


def read_targets(envelope: Envelope, name: str = TARGETS) -> Targets:
    """Return the body of the targets file of a role. Raises MalformedError."""
    version, expires, members = _body(envelope, "Targets", ("targets", "delegations"))
    items = _bounded_object(members.get("targets") or {}, f"{name} targets")
    targets = {tag: _file_meta(item, f"{name} target {tag[:80]!r}") for tag, item in items.items()}
    delegations = _members(members.get("delegations") or {}, f"{name} delegations", ("keys", "roles"))
    keys = _keys(delegations.get("keys") or {}, f"{name} delegation keys")
    listed = _bounded(as_list(delegations.get("roles") or [], f"{name} delegations"), f"{name} delegations")
    roles = tuple(_delegation(item, name) for item in listed)
    if len({role.name for role in roles}) != len(roles):
        raise MalformedError(f"{name} delegates to one role twice")
    return Targets(version, expires, targets, keys, roles)


def read_listing(envelope: Envelope, role: str) -> Listing:
    """Return the body of `snapshot` or `timestamp`, which must list what the role is for. Raises MalformedError."""
    version, expires, members = _body(envelope, role.capitalize(), ("meta",))
    items = _bounded_object(members.get("meta"), f"{role} meta")
    meta = {name: _file_meta(item, f"{role}'s entry {name[:80]!r}") for name, item in items.items()}
    for needed in (ROOT, TARGETS) if role == SNAPSHOT else (SNAPSHOT,):
        if needed not in meta:
            raise MalformedError(f"{role} does not list {needed}")
    return Listing(version, expires, meta)


def read_key(content: bytes, what: str) -> Key:
    """Return a key as a server tells it. Raises MalformedError, LimitExceededError."""
    return _key(parse_json(content, what=what, limit_bytes=limits.KEY_FILE_BYTES, fold_names=False), what)


def is_delegation(name: str) -> bool:
    """Whether this may be the name of a delegated role."""
    return len(name) <= _NAME_CHARS and _DELEGATION.match(name) is not None


def _body(envelope: Envelope, kind: str, names: tuple[str, ...]) -> tuple[int, datetime, dict[str, object]]:
    if envelope.kind != kind:
        raise MalformedError(f"metadata calls itself {envelope.kind[:40]!r}, not {kind!r}")
    members = _members(dict(envelope.members), kind, names)
    version = as_int(members.get("version"), f"{kind} version")
    if not 1 <= version <= _MOST_VERSION:
        raise MalformedError(f"{kind} version {version} is not from 1 to {_MOST_VERSION}")
    return version, _time(as_text(members.get("expires"), f"{kind} expires"), kind), members


def _members(value: object, what: str, names: tuple[str, ...]) -> dict[str, object]:
    members = as_object(value, what)
    for name in members:
        if name not in names and name.casefold() in names:
            raise MalformedError(f"{what} spells {name.casefold()} as {name[:40]!r}")
    return members


def _bounded(items: list[object], what: str) -> list[object]:
    if len(items) > limits.TRUST_SIGNATURES:
        raise LimitExceededError(f"{what}: {len(items)}; {limits.TRUST_SIGNATURES} are allowed")
    return items


def _bounded_object(value: object, what: str) -> dict[str, object]:
    members = as_object(value, what)
    if len(members) > limits.TRUST_TARGETS:
        raise LimitExceededError(f"{what}: {len(members)}; {limits.TRUST_TARGETS} are allowed")
    return members


def _signature(value: object, what: str) -> Signature:
    members = _members(value, f"{what} signature", ("keyid", "method", "sig"))
    key_id = as_text(members.get("keyid"), f"{what} keyid")
    if not _HEX_ID.match(key_id):
        raise MalformedError(f"{what} is signed by {key_id[:80]!r}, which is no key id")
    text = as_text(members.get("sig"), f"{what} sig")
    if len(text) > limits.SIGNATURE_TEXT_CHARS:
        raise LimitExceededError(f"{what}: a signature is longer than {limits.SIGNATURE_TEXT_CHARS} characters")
    method = as_text(members.get("method"), f"{what} method")
    return Signature(key_id, method, base64.decode(text, f"{what} sig"))


def _keys(value: object, what: str) -> dict[str, Key]:
    members = as_object(value, what)
    _bounded(list(members), what)
    keys: dict[str, Key] = {}
    for key_id, item in members.items():
        if not _HEX_ID.match(key_id):
            raise MalformedError(f"{what}: {key_id[:80]!r} is no key id")
        keys[key_id] = _key(item, what)
    return keys


def _key(value: object, what: str) -> Key:
    members = _members(value, what, ("keytype", "keyval"))
    halves = _members(members.get("keyval"), what, ("private", "public"))
    if halves.get("private") is not None:
        raise MalformedError(f"{what} hold a private key")
    public = as_text(halves.get("public"), f"{what} public")
    if len(public) > limits.KEY_FILE_BYTES:
        raise LimitExceededError(f"{what}: a key is longer than {limits.KEY_FILE_BYTES} characters")
    return Key(as_text(members.get("keytype"), f"{what} keytype"), base64.decode(public, f"{what} public"))


def _role(value: object, what: str, name: str) -> Role:
    members = _members(value, what, ("keyids", "threshold", "name", "paths"))
    listed = _bounded(as_list(members.get("keyids"), f"{what} keyids"), f"{what} keyids")
    key_ids = tuple(as_text(item, f"{what} keyid") for item in listed)
    if len(set(key_ids)) != len(key_ids):
        raise MalformedError(f"{what} lists a key twice")
    threshold = as_int(members.get("threshold"), f"{what} threshold")
    if threshold < 1:
        raise MalformedError(f"{what} has threshold {threshold}; at least one signature is needed")
    return Role(name, key_ids, threshold)


def _delegation(value: object, parent: str) -> Role:
    members = _members(value, f"{parent} delegation", ("name", "paths"))
    name = as_text(members.get("name"), f"{parent} delegation name")
    if not is_delegation(name) or name.rpartition("/")[0] != parent:
        raise MalformedError(f"{parent} delegates to {name[:80]!r}, which is not directly below it")
    listed = _bounded(as_list(members.get("paths") or [], f"{name} paths"), f"{name} paths")
    paths = tuple(as_text(item, f"{name} path") for item in listed)
    return _role(value, name, name)._replace(paths=paths)


def _file_meta(value: object, what: str) -> FileMeta:
    members = _members(value, what, ("hashes", "length", "custom"))
    length = as_int(members.get("length"), f"{what} length")
    if length < 0:
        raise MalformedError(f"{what} has a negative length")
    hashes: list[tuple[str, bytes]] = []
    for name, item in as_object(members.get("hashes"), f"{what} hashes").items():
        decoded = base64.decode(as_text(item, f"{what} {name[:20]}"), f"{what} {name[:20]}")
        if name in _SHA_BYTES:
            if len(decoded) != _SHA_BYTES[name]:
                raise MalformedError(f"{what}: {name} of {len(decoded)} bytes")
            hashes.append((name, decoded))
    if "sha256" not in dict(hashes):
        # files are addressed by it, and so are images
        raise MalformedError(f"{what} has no sha256")
    return FileMeta(tuple(hashes), length, members.get("custom"))


def _time(text: str, what: str) -> datetime:
    """RFC 3339; Go writes nanoseconds, of which the part below a microsecond is dropped."""
    found = _TIME.match(text)
    if found is None:
        raise MalformedError(f"{what} expires {text[:40]!r}, which is no time")
    fraction = (found[2] or "")[:7]
    try:
        return datetime.fromisoformat(f"{found[1]}{fraction}{found[3]}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedError(f"{what} expires {text[:40]!r}, which is no time") from error
