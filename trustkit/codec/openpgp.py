"""OpenPGP packets, and the one kind of message that signs an image (RFC 9580 sections 4, 5 and 10.3).

    [compressed packet] one-pass signature, literal data, signature

Read strictly: exactly one signature over binary data, nothing before, between or after it, and one layer of
compression at most, whose output is bounded. What GnuPG would repair or skip is refused.
"""

from collections.abc import Iterator

from trustkit import limits
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

SIGNATURE, ONE_PASS, PUBLIC_KEY, COMPRESSED, MARKER, LITERAL, USER_ID, SUBKEY, ATTRIBUTE, PADDING = (
    2, 4, 6, 8, 10, 11, 13, 14, 17, 21,
)  # fmt: skip
_BINARY = ord("b")
# RFC 9580 4.2.1.4: the first partial length is at least this.
_FIRST_PART_BYTES = 512
_ZIP, _ZLIB, _BZIP2 = 1, 2, 3


class Packet(NamedTuple):
    """One packet: its type and its body."""

    type: int
    body: bytes


class OnePass(NamedTuple):
    """What is said before the data of the signature behind it; `issuer` is a key ID or a fingerprint."""

    version: int
    type: int
    hash_algorithm: int
    key_algorithm: int
    salt: bytes
    issuer: bytes


class SignedMessage(NamedTuple):
    """The signed data, and the bodies of the two packets around it."""

    data: bytes
    one_pass: OnePass
    signature: bytes


def signed_message(content: bytes, what: str) -> SignedMessage:
    """Return the parts of a message with exactly one signature. Raises MalformedError, LimitExceededError."""
    if len(content) > limits.SIGNATURE_BYTES:
        raise LimitExceededError(f"{what} is over {limits.SIGNATURE_BYTES} bytes")
    if content[:1] == b"-" or (content and content[0] < 0x80):  # noqa: PLR2004
        raise MalformedError(f"{what} is not binary OpenPGP (armoured text is not read)")
    found = tuple(packets(content, what))
    if found and found[0].type == COMPRESSED:
        if len(found) > 1:
            raise MalformedError(f"{what} has something after its compressed packet")
        found = tuple(packets(_inflated(found[0].body, what), what))
    types = tuple(packet.type for packet in found)
    if types != (ONE_PASS, LITERAL, SIGNATURE):
        raise MalformedError(f"{what} is not one signature over one literal, but the packets {types[:8]}")
    return SignedMessage(_literal(found[1].body, what), _one_pass(found[0].body, what), found[2].body)


def packets(content: bytes, what: str) -> Iterator[Packet]:
    """Yield the packets. Raises MalformedError, LimitExceededError."""
    at, count = 0, 0
    while at < len(content):
        count += 1
        if count > limits.OPENPGP_PACKETS:
            raise LimitExceededError(f"{what} has more than {limits.OPENPGP_PACKETS} packets")
        packet, at = _packet(content, at, what)
        yield packet


def _packet(content: bytes, at: int, what: str) -> tuple[Packet, int]:
    """Read the packet at `at`; return it and where the next begins."""
    head = content[at]
    if not head & 0x80:
        raise MalformedError(f"{what} is not OpenPGP at byte {at}")
    if head & 0x40:
        return _new_packet(content, at, head & 0x3F, what)
    kind, size = head >> 2 & 0x0F, head & 3
    if size == 3:  # noqa: PLR2004
        # RFC 9580 4.2.2: an indeterminate length runs to the end; GnuPG writes compressed packets so
        if kind not in (COMPRESSED, LITERAL):
            raise MalformedError(f"{what} has a packet {kind} without a length")
        return Packet(kind, content[at + 1 :]), len(content)
    start = at + 1 + (1 << size)
    length = int.from_bytes(content[at + 1 : start], "big")
    return Packet(kind, cut(content, start, length, what)), start + length


