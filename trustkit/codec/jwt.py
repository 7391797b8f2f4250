"""JSON Web Tokens in compact form (RFC 7519 over RFC 7515 3.1): taken apart, nothing proven."""

from collections.abc import Mapping

from trustkit.codec import base64
from trustkit.codec.strict_json import as_object, as_text
from trustkit.codec.strict_json import parse as parse_json
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

_WHAT = "token"
_TOKEN_CHARS = 16 * 1024
_PARTS = 3


class Token(NamedTuple):
    """A token as found: `signed` is what its signature must fit."""

    algorithm: str
    header: Mapping[str, object]
    claims: Mapping[str, object]
    signed: bytes
    signature: bytes


def parse(text: str) -> Token:
    """Return the token. Raises MalformedError, LimitExceededError.

    RFC 7515 4.1.11: no critical extension is understood here, so `crit` is refused.
    """
    if len(text) > _TOKEN_CHARS:
        raise LimitExceededError(f"{_WHAT} is longer than {_TOKEN_CHARS} characters")
    parts = text.split(".")
    if len(parts) != _PARTS or not text.isascii():
        raise MalformedError(f"{_WHAT} has not three parts")
    header = _object(parts[0], "header")
    if "crit" in header:
        raise MalformedError(f"{_WHAT} has critical extensions")
    algorithm = as_text(header.get("alg"), f"{_WHAT} alg")
    signed = f"{parts[0]}.{parts[1]}".encode("ascii")
    return Token(algorithm, header, _object(parts[1], "claims"), signed, _decode(parts[2], "signature"))


def _object(text: str, what: str) -> dict[str, object]:
    whole = f"{_WHAT} {what}"
    return as_object(parse_json(_decode(text, what), what=whole, limit_bytes=_TOKEN_CHARS, fold_names=False), whole)


def _decode(text: str, what: str) -> bytes:
    """RFC 7515 section 2: the URL-safe alphabet without padding."""
    if "=" in text or "+" in text or "/" in text:
        raise MalformedError(f"{_WHAT} {what} is not base64url")
    padded = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
    return base64.decode(padded, f"{_WHAT} {what}")
