"""CBOR in its one deterministic encoding, as far as COSE uses it (RFC 8949 section 4.2, RFC 9052).

Integers, byte and text strings, arrays, maps, tags, true, false and null. Lengths are definite and as short as can be;
the members of a map are distinct. The order of members is not asked for: signers sort differently.
"""

from collections.abc import Iterable

from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

_DEPTH = 16
_NODES = 4096
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_SIMPLE_VALUES: dict[int, bool | None] = {20: False, 21: True, 22: None}
# Additional information: up to here the value itself; then how many bytes hold it.
_DIRECT = 23
_FOLLOWING = {24: 1, 25: 2, 26: 4, 27: 8}


class Tagged(NamedTuple):
    """A value under a tag."""

    tag: int
    value: object


def parse(content: bytes, *, what: str, limit_bytes: int) -> object:
    """Return the value of one item: int, bytes, str, list, dict, Tagged, bool or None.

    Raises MalformedError, LimitExceededError.
    """
    if len(content) > limit_bytes:
        raise LimitExceededError(f"{what} is larger than {limit_bytes} bytes")
    reader = _Reader(content, what)
    value = reader.item(0)
    reader.require_end()
    return value


class _Reader:
    def __init__(self, content: bytes, what: str) -> None:
        self._content, self._what = content, what
        self._at = self._nodes = 0

    def require_end(self) -> None:
        """Return if nothing follows. Raises MalformedError."""
        if self._at != len(self._content):
            raise self._malformed(f"{len(self._content) - self._at} bytes too many")

    def item(self, depth: int) -> object:
        """Return the next item. Raises MalformedError, LimitExceededError."""
        self._nodes += 1
        if depth > _DEPTH or self._nodes > _NODES:
            raise LimitExceededError(f"{self._what} is nested too deep or has too many values")
        first = self._take(1)[0]
        kind, number = first >> 5, self._number(first & 0x1F, first >> 5)
        if kind in (_ARRAY, _MAP, _TAG):
            return self._nested(kind, number, depth + 1)
        if kind == _BYTES:
            return self._take(number)
        if kind == _TEXT:
            return self._text(number)
        if kind == _SIMPLE:
            return self._simple(number)
        return number if kind == _UNSIGNED else -1 - number

    def _nested(self, kind: int, number: int, depth: int) -> object:
        if kind == _TAG:
            return Tagged(number, self.item(depth))
        if kind == _MAP:
            return self._members(number, depth)
        return [self.item(depth) for _ in range(self._countable(number))]

    def _simple(self, number: int) -> bool | None:
        if number not in _SIMPLE_VALUES:
            raise self._malformed("a simple value or floating-point number that is not used here")
        return _SIMPLE_VALUES[number]

    def _members(self, count: int, depth: int) -> dict[object, object]:
        found: dict[object, object] = {}
        for _ in range(self._countable(count)):
            label = self.item(depth)
            if not isinstance(label, int | str) or isinstance(label, bool):
                raise self._malformed("a label that is neither a number nor a text")
            if label in found:
                raise self._malformed(f"label {str(label)[:40]!r} twice")
            found[label] = self.item(depth)
        return found

    def _number(self, told: int, kind: int) -> int:
        if told <= _DIRECT:
            return told
        if told not in _FOLLOWING:
            raise self._malformed("an indefinite length")
        number = int.from_bytes(self._take(_FOLLOWING[told]), "big")
        least = {24: _DIRECT + 1, 25: 1 << 8, 26: 1 << 16, 27: 1 << 32}[told]
        if number < least or kind == _SIMPLE:
            raise self._malformed("a number in more bytes than it needs")
        return number

    def _countable(self, count: int) -> int:
        if count > len(self._content) - self._at:
            raise self._malformed("cut off")
        return count

    def _text(self, length: int) -> str:
        try:
            return self._take(length).decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._malformed("a text that is not UTF-8") from error

    def _take(self, length: int) -> bytes:
        if length > len(self._content) - self._at:
            raise self._malformed("cut off")
        self._at += length
        return self._content[self._at - length : self._at]

    def _malformed(self, reason: str) -> MalformedError:
        return MalformedError(f"{self._what} is not deterministic CBOR: {reason}")


def encode_integer(number: int) -> bytes:
    """Return an integer item."""
    return _head(_UNSIGNED, number) if number >= 0 else _head(_NEGATIVE, -1 - number)


def encode_bytes(content: bytes) -> bytes:
    """Return a byte string item."""
    return _head(_BYTES, len(content)) + content


def encode_text(text: str) -> bytes:
    """Return a text string item."""
    content = text.encode()
    return _head(_TEXT, len(content)) + content


def encode_array(*items: bytes) -> bytes:
    """Return an array of encoded items."""
    return _head(_ARRAY, len(items)) + b"".join(items)


def encode_map(members: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return a map of encoded labels and values, in the order of the labels' bytes (RFC 8949 4.2.1)."""
    listed = sorted(members)
    return _head(_MAP, len(listed)) + b"".join(label + value for label, value in listed)


def encode_tagged(tag: int, item: bytes) -> bytes:
    """Return an encoded item under a tag."""
    return _head(_TAG, tag) + item


def _head(kind: int, number: int) -> bytes:
    if number <= _DIRECT:
        return bytes((kind << 5 | number,))
    told, size = next((told, size) for told, size in _FOLLOWING.items() if number < 1 << 8 * size)
    return bytes((kind << 5 | told,)) + number.to_bytes(size, "big")
