"""The shapes of sealed content and of wrapped keys: what every provider asks before any maths."""

from trustkit.errors import MalformedError

# SP 800-38D 8.2: 96 bits, random; 5.2.1.2: a whole tag.
NONCE_BYTES, TAG_BYTES = 12, 16
_UNIT_BYTES = 8
# SP 800-38F 5.3.1: two units at least, and nothing here is larger than a key.
_LEAST_BYTES, _MOST_BYTES = 16, 1 << 16


def split(sealed: bytes) -> tuple[bytes, bytes, bytes]:
    """Return nonce, ciphertext and tag. Raises MalformedError."""
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise MalformedError(f"sealed content of {len(sealed)} bytes has no nonce and tag")
    return sealed[:NONCE_BYTES], sealed[NONCE_BYTES:-TAG_BYTES], sealed[-TAG_BYTES:]


def require_wrappable(content: bytes, *, padded: bool) -> None:
    """Return if a content of this length can be wrapped. Raises MalformedError. SP 800-38F 5.3.1."""
    least, unit = (1, 1) if padded else (_LEAST_BYTES, _UNIT_BYTES)
    if not least <= len(content) <= _MOST_BYTES or len(content) % unit:
        raise MalformedError(f"a key of {len(content)} bytes cannot be wrapped")


def require_wrapped(content: bytes, *, padded: bool) -> None:
    """Return if this can be a wrapped key. Raises MalformedError. SP 800-38F 5.3.1."""
    least = _LEAST_BYTES if padded else _LEAST_BYTES + _UNIT_BYTES
    if not least <= len(content) <= _MOST_BYTES or len(content) % _UNIT_BYTES:
        raise MalformedError(f"{len(content)} bytes cannot be a wrapped key")
