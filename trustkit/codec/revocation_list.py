"""The list of what was revoked, as nodes keep and share it.

`{"revoked": [{"kind": "key"|"image", "what": fingerprint or digest, "name", "by", "at", "reason", "allowBefore"}]}`
"""

from datetime import UTC

from trustkit import limits
from trustkit.codec.canonical_json import canonical
from trustkit.codec.strict_json import as_bool, as_list, as_object, as_text, parse
from trustkit.codec.zoned_time import zoned_time
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.digest import Digest
from trustkit.model.keys import KeyRevocation
from trustkit.model.revocations import IMAGE, KEY, Revocation, Revocations

_WHAT = "list of revocations"
_MEMBERS = {"kind", "what", "name", "by", "at", "reason", "allowBefore"}
# SHA-256 of a key or certificate, or the 40 digits of an OpenPGP v4 key.
_FINGERPRINT_CHARS = (40, 64)
_HEX = frozenset("0123456789abcdef")


def write_revocations(revocations: Revocations) -> bytes:
    """Return the list's bytes: the same for the same revocations. Raises MalformedError, LimitExceededError."""
    listed = [
        {
            "kind": one.kind,
            "what": one.what,
            "name": one.name,
            "by": one.by,
            "at": one.lost.at.astimezone(UTC).isoformat(),
            "reason": one.lost.reason,
            "allowBefore": one.lost.allow_before,
        }
        for one in revocations.items
    ]
    content = canonical({"revoked": listed})
    # what others could not read would refuse everything everywhere
    read_revocations(content)
    return content


def read_revocations(content: bytes) -> Revocations:
    """Return the revocations. Raises MalformedError, LimitExceededError."""
    whole = as_object(parse(content, what=_WHAT, limit_bytes=limits.REVOCATIONS_BYTES), _WHAT)
    if set(whole) != {"revoked"}:
        raise MalformedError(f"{_WHAT} has other members than `revoked`")
    listed = as_list(whole["revoked"], _WHAT)
    if len(listed) > limits.REVOCATIONS:
        raise LimitExceededError(f"{_WHAT} has more than {limits.REVOCATIONS} entries")
    return Revocations().joined(_read(as_object(item, _WHAT)) for item in listed)


def is_fingerprint(text: str) -> bool:
    """Whether a text can be the fingerprint of a key or certificate: hexadecimal digits."""
    return len(text) in _FINGERPRINT_CHARS and set(text) <= _HEX


def _read(item: dict[str, object]) -> Revocation:
    if set(item) != _MEMBERS:
        raise MalformedError(f"{_WHAT} has an entry of another shape")
    texts = {name: as_text(item[name], f"{_WHAT} {name}") for name in _MEMBERS - {"allowBefore"}}
    kind, what = texts["kind"], texts["what"]
    if kind == IMAGE:
        Digest.parse(what)
    elif kind != KEY or not is_fingerprint(what):
        raise MalformedError(f"{_WHAT} revokes something unknown: {kind[:20]!r} {what[:80]!r}")
    if len(texts["reason"]) > limits.REVOCATION_REASON_CHARS:
        raise LimitExceededError(f"{_WHAT} has a reason of more than {limits.REVOCATION_REASON_CHARS} characters")
    allow = as_bool(item["allowBefore"], f"{_WHAT} allowBefore")
    return Revocation(
        kind, what, texts["name"], texts["by"], KeyRevocation(zoned_time(texts["at"], _WHAT), texts["reason"], allow)
    )
