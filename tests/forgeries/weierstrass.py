"""ECDSA at its edges, with keys and points made to fit (FIPS 186-5 section 6.4.2): slow and plain arithmetic."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from trustkit.codec import der
from trustkit.fips import spki
from trustkit.fips.algorithms import CURVES, Curve
from trustkit.fips.ecdsa_signature import from_numbers

MESSAGE = b"an image that nobody signed"
SCALAR = 0x5DEECE66D_1337C0DE_0123456789ABCDEF_FEDCBA9876543210
NONCE = 0x9E3779B97F4A7C15_F39CC0605CEDC834_1082276BF3A27251

Point = tuple[int, int] | None
# SP 800-186 section 3.2.1: the base points.
_GENERATORS = {
    "ecdsa-p256": (
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
    "ecdsa-p384": (
        int("aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7", 16),
        int("3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f", 16),
    ),
    "ecdsa-p521": (
        int(
            "00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d"
            "3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66",
            16,
        ),
        int(
            "011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e"
            "662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650",
            16,
        ),
    ),
}


class Edge(NamedTuple):
    """One signature: key, algorithm, what is odd about it, its bytes and the verdict it must get."""

    key: bytes
    algorithm: str
    about: str
    signature: bytes
    expect: str


class Group:
    """A curve's points."""

    def __init__(self, kind: str) -> None:
        self.kind, self.curve = kind, CURVES[kind]
        self.base: Point = _GENERATORS[kind]

    def add(self, one: Point, other: Point) -> Point:
        if one is None or other is None:
            return other if one is None else one
        p, (x1, y1), (x2, y2) = self.curve.p, one, other
        if x1 == x2 and (y1 + y2) % p == 0:
            return None
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, p) if one == other else (y2 - y1) * pow(x2 - x1, -1, p)
        x3 = (slope * slope - x1 - x2) % p
        return x3, (slope * (x1 - x3) - y1) % p

    def times(self, scalar: int, point: Point) -> Point:
        total: Point = None
        for bit in f"{scalar % self.curve.n:b}":
            total = self.add(total, total)
            total = self.add(total, point) if bit == "1" else total
        return total

    def key(self, point: Point) -> bytes:
        assert point is not None
        return spki.ec_spki(self.kind, *point)

    def beyond_order(self) -> tuple[int, int] | None:
        """Return the first point whose x lies between the order and the field's size; there may be none."""
        curve = self.curve
        # at the order itself r would be 0
        for x in range(curve.n + 1, min(curve.p, curve.n + 512)):
            square = (x * x * x - 3 * x + curve.b) % curve.p
            root = pow(square, (curve.p + 1) // 4, curve.p)
            if root * root % curve.p == square:
                return x, root
        return None


def edges(kind: str) -> Iterator[Edge]:
    """Yield what a right signature with numbers at the edges looks like, and what only seems right."""
    group = Group(kind)
    # the digest as long as the order, or the longest there is
    digest = {"ecdsa-p256": "sha256", "ecdsa-p384": "sha384", "ecdsa-p521": "sha512"}[kind]
    name, n = f"{kind}-{digest}", group.curve.n
    z = int.from_bytes(hashlib.new(digest, MESSAGE).digest(), "big")
    key = group.key(group.times(SCALAR, group.base))
    r, s = _signed(group, z, SCALAR, NONCE)
    yield Edge(key, name, "a plain signature", from_numbers(r, s), "valid")
    yield Edge(key, name, "its other s", from_numbers(r, n - s), "valid")
    for about, (wrong_r, wrong_s) in _wrong_numbers(group.curve, r, s).items():
        yield Edge(key, name, about, from_numbers(wrong_r, wrong_s), "invalid")
    for about, signature in _wrong_encodings(r, s).items():
        yield Edge(key, name, about, signature, "invalid")
    yield from _made_to_fit(group, name, z)
    yield from _sums_at_infinity(group, name, z)


def _signed(group: Group, z: int, scalar: int, nonce: int) -> tuple[int, int]:
    point, n = group.times(nonce, group.base), group.curve.n
    assert point is not None
    r = point[0] % n
    return r, pow(nonce, -1, n) * (z + r * scalar) % n


def _wrong_numbers(curve: Curve, r: int, s: int) -> dict[str, tuple[int, int]]:
    n, p = curve.n, curve.p
    odd = {"0": 0, "1": 1, "the order": n, "the order less 1": n - 1, "the order and 1": n + 1, "the field's size": p}
    return {
        **{f"r and s are {a} and {b}": (odd[a], odd[b]) for a in odd for b in odd},
        **{f"r is {name}": (number, s) for name, number in odd.items()},
        **{f"s is {name}": (r, number) for name, number in odd.items()},
        "r and s exchanged": (s, r),
        "the order added to r": (r + n, s),
        "the order added to s": (r, s + n),
        "r is the order less r": (n - r, s),
        "s is its inverse": (r, pow(s, -1, n)),
        "256 zero bits behind s": (r, s << 256),
        "s doubled": (r, 2 * s % n),
    }


def _wrong_encodings(r: int, s: int) -> dict[str, bytes]:
    first, second = der.encode_unsigned(r), der.encode_unsigned(s)
    right = der.encode(der.SEQUENCE, first, second)
    at = 2 if right[1] < 0x80 else 3
    body = right[at:]
    negative = der.encode(der.INTEGER, (-r).to_bytes(70, "big", signed=True))
    return {
        "nothing": b"",
        "one byte": b"\x30",
        "an empty sequence": b"\x30\0",
        "one number only": der.encode(der.SEQUENCE, first),
        "three numbers": der.encode(der.SEQUENCE, first, second, second),
        "NULL behind the numbers": der.encode(der.SEQUENCE, first, second, b"\x05\0"),
        "NULL for r": der.encode(der.SEQUENCE, b"\x05\0", second),
        "a number without bytes": der.encode(der.SEQUENCE, first, b"\x02\0"),
        "a byte behind everything": right + b"\0",
        "a byte in front": b"\0" + right,
        "cut by a byte": right[:-1],
        "another tag": b"\x31" + right[1:],
        "r as an octet string": right[:at] + b"\x04" + body[1:],
        "the sequence in a sequence": der.encode(der.SEQUENCE, right),
        "an indefinite length": b"\x30\x80" + body + b"\0\0",
        "a length of zeros in front": b"\x30\x82" + len(body).to_bytes(2, "big") + body,
        "a length of five bytes": b"\x30\x85" + len(body).to_bytes(5, "big") + body,
        "a length beyond the end": b"\x30\x84\xff\xff\xff\xff" + body,
        "a length of r beyond the end": right[:at] + b"\x02\x7f" + body[2:],
        "r with a zero in front": der.encode(der.SEQUENCE, _respelt(b"\0", r), second),
        "s with a zero in front": der.encode(der.SEQUENCE, first, _respelt(b"\0", s)),
        "r is negative": der.encode(der.SEQUENCE, negative, second),
        "r as a real number": right[:at] + b"\x09" + body[1:],
        "both as text": f"{r:x},{s:x}".encode(),
        "raw numbers of one byte too many": r.to_bytes(80, "big") + s.to_bytes(80, "big"),
    }  # fmt: skip


def _respelt(front: bytes, number: int) -> bytes:
    return der.encode(der.INTEGER, front + number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _made_to_fit(group: Group, name: str, z: int) -> Iterator[Edge]:
    """Keys recovered from chosen numbers: all these signatures are right, however odd they look."""
    n = group.curve.n
    for about, s in {"s is 1": 1, "s is 2": 2, "s is the order less 1": n - 1}.items():
        yield _recovered(group, name, z, group.times(NONCE, group.base), s)._replace(about=f"a key for which {about}")
    beyond = group.beyond_order()
    if beyond is not None:
        edge = _recovered(group, name, z, beyond, NONCE)
        yield edge._replace(about="a point beyond the order, r reduced")
        wrong = from_numbers(beyond[0], NONCE)
        yield edge._replace(about="a point beyond the order, r not reduced", signature=wrong, expect="invalid")
    # u1 G and u2 Q are one point, so that adding them is doubling
    point = group.times(NONCE, group.base)
    assert point is not None
    r, s = point[0] % n, 2 * z * pow(NONCE, -1, n) % n
    doubling = group.key(group.times(z * pow(r, -1, n), group.base))
    yield Edge(doubling, name, "both summands are one point", from_numbers(r, s), "valid")


def _recovered(group: Group, name: str, z: int, point: Point, s: int) -> Edge:
    """Return a signature with this s and nonce's point, by the key that it fits (SEC 1 section 4.1.6)."""
    assert point is not None
    n = group.curve.n
    r = point[0] % n
    inverse = pow(r, -1, n)
    key = group.add(group.times(s * inverse, point), group.times(-z * inverse, group.base))
    return Edge(group.key(key), name, "", from_numbers(r, s), "valid")


def _sums_at_infinity(group: Group, name: str, z: int) -> Iterator[Edge]:
    """u1 G + u2 Q is the point at infinity, which has no x: whatever r says, it is wrong."""
    n = group.curve.n
    for about, r in {"1": 1, "of a point": group.base[0] % n if group.base else 1}.items():
        key = group.key(group.times(-z * pow(r, -1, n), group.base))
        for s in (1, 2, z % n or 1):
            yield Edge(key, name, f"the sum is at infinity, r is {about}, s is {s:x}", from_numbers(r, s), "invalid")
