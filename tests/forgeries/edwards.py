"""Ed25519 where verifiers disagree: its points by slow and plain arithmetic (RFC 8032 section 5.1)."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from trustkit.fips import spki

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, P) % P
MESSAGE = b"an image that nobody signed"
SEED = bytes(range(32))

Point = tuple[int, int]
NEUTRAL: Point = (0, 1)


class Edge(NamedTuple):
    """One signature: the key's 32 bytes, what is odd about it, its bytes and the verdict it must get."""

    key: bytes
    about: str
    signature: bytes
    expect: str

    @property
    def spki(self) -> bytes:
        """The key as a file holds it."""
        return spki.ed25519_spki(self.key)


def add(one: Point, other: Point) -> Point:
    (x1, y1), (x2, y2) = one, other
    product = _D * x1 * x2 * y1 * y2 % P
    return (
        (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P,
        (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P,
    )


def times(scalar: int, point: Point) -> Point:
    total = NEUTRAL
    for bit in f"{scalar:b}":
        total = add(total, total)
        total = add(total, point) if bit == "1" else total
    return total


def encoded(point: Point) -> bytes:
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _x_of(y: int) -> int:
    square = (y * y - 1) * pow(_D * y * y + 1, -1, P) % P
    root = pow(square, (P + 3) // 8, P)
    if root * root % P != square:
        root = root * pow(2, (P - 1) // 4, P) % P
    assert root * root % P == square
    return root


_BASE_Y = 4 * pow(5, -1, P) % P
_BASE_X = _x_of(_BASE_Y)
BASE: Point = (_BASE_X if _BASE_X % 2 == 0 else P - _BASE_X, _BASE_Y)
_ORDER_8_Y = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
TORSION: Point = (_x_of(_ORDER_8_Y), _ORDER_8_Y)


def _challenge(r: bytes, key: bytes) -> int:
    return int.from_bytes(hashlib.sha512(r + key + MESSAGE).digest(), "little") % L


def _signed(scalar: int, key: bytes, nonce: int, r: bytes = b"") -> bytes:
    """Return a signature; `r` is written where another encoding of the nonce's point is wanted."""
    first = r or encoded(times(nonce, BASE))
    return first + ((nonce + _challenge(first, key) * scalar) % L).to_bytes(32, "little")


def edges() -> Iterator[Edge]:
    """Yield right signatures, and those that some verifiers take and RFC 8032 does not."""
    digest = hashlib.sha512(SEED).digest()
    scalar = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
    key = encoded(times(scalar, BASE))
    right = _signed(scalar, key, int.from_bytes(digest[32:], "little") % L)
    yield Edge(key, "a plain signature", right, "valid")
    yield Edge(key, "its nonce is 0, its R the neutral point", _signed(scalar, key, 0), "valid")
    for about, signature in _wrong(right).items():
        yield Edge(key, about, signature, "invalid")
    other = (P + 1).to_bytes(32, "little")
    yield Edge(key, "R is the neutral point, not reduced", _signed(scalar, key, 0, other), "invalid")
    signed = (1 | 1 << 255).to_bytes(32, "little")
    yield Edge(key, "R is the neutral point, with a sign", _signed(scalar, key, 0, signed), "invalid")
    for count in range(1, 8):
        moved = encoded(add(times(5, BASE), times(count, TORSION)))
        yield Edge(key, f"R moved by {count} eighths of the small group", _signed(scalar, key, 5, moved), "invalid")


def _wrong(right: bytes) -> dict[str, bytes]:
    r, s = right[:32], int.from_bytes(right[32:], "little")
    numbers = {
        "the order added to S": s + L, "twice the order added to S": s + 2 * L, "eight times": s + 8 * L,
        "S is 0": 0, "S is the order": L, "S is the order less 1": L - 1, "S negated": L - s,
        "S with its top bit": s | 1 << 255, "S with the bit below": s | 1 << 254,
        "S is the largest number": (1 << 256) - 1,
    }  # fmt: skip
    points = {
        "R is zeros": bytes(32), "R is ones": b"\xff" * 32, "R is the neutral point": encoded(NEUTRAL),
        "R is the field's size": P.to_bytes(32, "little"), "R with another sign": r[:31] + bytes((r[31] ^ 0x80,)),
    }  # fmt: skip
    return {
        **{about: r + number.to_bytes(32, "little") for about, number in numbers.items()},
        **{about: point + right[32:] for about, point in points.items()},
        **{
            f"R is {count} eighths of the small group, S is 0": encoded(times(count, TORSION)) + bytes(32)
            for count in range(8)
        },
        "nothing": b"",
        "zeros": bytes(64),
        "cut by a byte": right[:-1],
        "a byte behind": right + b"\0",
        "R only": r,
        "R and S exchanged": right[32:] + r,
        "twice": right + right,
    }


def useless_keys() -> Iterator[tuple[str, bytes]]:
    """Yield keys that fit many signatures, or that have two spellings: none may be taken."""
    for count in range(8):
        yield f"{count} eighths of the small group", encoded(times(count, TORSION))
    for y in (0, 1, P - 1):
        yield f"y = {y:x} with a sign", (y | 1 << 255).to_bytes(32, "little")
    for y in range(P, 2**255):
        yield f"y = field's size + {y - P}", y.to_bytes(32, "little")
        yield f"y = field's size + {y - P} with a sign", (y | 1 << 255).to_bytes(32, "little")


def mixed_key() -> tuple[int, bytes]:
    """Return a scalar, and its key moved by a point of the small group: verifiers with a cofactor take more with it."""
    scalar = 8 * 0x123456789ABCDEF
    return scalar, encoded(add(times(scalar, BASE), TORSION))


def mixed_edges() -> Iterator[Edge]:
    """Yield signatures by the mixed key that only the equation with a cofactor would take."""
    scalar, key = mixed_key()
    for nonce in range(3, 8):
        signature = _signed(scalar, key, nonce)
        fits = _challenge(signature[:32], key) % 8 == 0
        yield Edge(key, f"a mixed key, nonce {nonce}", signature, "valid" if fits else "invalid")