def _new_packet(content: bytes, at: int, kind: int, what: str) -> tuple[Packet, int]:
    parts: list[bytes] = []
    at += 1
    while True:
        start, length, partial = _new_length(content, at, what)
        if partial and kind not in (COMPRESSED, LITERAL):
            raise MalformedError(f"{what} has a packet {kind} in parts")
        if partial and not parts and length < _FIRST_PART_BYTES:
            raise MalformedError(f"{what} has a first part of {length} bytes")
        parts.append(cut(content, start, length, what))
        at = start + length
        if not partial:
            return Packet(kind, b"".join(parts)), at


def _new_length(content: bytes, at: int, what: str) -> tuple[int, int, bool]:
    """Return where the body begins, its length, and whether more parts follow (RFC 9580 4.2.1)."""
    first = cut(content, at, 1, what)[0]
    if first < 192:  # noqa: PLR2004
        return at + 1, first, False
    if first < 224:  # noqa: PLR2004
        return at + 2, ((first - 192) << 8) + cut(content, at + 1, 1, what)[0] + 192, False
    if first == 255:  # noqa: PLR2004
        return at + 5, int.from_bytes(cut(content, at + 1, 4, what), "big"), False
    return at + 1, 1 << (first & 0x1F), True


def cut(content: bytes, at: int, length: int, what: str) -> bytes:
    """Return `length` bytes from `at` on. Raises MalformedError if there are fewer."""
    if length > len(content) - at:
        raise MalformedError(f"{what} is cut off")
    return content[at : at + length]


def _literal(body: bytes, what: str) -> bytes:
    if cut(body, 0, 2, what)[0] != _BINARY:
        raise MalformedError(f"{what} signs text, whose line ends may change, not binary data")
    start = 2 + body[1] + 4
    cut(body, 0, start, what)
    return body[start:]


def _one_pass(body: bytes, what: str) -> OnePass:
    version, kind, hashing, signing = cut(body, 0, 4, what)
    salt, issuer = b"", body[4:-1]
    if version == 6:  # noqa: PLR2004
        salt_bytes = cut(body, 4, 1, what)[0]
        salt, issuer = cut(body, 5, salt_bytes, what), body[5 + salt_bytes : -1]
    known = {3: 8, 6: 32}.get(version)
    if known is None or len(issuer) != known:
        raise MalformedError(f"{what} has a one-pass signature packet of version {version} and {len(body)} bytes")
    if body[-1] != 1:
        raise MalformedError(f"{what} announces another signature inside this one")
    return OnePass(version, kind, hashing, signing, salt, issuer)


def _inflated(body: bytes, what: str) -> bytes:
    """Return what a compressed packet holds. Raises MalformedError, LimitExceededError for a bomb."""
    kind, packed = cut(body, 0, 1, what)[0], body[1:]
    limit = limits.SIGNATURE_BYTES
    if kind in (_ZIP, _ZLIB):
        return _unzipped(packed, kind, limit, what)
    if kind != _BZIP2:
        raise MalformedError(f"{what} is compressed in the unknown way {kind}")
    import bz2

    bunzip = bz2.BZ2Decompressor()
    try:
        content = bunzip.decompress(packed, limit + 1)
    except OSError as error:
        raise MalformedError(f"{what} is compressed wrongly") from error
    _require_whole(ended=bunzip.eof, rest=bunzip.unused_data, size=len(content), what=what)
    return content


def _unzipped(packed: bytes, kind: int, limit: int, what: str) -> bytes:
    import zlib

    # RFC 9580 5.6: ZIP is raw DEFLATE
    inflater = zlib.decompressobj(-15 if kind == _ZIP else 15)
    try:
        content = inflater.decompress(packed, limit + 1)
    except zlib.error as error:
        raise MalformedError(f"{what} is compressed wrongly") from error
    _require_whole(ended=inflater.eof, rest=inflater.unused_data, size=len(content), what=what)
    return content


def _require_whole(*, ended: bool, rest: bytes, size: int, what: str) -> None:
    if size > limits.SIGNATURE_BYTES:
        raise LimitExceededError(f"{what} unpacks to more than {limits.SIGNATURE_BYTES} bytes")
    if not ended:
        raise MalformedError(f"{what} is cut off")
    if rest:
        raise MalformedError(f"{what} has something after its compressed data")
