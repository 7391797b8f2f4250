"""RSA signatures with any encoding of the message, by raw exponentiation with a throw-away key (RFC 8017)."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from trustkit.codec import der
from trustkit.fips import spki

# A key of 2048 bits made for this file; it signs nothing else.
_P = int(
    "e7081b8ce7cb5c2b439502c4dd0211cc655fb46595abcc6ef826727adca9d0d24a45e865a589dc518ae6588da87cc6df"
    "b5732bb2207e790e8eb30a310ce6caa95c3a835f927a2023c0ed0c7d8a7855ff6a5c972c3e7d190132491e90742b06b6"
    "72205b8b0deedbe7f472b62cbf4a8ae05dc7e8e6ace82e776ab4c326d0ed8299",
    16,
)
_Q = int(
    "cf20a49f9376048de39c021452820500e2686e3d12d08f17b3481b7cdbefdb3264c90ccc7714a1ac330afff7317c62c6"
    "2c418b1990f53449834e8e322e4402c40b77f0b7758e9d807977b1f453ee4c453ecf55d789d28670aa2a4d9a52943532"
    "4b4ae6b257aa8b2816174f0e60f13fb0017327137e2d7f992c56191722e014ff",
    16,
)
N, E = _P * _Q, 65537
_D = pow(E, -1, (_P - 1) * (_Q - 1))
SIZE = 256
MESSAGE = b"an image that nobody signed"
KEY = spki.rsa_spki(N, E)
KEY_OF_EXPONENT_3 = spki.rsa_spki(N, 3)
DIGESTS = ("sha256", "sha384", "sha512")
_OIDS = {
    "sha1": "1.3.14.3.2.26", "sha224": "2.16.840.1.101.3.4.2.4", "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2", "sha512": "2.16.840.1.101.3.4.2.3", "md5": "1.2.840.113549.2.5",
}  # fmt: skip


class Forgery(NamedTuple):
    """One crafted signature: its algorithm, what is odd about it, its bytes, and the verdict it must get."""

    algorithm: str
    about: str
    signature: bytes
    expect: str
    key: bytes = KEY


def raw(encoded: bytes) -> bytes:
    """Return the signature whose public operation gives these bytes."""
    return pow(int.from_bytes(encoded, "big"), _D, N).to_bytes(SIZE, "big")


# --- PKCS #1 v1.5 (RFC 8017 section 9.2)


def pkcs1(digest: str) -> Iterator[Forgery]:
    """Yield the right encoding, and every wrong one that some verifier once took."""
    name = f"rsa-pkcs1v15-{digest}"
    yield Forgery(name, "the right encoding", raw(_padded(_info(digest))), "valid")
    for about, encoded in _wrong_encodings(digest).items():
        yield Forgery(name, about, raw(encoded), "invalid")
    yield from _wrong_numbers(name, raw(_padded(_info(digest))))
    yield Forgery(name, "exponent 3, made as a cube root", _cube_root(digest), "refused", KEY_OF_EXPONENT_3)


def _hash(digest: str) -> bytes:
    return hashlib.new(digest, MESSAGE).digest()


def _info(digest: str, *, parameters: bytes = b"\x05\0", of: str = "") -> bytes:
    algorithm = der.encode(der.SEQUENCE, der.encode_oid(_OIDS[of or digest]), parameters)
    return der.encode(der.SEQUENCE, algorithm, der.encode(der.OCTET_STRING, _hash(digest)))


def _padded(content: bytes, *, head: bytes = b"\0\1", fill: int = 0xFF, behind: bytes = b"") -> bytes:
    count = SIZE - len(head) - 1 - len(content) - len(behind)
    return head + bytes((fill,)) * count + b"\0" + content + behind


def _wrong_encodings(digest: str) -> dict[str, bytes]:
    info, hashed = _info(digest), _hash(digest)
    one_hole = bytearray(_padded(info))
    one_hole[20] = 0xFE
    split = bytearray(_padded(info))
    split[15] = 0
    short = b"\0\1" + b"\xff" * 8 + b"\0" + info
    return {
        "no NULL behind the digest's name": _padded(_info(digest, parameters=b"")),
        "a NULL that holds something": _padded(_info(digest, parameters=b"\x05\1\0")),
        "a NULL with a long length": _padded(_info(digest, parameters=b"\x05\x81\0")),
        "two NULLs": _padded(_info(digest, parameters=b"\x05\0\x05\0")),
        "an octet string for NULL": _padded(_info(digest, parameters=b"\x04\0")),
        "garbage for NULL": _padded(_info(digest, parameters=b"\x04\x10" + bytes(16))),
        "the outer length in its long form": _padded(b"\x30\x81" + info[1:]),
        "the outer length in two bytes": _padded(b"\x30\x82\0" + info[1:]),
        "an indefinite outer length": _padded(b"\x30\x80" + info[2:] + b"\0\0"),
        "the hash's length in its long form": _padded(_respelt(digest, b"\x04\x81")),
        "an indefinite length of the hash": _padded(_respelt(digest, b"\x24\x80\x04", b"\0\0")),
        "another tag for the hash": _padded(_respelt(digest, b"\x03")),
        "another tag for the sequence": _padded(b"\x31" + info[1:]),
        "a byte behind the hash, counted": _padded(der.encode(der.SEQUENCE, info[2:] + b"\0")),
        "a byte behind everything": _padded(info, behind=b"\0"),
        "garbage behind the hash and little padding": short + b"\xa5" * (SIZE - len(short)),
        "zeros behind the hash and little padding": short + bytes(SIZE - len(short)),
        "garbage in front of the digest's name": _padded(b"\xff\0" + info),
        "padding of zeros, block type 0": _padded(info, head=b"\0\0", fill=0),
        "block type 2": _padded(info, head=b"\0\2", fill=0xA5),
        "a first byte of 1": _padded(info, head=b"\1\1"),
        "a first byte of 255": b"\x7f" + _padded(info)[1:],
        "one byte of the padding changed": bytes(one_hole),
        "a zero in the padding": bytes(split),
        "padding without its end": _padded(info).replace(b"\xff\0\x30", b"\xff\xff\x30", 1),
        "no padding at all": bytes(SIZE - len(info)) + info,
        "the bare hash": _padded(hashed),
        "the hash without its sequence": _padded(der.encode(der.OCTET_STRING, hashed)),
        "the hash cut by a byte": _padded(der.encode(der.SEQUENCE, info[2:-1])),
        "the hash in reverse": _padded(info[: -len(hashed)] + hashed[::-1]),
        "a hash of zeros": _padded(info[: -len(hashed)] + bytes(len(hashed))),
        "an empty hash": _padded(info[: -len(hashed) - 1] + b"\0"),
        **{f"the name of {other}": _padded(_info(digest, of=other)) for other in _OIDS if other != digest},
        **{f"hashed by {other}": _padded(_info(other)) for other in _OIDS if other != digest},
    }


def _respelt(digest: str, head: bytes, behind: bytes = b"") -> bytes:
    """Return the digest's structure with another spelling of the hash's tag and length."""
    algorithm = der.encode(der.SEQUENCE, der.encode_oid(_OIDS[digest]), b"\x05\0")
    hashed = _hash(digest)
    return der.encode(der.SEQUENCE, algorithm, head + bytes((len(hashed),)) + hashed + behind)


def _wrong_numbers(name: str, right: bytes) -> Iterator[Forgery]:
    number = int.from_bytes(right, "big")
    wrong = {
        "the signature and the modulus": (number + N).to_bytes(SIZE + 1, "big"),
        "the modulus less the signature": (N - number).to_bytes(SIZE, "big"),
        "a zero in front": b"\0" + right,
        "a zero behind": right + b"\0",
        "its last byte cut": right[:-1],
        "its first byte cut": right[1:],
        "nothing": b"",
        "zeros": bytes(SIZE),
        "the number 1": (1).to_bytes(SIZE, "big"),
        "the modulus": N.to_bytes(SIZE, "big"),
        "the modulus less 1": (N - 1).to_bytes(SIZE, "big"),
        "the largest number": b"\xff" * SIZE,
    }
    for about, signature in wrong.items():
        yield Forgery(name, about, signature, "invalid")


def _cube_root(digest: str) -> bytes:
    """Return a number whose cube begins as a right encoding does (Bleichenbacher 2006): no private key is used."""
    begin = int.from_bytes((b"\0\1" + b"\xff" * 8 + b"\0" + _info(digest)).ljust(SIZE, b"\0"), "big")
    low, high = 0, 1 << 8 * SIZE // 3 + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**3 < begin else (low, middle)
    return low.to_bytes(SIZE, "big")


# --- PSS (RFC 8017 section 9.1)


class Pss(NamedTuple):
    """How a message is encoded; every field has a right value."""

    digest: str
    mask: str
    salt: bytes
    trailer: bytes = b"\xbc"
    separator: int = 1
    filling: int = 0
    top_bit: int = 0
    hashed: str = ""

    def encoded(self) -> bytes:
        """Return EMSA-PSS of the message, in SIZE bytes."""
        message = _hash(self.hashed or self.digest)
        seed = hashlib.new(self.digest, bytes(8) + message + self.salt).digest()
        length = SIZE - len(seed) - len(self.trailer)
        block = bytes((self.filling,)) * (length - len(self.salt) - 1) + bytes((self.separator,)) + self.salt
        masked = bytearray(left ^ right for left, right in zip(block, _mask(self.mask, seed, length), strict=True))
        masked[0] = masked[0] & 0x7F | self.top_bit
        return bytes(masked) + seed + self.trailer


def _mask(digest: str, seed: bytes, length: int) -> bytes:
    blocks = (hashlib.new(digest, seed + count.to_bytes(4, "big")).digest() for count in range(length))
    made = b""
    while len(made) < length:
        made += next(blocks)
    return made[:length]


# What RFC 8017 allows and we refuse all the same, with the reason.
SALT_ABOVE_DIGEST = "FIPS 186-5 5.4 (g): 0 <= sLen <= hLen"
SALT_BELOW_DIGEST = "RFC 7518 3.5, which every format here follows: the salt is as long as the digest"
OTHER_MASK = "RFC 7518 3.5: MGF1 with the hash that the algorithm's name says; FIPS 186-5 5.4 (d)"
REFUSED_THOUGH_VALID = {
    "a salt longer by a byte": SALT_ABOVE_DIGEST,
    "the longest salt": SALT_ABOVE_DIGEST,
    "no salt": SALT_BELOW_DIGEST,
    "a salt of 10 bytes": SALT_BELOW_DIGEST,
    "a salt shorter by a byte": SALT_BELOW_DIGEST,
    "a mask made by sha1": OTHER_MASK,
    "a mask made by sha224": OTHER_MASK,
    "a mask made by sha256": OTHER_MASK,
    "a mask made by sha384": OTHER_MASK,
    "a mask made by sha512": OTHER_MASK,
}


def pss(digest: str) -> Iterator[Forgery]:
    """Yield the right encoding, valid ones that are refused (see the table), and wrong ones."""
    name = f"rsa-pss-{digest}"
    size = len(_hash(digest))
    salt = bytes(range(size))
    right = Pss(digest, digest, salt)
    yield Forgery(name, "the right encoding", raw(right.encoded()), "valid")
    most = SIZE - size - 2
    salts = {
        "a salt longer by a byte": size + 1, "the longest salt": most, "no salt": 0, "a salt of 10 bytes": 10,
        "a salt shorter by a byte": size - 1,
    }  # fmt: skip
    for about, count in salts.items():
        yield Forgery(name, about, raw(right._replace(salt=bytes(count)).encoded()), "invalid")
    for other in ("sha1", "sha224", *DIGESTS):
        if other != digest:
            yield Forgery(name, f"a mask made by {other}", raw(right._replace(mask=other).encoded()), "invalid")
    for about, changed in _wrong_pss(right).items():
        yield Forgery(name, about, raw(changed), "invalid")
    yield from _wrong_numbers(name, raw(right.encoded()))


def _wrong_pss(right: Pss) -> dict[str, bytes]:
    encoded = right.encoded()
    changed = bytearray(encoded)
    changed[-2] ^= 1
    others = [other for other in ("sha1", "sha224", *DIGESTS) if other != right.digest]
    return {
        "a trailer of CC": right._replace(trailer=b"\xcc").encoded(),
        "a trailer of 33 CC, as ISO 9796-2 writes it": right._replace(trailer=b"\x33\xcc").encoded(),
        "a trailer of 0": right._replace(trailer=b"\0").encoded(),
        "the top bit set": _below_modulus(right),
        "a filling that is not zero": right._replace(filling=1).encoded(),
        "a separator of 0": right._replace(separator=0).encoded(),
        "a separator of 2": right._replace(separator=2).encoded(),
        "one bit of the hash changed": bytes(changed),
        "zeros": bytes(SIZE - 1) + b"\xbc",
        "the block of PKCS #1": _padded(_info(right.digest)),
        **{f"everything hashed by {other}": right._replace(digest=other, mask=other).encoded() for other in others},
        **{f"the message hashed by {other}": right._replace(hashed=other).encoded() for other in others},
    }


def _below_modulus(right: Pss) -> bytes:
    """Return the encoding with its top bit set that is still below the modulus, by trying salts."""
    for count in range(256):
        encoded = right._replace(salt=bytes((count,)) * len(right.salt), top_bit=0x80).encoded()
        if int.from_bytes(encoded, "big") < N:
            return encoded
    raise AssertionError("no salt serves")
