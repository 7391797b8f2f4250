"""JSON of reviews, read fast and as strictly as `codec.strict_json` reads: no name occurs twice.

A decoder written in C keeps the last of two equal names. Text that comes out of the encoder again, byte by byte, has no
such names; only other text (spaces, escapes) is read by the slow and strict parser as well.
"""

from collections.abc import Mapping

import msgspec

from trustkit import limits
from trustkit.codec import strict_json
from trustkit.errors import MalformedError

_DEEP = msgspec.json.Decoder()
_FLAT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODE = msgspec.json.Encoder().encode
# Go writes these escapes in strings (encoding/json, HTML-safe); nothing else does, and a backslash is only in strings.
_GO_ESCAPES = ((rb"\u003c", b"<"), (rb"\u003e", b">"), (rb"\u0026", b"&"))

# The members of an object, each still text; and one of whose members some were read with it.
Members = dict[str, msgspec.Raw]
Object = Mapping[str, msgspec.Raw | Members]


def members(text: bytes | msgspec.Raw | Members, what: str) -> Members:
    """Return the members of one object, each still text. Raises MalformedError, LimitExceededError."""
    if isinstance(text, dict):
        return text
    try:
        found = _FLAT.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"{what} is no JSON object: {error}") from error
    if _ENCODE(found) != bytes(text):
        _require_strict(bytes(text), what)
    return found


def text_of(found: msgspec.Raw | Members) -> bytes:
    """Return the text of a member, as it was sent."""
    return _ENCODE(found) if isinstance(found, dict) else bytes(found)


def value(text: bytes | msgspec.Raw | Members, what: str) -> object:
    """Return the value of a text. Raises MalformedError, LimitExceededError."""
    if isinstance(text, dict):
        text = _ENCODE(text)
    try:
        found: object = _DEEP.decode(text)
        same = _ENCODE(found) == bytes(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"{what} is not JSON: {error}") from error
    if not same and _ENCODE(found) != _unescaped(bytes(text)):
        _require_strict(bytes(text), what)
    return found


def _unescaped(text: bytes) -> bytes:
    for escaped, plain in _GO_ESCAPES:
        text = text.replace(escaped, plain)
    return text


def _require_strict(text: bytes, what: str) -> None:
    strict_json.parse(text, what=what, limit_bytes=limits.REVIEW_BYTES, fold_names=False)
