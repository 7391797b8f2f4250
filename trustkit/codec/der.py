"""The few DER values that keys, signatures and certificates are made of, in their one encoding (X.690 section 10)."""

from trustkit.errors import MalformedError

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
ENUMERATED = 0x0A
SEQUENCE = 0x30
SET = 0x31

_LONG_FORM = 0x80
# Tags above 30 take more than one byte; nothing here uses them.
_HIGH_TAG = 0x1F
# X.690 8.19: an arc in seven bits a byte. No arc in use needs more than this.
_ARC_BYTES = 10
_OID_BYTES = 64
_CONTINUED = 0x80
# Four length bytes reach 4 GiB; no key or signature comes near.
_LENGTH_BYTES = 4


class Reader:
    """Reads values from the front of some bytes; every error names `what`."""

    __slots__ = ("_at", "_content", "_end", "_what")

    def __init__(self, content: bytes, what: str) -> None:
        """Stand before the first value."""
        self._content = content
        self._what = what
        self._at = 0
        self._end = len(content)

    def value(self, tag: int) -> bytes:
        """Return the content of the next value, which must have this tag. Raises MalformedError."""
        at = self._at
        if at >= self._end or self._content[at] != tag:
            raise self._malformed(f"no value with tag 0x{tag:02x} at byte {at}")
        start, length = self._length(at + 1)
        if length > self._end - start:
            raise self._malformed("cut off")
        self._at = start + length
        return self._content[start : self._at]

    def nested(self, tag: int = SEQUENCE) -> "Reader":
        """Return a reader of the next value's content. Raises MalformedError."""
        return Reader(self.value(tag), self._what)

    def unsigned(self) -> int:
        """Return the next INTEGER, which must be zero or more. Raises MalformedError."""
        content = self.value(INTEGER)
        if not content or content[0] & 0x80:
            raise self._malformed("a negative or empty integer")
        # X.690 8.3.2: the first nine bits are not all zero.
        if len(content) > 1 and content[0] == 0 and not content[1] & 0x80:
            raise self._malformed("an integer with needless zeros in front")
        return int.from_bytes(content, "big")

    def boolean(self) -> bool:
        """Return the next BOOLEAN, FF or 00. Raises MalformedError. X.690 11.1."""
        content = self.value(BOOLEAN)
        if content not in (b"\xff", b"\0"):
            raise self._malformed("a boolean that is neither FF nor 00")
        return content == b"\xff"

    def oid(self) -> str:
        """Return the next OBJECT IDENTIFIER with dots. Raises MalformedError. X.690 8.19."""
        content = self.value(OBJECT_IDENTIFIER)
        if not content or len(content) > _OID_BYTES or content[-1] & _CONTINUED:
            raise self._malformed("an object identifier that is empty, cut off or too long")
        arcs: list[int] = []
        arc = length = 0
        for byte in content:
            if (not length and byte == _CONTINUED) or length == _ARC_BYTES:
                raise self._malformed("an object identifier with needless or too many digits")
            arc, length = arc << 7 | byte & 0x7F, length + 1
            if not byte & _CONTINUED:
                arcs.append(arc)
                arc = length = 0
        first = min(arcs[0] // 40, 2)
        return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))

    def element(self) -> tuple[int, bytes]:
        """Return tag and content of the next value, whatever it is. Raises MalformedError."""
        tag = self.peek()
        if tag is None or tag & _HIGH_TAG == _HIGH_TAG:
            raise self._malformed("a value is missing, or its tag is unknown")
        return tag, self.value(tag)

    def raw(self, tag: int | None = None) -> bytes:
        """Return the next value whole, tag and length included. Raises MalformedError."""
        start = self._at
        if tag is None:
            self.element()
        else:
            self.value(tag)
        return self._content[start : self._at]

    def optional(self, tag: int) -> "Reader | None":
        """Return a reader of the next value's content if it has this tag. Raises MalformedError."""
        return self.nested(tag) if self.peek() == tag else None

    def bits(self) -> bytes:
        """Return the next BIT STRING, which must be whole bytes. Raises MalformedError."""
        content = self.value(BIT_STRING)
        if not content or content[0]:
            raise self._malformed("a bit string that is not whole bytes")
        return content[1:]

    def peek(self) -> int | None:
        """Return the tag of the next value, or None at the end."""
        return self._content[self._at] if self._at < self._end else None

    def require_end(self) -> None:
        """Return if nothing follows. Raises MalformedError."""
        if self._at != self._end:
            raise self._malformed(f"{self._end - self._at} bytes too many")

    def _length(self, at: int) -> tuple[int, int]:
        if at >= self._end:
            raise self._malformed("cut off")
        first = self._content[at]
        if first < _LONG_FORM:
            return at + 1, first
        count = first - _LONG_FORM
        encoded = self._content[at + 1 : at + 1 + count]
        if not 0 < count <= _LENGTH_BYTES or len(encoded) != count:
            raise self._malformed("a length that is indefinite, too long or cut off")
        length = int.from_bytes(encoded, "big")
        # X.690 10.1: the definite form in the fewest bytes.
        if length < _LONG_FORM or not encoded[0]:
            raise self._malformed("a length in more bytes than it needs")
        return at + 1 + count, length

    def _malformed(self, reason: str) -> MalformedError:
        return MalformedError(f"{self._what} is not DER: {reason}")


def encode(tag: int, *contents: bytes) -> bytes:
    """Return one value that holds the contents."""
    content = b"".join(contents)
    length = len(content)
    if length < _LONG_FORM:
        return bytes((tag, length)) + content
    encoded = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_FORM | len(encoded))) + encoded + content


def encode_unsigned(value: int) -> bytes:
    """Return an INTEGER of zero or more."""
    return encode(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def encode_oid(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return encode(OBJECT_IDENTIFIER, *(_encode_arc(arc) for arc in (first * 40 + second, *rest)))


def _encode_arc(arc: int) -> bytes:
    digits = [arc & 0x7F]
    while arc := arc >> 7:
        digits.append(arc & 0x7F | _CONTINUED)
    return bytes(reversed(digits))
