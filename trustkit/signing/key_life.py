"""What the key ring knows of a key beside the key: from when to when it may be used, that it is revoked, where it is.

NAME.json lies beside NAME.pub. It names the key by fingerprint, so a revocation holds for that key under every name
and in every policy of this machine.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from trustkit.codec.strict_json import as_bool, as_object, as_text, parse
from trustkit.codec.zoned_time import zoned_time
from trustkit.errors import KeyExpiredError, KeyFileError, KeyRevokedError, MalformedError
from trustkit.model.keys import KeyLife, KeyRevocation, stricter
from trustkit.model.revocations import KEY, Revocation
from trustkit.model.values import NamedTuple
from trustkit.signing.trust.roots import TrustedKey, TrustRoots

_RECORD_BYTES = 64 * 1024
# Key rings are small; a folder with more than this is something else.
_RECORDS = 4096
_MEMBERS = {"fingerprint", "notBefore", "notAfter", "revoked", "uri", "place", "replacedBy"}
_FINGERPRINT_CHARS = 64


class KeyRecord(NamedTuple):
    """One key's record; `uri` says where its private half is if not here, `place` what that place says of itself."""

    fingerprint: str
    life: KeyLife = KeyLife()
    uri: str = ""
    place: Mapping[str, str] | None = None
    replaced_by: str = ""


def parse_record(content: bytes, what: str) -> KeyRecord:
    """Return the record in a file's content. Raises MalformedError."""
    value = as_object(parse(content, what=what, limit_bytes=_RECORD_BYTES), what)
    unknown = sorted(set(value) - _MEMBERS)
    if unknown:
        raise MalformedError(f"{what}: {unknown[0][:40]!r} is no member of a key's record")
    fingerprint = as_text(value.get("fingerprint"), f"{what}: fingerprint")
    if len(fingerprint) != _FINGERPRINT_CHARS or not set(fingerprint) <= set("0123456789abcdef"):
        raise MalformedError(f"{what}: the fingerprint is none")
    life = KeyLife(_moment(value, "notBefore", what), _moment(value, "notAfter", what), _revocation(value, what))
    place = as_object(value["place"], f"{what}: place") if "place" in value else None
    return KeyRecord(
        fingerprint,
        life,
        as_text(value.get("uri", ""), f"{what}: uri"),
        {name: as_text(one, f"{what}: place") for name, one in place.items()} if place is not None else None,
        as_text(value.get("replacedBy", ""), f"{what}: replacedBy"),
    )


def record_bytes(record: KeyRecord) -> bytes:
    """Return the record as its file holds it."""
    life = record.life
    value: dict[str, object] = {"fingerprint": record.fingerprint}
    for name, moment in (("notBefore", life.not_before), ("notAfter", life.not_after)):
        if moment is not None:
            value[name] = _text(moment)
    if life.revoked is not None:
        lost = life.revoked
        value["revoked"] = {"at": _text(lost.at), "reason": lost.reason, "acceptOlder": lost.allow_before}
    texts = {"uri": record.uri, "replacedBy": record.replaced_by}
    value |= {name: text for name, text in texts.items() if text}
    if record.place:
        value["place"] = dict(record.place)
    return json.dumps(value, indent=2).encode() + b"\n"


def read_record(file: Path) -> KeyRecord | None:
    """Return the record in a file, None if there is none. Raises KeyFileError: a broken one is not overlooked."""
    try:
        with file.open("rb") as stream:
            return parse_record(stream.read(_RECORD_BYTES + 1), str(file))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyFileError(f"{file}: {(error.strerror or str(error)).lower()}") from error
    except MalformedError as error:
        step = "mend it or, if the key was never revoked, remove it"
        raise KeyFileError(error.message, next_step=step) from error


def read_lives(folder: Path) -> dict[str, KeyLife]:
    """Return what a key ring says of its keys, by fingerprint. Raises KeyFileError."""
    found: dict[str, KeyLife] = {}
    files = sorted(folder.glob("*.json"))
    if len(files) > _RECORDS:
        raise KeyFileError(f"{folder}: more than {_RECORDS} key records")
    for file in files:
        record = read_record(file)
        if record is not None:
            known = found.get(record.fingerprint)
            found[record.fingerprint] = _narrower(known, record.life) if known else record.life
    return found


def limited(trust: TrustRoots, lives: Mapping[str, KeyLife]) -> TrustRoots:
    """Return the same trust, its keys within what the key ring says of them; who they are, those revoked are known."""
    keys = tuple(_limited(key, lives.get(key.key.fingerprint)) for key in trust.keys)
    lost = (Revocation(KEY, key, "", "the key ring", life.revoked) for key, life in lives.items() if life.revoked)
    return trust._replace(keys=keys, revoked=trust.revoked.joined(lost))


def require_in_force(record: KeyRecord, name: str, now: datetime) -> None:
    """Return if a key may sign now. Raises KeyRevokedError, KeyExpiredError."""
    life = record.life
    if life.revoked is not None:
        raise KeyRevokedError(
            f"key {name} is revoked from {_text(life.revoked.at)}: {life.revoked.reason}",
            next_step="sign with another key: trustkit key list",
        )
    if life.not_before is not None and now < life.not_before:
        raise KeyExpiredError(f"key {name} may not be used before {_text(life.not_before)}")
    if life.not_after is not None and now > life.not_after:
        step = f"make a new one: trustkit key rotate {name}"
        raise KeyExpiredError(f"key {name} may not be used after {_text(life.not_after)}", next_step=step)


def _limited(key: TrustedKey, life: KeyLife | None) -> TrustedKey:
    if life is None:
        return key
    within = _narrower(KeyLife(key.not_before, key.not_after, key.revoked), life)
    return key._replace(not_before=within.not_before, not_after=within.not_after, revoked=within.revoked)


def _narrower(one: KeyLife, other: KeyLife) -> KeyLife:
    starts = [found for found in (one.not_before, other.not_before) if found]
    ends = [found for found in (one.not_after, other.not_after) if found]
    revoked = stricter(one.revoked, other.revoked)
    return KeyLife(max(starts, default=None), min(ends, default=None), revoked)


def _revocation(value: dict[str, object], what: str) -> KeyRevocation | None:
    if "revoked" not in value:
        return None
    inner = as_object(value["revoked"], f"{what}: revoked")
    if set(inner) != {"at", "reason", "acceptOlder"}:
        raise MalformedError(f"{what}: revoked does not say at, reason and acceptOlder")
    at = _moment(inner, "at", what)
    if at is None:
        raise MalformedError(f"{what}: revoked at no time")
    return KeyRevocation(
        at, as_text(inner["reason"], f"{what}: reason"), as_bool(inner["acceptOlder"], f"{what}: acceptOlder")
    )


def _moment(value: dict[str, object], name: str, what: str) -> datetime | None:
    if name not in value:
        return None
    return zoned_time(as_text(value[name], f"{what}: {name}"), f"{what}: {name}")


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
