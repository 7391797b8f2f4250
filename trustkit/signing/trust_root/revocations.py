"""The list of revoked keys that a trust root distributes.

`{"keys": [{"fingerprint": hex SHA-256 of the SPKI, "name", "at", "reason", "allowBefore"}]}`
"""

import json
import re

from trustkit import limits
from trustkit.codec.strict_json import as_bool, as_list, as_object, as_text, parse
from trustkit.codec.zoned_time import zoned_time
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.keys import KeyRevocation
from trustkit.model.values import NamedTuple

_WHAT = "list of revoked keys"
_FINGERPRINT = re.compile(r"[0-9a-f]{64}\Z")
_MOST = 10_000


class Revoked(NamedTuple):
    """One revoked key: which, what it was called, and from when on it counts as lost."""

    fingerprint: str
    name: str
    revocation: KeyRevocation


def read(content: bytes) -> tuple[Revoked, ...]:
    """Return the revoked keys. Raises MalformedError, LimitExceededError."""
    whole = as_object(parse(content, what=_WHAT, limit_bytes=limits.TRUST_FILE_BYTES), _WHAT)
    listed = as_list(whole.get("keys"), _WHAT)
    if len(listed) > _MOST:
        raise LimitExceededError(f"{_WHAT} has more than {_MOST} entries")
    return tuple(_one(as_object(item, _WHAT)) for item in listed)


def write(revoked: tuple[Revoked, ...]) -> bytes:
    """Return the list as JSON."""
    listed = [
        {
            "fingerprint": one.fingerprint,
            "name": one.name,
            "at": one.revocation.at.isoformat(),
            "reason": one.revocation.reason,
            "allowBefore": one.revocation.allow_before,
        }
        for one in revoked
    ]
    return json.dumps({"keys": listed}, indent=1).encode() + b"\n"


def _one(item: dict[str, object]) -> Revoked:
    fingerprint = as_text(item.get("fingerprint"), f"{_WHAT} fingerprint")
    if not _FINGERPRINT.match(fingerprint):
        raise MalformedError(f"{_WHAT} has a fingerprint that is none: {fingerprint[:80]!r}")
    at = zoned_time(as_text(item.get("at"), f"{_WHAT} at"), _WHAT)
    allow = as_bool(item.get("allowBefore", False), f"{_WHAT} allowBefore")
    revocation = KeyRevocation(at, as_text(item.get("reason"), f"{_WHAT} reason"), allow)
    return Revoked(fingerprint, as_text(item.get("name"), f"{_WHAT} name"), revocation)
