"""OpenPGP signature packets of versions 4 and 6, with their subpackets (RFC 9580 section 5.2)."""

from trustkit import limits
from trustkit.codec.openpgp import cut
from trustkit.errors import LimitExceededError, MalformedError, UnsupportedEvidenceError
from trustkit.model.values import NamedTuple

# Types of signatures (5.2.1).
BINARY = 0x00
CERTIFICATIONS = (0x10, 0x11, 0x12, 0x13)
SUBKEY_BINDING, PRIMARY_BINDING, DIRECT_KEY = 0x18, 0x19, 0x1F
KEY_REVOCATION, SUBKEY_REVOCATION, CERTIFICATION_REVOCATION = 0x20, 0x28, 0x30
# Types of subpackets (5.2.3.7).
CREATED, SIGNATURE_EXPIRES, KEY_EXPIRES, REVOKER, ISSUER, NOTATION = 2, 3, 9, 12, 16, 20
KEY_FLAGS, REASON, EMBEDDED, ISSUER_FINGERPRINT = 27, 29, 32, 33
# Subpackets that may be marked critical, because they are heeded, or change nothing in what is checked here.
_UNDERSTOOD = frozenset((2, 3, 4, 5, 7, 9, 11, 12, 16, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 39))
_SUBPACKETS = 128
_TIME_BYTES = 4


class Subpacket(NamedTuple):
    """One subpacket."""

    type: int
    critical: bool
    body: bytes


class SignaturePacket(NamedTuple):
    """One signature: `signed_part` is what of itself it signs, `prefix` the first bytes of its hash."""

    version: int
    type: int
    key_algorithm: int
    hash_algorithm: int
    hashed: tuple[Subpacket, ...]
    unhashed: tuple[Subpacket, ...]
    prefix: bytes
    salt: bytes
    signed_part: bytes
    numbers: bytes

    @property
    def trailer(self) -> bytes:
        """What is hashed after the data (5.2.4)."""
        return self.signed_part + bytes((self.version, 0xFF)) + len(self.signed_part).to_bytes(4, "big")

    @property
    def created(self) -> int | None:
        """The seconds since 1970 at which the signer says it was made."""
        return self.number(CREATED)

    @property
    def issuer_fingerprint(self) -> bytes:
        """The fingerprint of the key it says made it, or nothing; in the unhashed area it is a hint only."""
        for subpacket in (*self.hashed, *self.unhashed):
            if subpacket.type == ISSUER_FINGERPRINT and len(subpacket.body) > 1:
                return subpacket.body[1:]
        return b""

    @property
    def issuer_id(self) -> bytes:
        """The ID of the key it says made it, or nothing: a hint."""
        return next((one.body for one in (*self.hashed, *self.unhashed) if one.type == ISSUER), b"")

    @property
    def unknown_critical(self) -> int | None:
        """The type of a critical subpacket whose meaning is unknown, which makes the signature worthless."""
        return next((one.type for one in self.hashed if one.critical and one.type not in _UNDERSTOOD), None)

    def number(self, kind: int) -> int | None:
        """Return the number in a signed subpacket; the last of several counts, as 5.2.3.9 recommends."""
        found = [one.body for one in self.hashed if one.type == kind]
        if not found:
            return None
        return int.from_bytes(found[-1], "big")

    def bodies(self, kind: int, *, also_unhashed: bool = False) -> tuple[bytes, ...]:
        """Return the bodies of the subpackets of one type."""
        every = (*self.hashed, *self.unhashed) if also_unhashed else self.hashed
        return tuple(one.body for one in every if one.type == kind)


def parse_signature(body: bytes, what: str) -> SignaturePacket:
    """Read a signature packet. Raises MalformedError, UnsupportedEvidenceError for other versions."""
    version = cut(body, 0, 1, what)[0]
    if version not in (4, 6):
        raise UnsupportedEvidenceError(f"{what} is an OpenPGP signature of version {version}, not 4 or 6")
    width = 2 if version == 4 else 4  # noqa: PLR2004
    kind, signing, hashing = cut(body, 1, 3, what)
    hashed, at = _area(body, 4, width, what)
    signed_part = body[:at]
    unhashed, at = _area(body, at, width, what)
    prefix = cut(body, at, 2, what)
    at += 2
    salt = b""
    if version == 6:  # noqa: PLR2004
        salt = cut(body, at + 1, cut(body, at, 1, what)[0], what)
        at += 1 + len(salt)
    return SignaturePacket(
        version, kind, signing, hashing, _subpackets(hashed, what), _subpackets(unhashed, what),
        prefix, salt, signed_part, body[at:],
    )  # fmt: skip


def multiprecision(content: bytes, count: int, what: str) -> tuple[int, ...]:
    """Read exactly this many numbers (3.2). Raises MalformedError."""
    found: list[int] = []
    at = 0
    for _ in range(count):
        bits = int.from_bytes(cut(content, at, 2, what), "big")
        number = int.from_bytes(cut(content, at + 2, (bits + 7) // 8, what), "big")
        if number.bit_length() != bits:
            raise MalformedError(f"{what} has a number of another length than it says")
        found.append(number)
        at += 2 + (bits + 7) // 8
    if at != len(content):
        raise MalformedError(f"{what} has something after its numbers")
    return tuple(found)


def _area(body: bytes, at: int, width: int, what: str) -> tuple[bytes, int]:
    length = int.from_bytes(cut(body, at, width, what), "big")
    return cut(body, at + width, length, what), at + width + length


def _subpackets(area: bytes, what: str) -> tuple[Subpacket, ...]:
    found: list[Subpacket] = []
    at = 0
    while at < len(area):
        if len(found) >= _SUBPACKETS:
            raise LimitExceededError(f"{what} has more than {_SUBPACKETS} subpackets")
        first = area[at]
        if first < 192:  # noqa: PLR2004
            length, at = first, at + 1
        elif first < 255:  # noqa: PLR2004
            length, at = ((first - 192) << 8) + cut(area, at + 1, 1, what)[0] + 192, at + 2
        else:
            length, at = int.from_bytes(cut(area, at + 1, 4, what), "big"), at + 5
        if not 0 < length <= limits.SIGNATURE_BYTES:
            raise MalformedError(f"{what} has a subpacket of {length} bytes")
        content = cut(area, at, length, what)
        at += length
        found.append(_subpacket(content, what))
    return tuple(found)


def _subpacket(content: bytes, what: str) -> Subpacket:
    kind = content[0] & 0x7F
    if kind in (CREATED, SIGNATURE_EXPIRES, KEY_EXPIRES) and len(content) != 1 + _TIME_BYTES:
        raise MalformedError(f"{what} has a time of {len(content) - 1} bytes")
    return Subpacket(kind, bool(content[0] & 0x80), content[1:])
