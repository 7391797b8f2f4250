"""NIST's elliptic curve keys (PKV, KeyPair, SigGen) and every line of Ed25519's reference file, on every provider."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from nist_responses import CURVES, DIGESTS, VECTORS, blocks
from peers.fips import EVERY_PROVIDER, crypto_named
from trustkit.codec import der
from trustkit.errors import AlgorithmNotApprovedError, MalformedError, SignatureMismatchError
from trustkit.fips import spki
from trustkit.fips.algorithms import CURVES as CURVE_ROWS
from trustkit.fips.ecdsa_signature import from_numbers
from trustkit.fips.parse import public_key_from_spki

ECDSA = VECTORS / "asymmetric/ECDSA/FIPS_186-3"
# RFC 5480 2.1.1, RFC 8410 section 3
NAMED = {"ecdsa-p256": "1.2.840.10045.3.1.7", "ecdsa-p384": "1.3.132.0.34", "ecdsa-p521": "1.3.132.0.35"}
ED25519_ALGORITHM = bytes.fromhex("300506032b6570")
# Making a signature again costs more than checking it: one line of so many.
SIGNED_AGAIN = 16

Pair = tuple[str, int, int, int]


def ec_pkcs8(kind: str, d: int, point: bytes) -> bytes:
    """Return a private key and this public point (RFC 5915 section 3)."""
    secret = der.encode(der.OCTET_STRING, d.to_bytes(CURVE_ROWS[kind].field_bytes, "big"))
    public = der.encode(0xA1, der.encode(der.BIT_STRING, b"\0", point))
    key = der.encode(der.SEQUENCE, der.encode_unsigned(1), secret, public)
    algorithm = der.encode(der.SEQUENCE, der.encode_oid("1.2.840.10045.2.1"), der.encode_oid(NAMED[kind]))
    return der.encode(der.SEQUENCE, der.encode_unsigned(0), algorithm, der.encode(der.OCTET_STRING, key))


def point_of(kind: str, x: int, y: int) -> bytes:
    size = CURVE_ROWS[kind].field_bytes
    return b"\4" + x.to_bytes(size, "big") + y.to_bytes(size, "big")


def key_pairs() -> Iterator[Pair]:
    kind = ""
    for line in (ECDSA / "KeyPair.rsp").read_text().splitlines():
        if line.startswith("[") and line.strip("[] ")[1:2] == "-":
            kind, fields = CURVES.get(line.strip("[] "), ""), {}
        elif kind and " = " in line:
            name, _, value = line.partition(" = ")
            fields[name] = value
            if name == "Qy":
                yield kind, int(fields["d"], 16), int(fields["Qx"], 16), int(value, 16)


def generated() -> Iterator[tuple[str, dict[str, str]]]:
    """Yield algorithm and fields of each signature that NIST made."""
    for heading, fields in blocks(ECDSA / "SigGen.txt", "S"):
        curve, _, digest = heading.partition(",")
        if curve in CURVES and digest in DIGESTS:
            yield f"{CURVES[curve]}-{DIGESTS[digest]}", fields


def test_every_public_key_gets_nist_s_verdict() -> None:
    """Keys are judged before any provider sees them, by one code."""
    wrong, total = [], 0
    for heading, fields in blocks(ECDSA / "PKV.rsp", "Result"):
        if heading not in CURVES:
            continue
        try:
            public_key_from_spki(spki.ec_spki(CURVES[heading], int(fields["Qx"], 16), int(fields["Qy"], 16)))
            found = "P"
        except (MalformedError, OverflowError):
            found = "F"
        total += 1
        if found != fields["Result"][0]:
            wrong.append(fields)
    assert wrong == []
    assert total == 36


@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_every_key_pair_of_nist_fits(provider: str) -> None:
    pairs = list(key_pairs())
    loaded = [crypto_named(provider).load_pkcs8(ec_pkcs8(kind, d, point_of(kind, x, y))) for kind, d, x, y in pairs]
    assert [key.public.spki_der for key in loaded] == [spki.ec_spki(kind, x, y) for kind, _, x, y in pairs]
    assert len(pairs) == 30


@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_a_private_key_with_another_s_point_is_not_taken(provider: str) -> None:
    taken, total = [], 0
    for (kind, d, _, _), (other, _, x, y) in pairwise(key_pairs()):
        if kind == other:
            total += 1
            try:
                taken.append(crypto_named(provider).load_pkcs8(ec_pkcs8(kind, d, point_of(kind, x, y))))
            except MalformedError:
                continue
    assert taken == []
    assert total == 27


@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_every_signature_that_nist_made_is_right_and_none_of_another_message(provider: str) -> None:
    crypto, total = crypto_named(provider), 0
    for algorithm, fields in generated():
        kind = algorithm.rpartition("-")[0]
        key = public_key_from_spki(spki.ec_spki(kind, int(fields["Qx"], 16), int(fields["Qy"], 16)))
        message, signature = bytes.fromhex(fields["Msg"]), from_numbers(int(fields["R"], 16), int(fields["S"], 16))
        crypto.verify(key, algorithm, signature, message)
        with pytest.raises(SignatureMismatchError):
            crypto.verify(key, algorithm, signature, message[:-1])
        total += 1
    assert total == 9 * 15


@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_a_key_of_nist_s_signs_so_that_its_public_half_verifies(provider: str) -> None:
    crypto = crypto_named(provider)
    for algorithm, fields in list(generated())[::15]:
        kind = algorithm.rpartition("-")[0]
        x, y = int(fields["Qx"], 16), int(fields["Qy"], 16)
        key = crypto.load_pkcs8(ec_pkcs8(kind, int(fields["d"], 16), point_of(kind, x, y)))
        crypto.verify(key.public, algorithm, key.sign(algorithm, b"m"), b"m")


def ed25519_lines() -> list[tuple[bytes, bytes, bytes, bytes]]:
    """Return seed, public key, message and signature of each line."""
    found = []
    for line in (VECTORS / "asymmetric/Ed25519/sign.input").read_text().splitlines():
        secret, public, message, signed, _ = (bytes.fromhex(field) for field in line.split(":"))
        found.append((secret[:32], public, message, signed[:64]))
    return found


@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_every_line_of_ed25519_s_reference_is_right_and_none_with_a_changed_bit(provider: str) -> None:
    crypto, wrong = crypto_named(provider), []
    lines = ed25519_lines()
    for number, (_, public, message, signature) in enumerate(lines):
        key = public_key_from_spki(spki.ed25519_spki(public))
        crypto.verify(key, "ed25519", signature, message)
        changed = bytearray(signature)
        changed[number % 64] ^= 1 << number % 8
        try:
            crypto.verify(key, "ed25519", bytes(changed), message)
            wrong.append(number)
        except SignatureMismatchError:
            continue
    assert wrong == []
    assert len(lines) == 1024


@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_ed25519_signs_as_its_reference_does(provider: str) -> None:
    crypto = crypto_named(provider)
    for seed, public, message, signature in ed25519_lines()[::SIGNED_AGAIN]:
        secret = der.encode(der.OCTET_STRING, der.encode(der.OCTET_STRING, seed))
        key = crypto.load_pkcs8(der.encode(der.SEQUENCE, der.encode_unsigned(0), ED25519_ALGORITHM, secret))
        assert key.public.spki_der == spki.ed25519_spki(public)
        assert key.sign("ed25519", message) == signature


@pytest.mark.parametrize("provider", EVERY_PROVIDER)
@pytest.mark.parametrize("d", [0, "order"])
def test_a_private_number_outside_the_order_is_no_key(provider: str, d: int | str) -> None:
    kind, _, x, y = next(key_pairs())
    number = CURVE_ROWS[kind].n if d == "order" else 0
    with pytest.raises((MalformedError, AlgorithmNotApprovedError)):
        crypto_named(provider).load_pkcs8(ec_pkcs8(kind, number, point_of(kind, x, y)))
