"""One OpenPGP signature against one key: hash, form of the numbers, maths (RFC 9580 sections 5.2.3 and 5.2.4)."""

from trustkit.codec.openpgp_key import KeyPacket, numbers_of
from trustkit.codec.openpgp_signature import NOTATION, SignaturePacket, multiprecision
from trustkit.errors import AlgorithmNotApprovedError, MalformedError, SignatureMismatchError, UnsupportedEvidenceError
from trustkit.fips import spki
from trustkit.fips.ecdsa_signature import from_numbers
from trustkit.fips.openpgp_fingerprint import fingerprint
from trustkit.fips.parse import public_key_from_spki
from trustkit.fips.provider import CryptoProvider
from trustkit.model.keys import PublicKey

# RFC 9580 9.5. SHA-1, MD5 and RIPEMD-160 can be forged; SHA-224 and SHA-3 nobody uses here.
_HASHES = {8: "sha256", 9: "sha384", 10: "sha512"}
_HASH_NAMES = {1: "MD5", 2: "SHA-1", 3: "RIPEMD-160", 11: "SHA-224", 12: "SHA3-256", 14: "SHA3-512"}
# RFC 9580 5.2.4: the salt of version 6 is half as long as the hash.
_SALT_BYTES = {"sha256": 16, "sha384": 24, "sha512": 32}
_HALF_BYTES = 32
_ED25519_NATIVE = 27


def public_key_of(key: KeyPacket, what: str) -> PublicKey:
    """Return the key in the form the provider takes. Raises MalformedError, AlgorithmNotApprovedError."""
    kind, numbers = numbers_of(key, what)
    if isinstance(numbers, bytes):
        return public_key_from_spki(spki.ed25519_spki(numbers))
    if kind == "rsa":
        return public_key_from_spki(spki.rsa_spki(*numbers))
    return public_key_from_spki(spki.ec_spki(kind, *numbers))


def fingerprint_of(key: KeyPacket) -> bytes:
    """Return the key's fingerprint."""
    return fingerprint(key.framed, key.version)


def key_id_of(key: KeyPacket) -> bytes:
    """Return the eight bytes that older packets name a key by (5.5.4)."""
    whole = fingerprint_of(key)
    return whole[-8:] if key.version == 4 else whole[:8]  # noqa: PLR2004


def check(signature: SignaturePacket, key: KeyPacket, signed: bytes, crypto: CryptoProvider, what: str) -> str:
    """Return the algorithm if the key made the signature over these bytes.

    Raises SignatureMismatchError, AlgorithmNotApprovedError, MalformedError, UnsupportedEvidenceError.
    """
    if signature.version != key.version or signature.key_algorithm != key.algorithm:
        raise MalformedError(f"{what} and the key that is said to have made it are of different kinds")
    unknown = signature.unknown_critical
    if unknown is not None:
        word = "notation" if unknown == NOTATION else f"subpacket {unknown}"
        raise UnsupportedEvidenceError(f"{what} has a critical {word} whose meaning is not known here")
    hashing = _HASHES.get(signature.hash_algorithm)
    if hashing is None:
        name = _HASH_NAMES.get(signature.hash_algorithm, f"OpenPGP hash {signature.hash_algorithm}")
        raise AlgorithmNotApprovedError(f"{what} is made with {name}", next_step="sign again with SHA-256 or SHA-512")
    if signature.version == 6 and len(signature.salt) != _SALT_BYTES[hashing]:  # noqa: PLR2004
        raise MalformedError(f"{what} has a salt of {len(signature.salt)} bytes")
    message = signature.salt + signed + signature.trailer
    running = crypto.hasher(hashing)
    running.update(message)
    digest = running.digest()
    if digest[:2] != signature.prefix:
        raise SignatureMismatchError(f"{what} is over other content: its hash begins otherwise")
    public = public_key_of(key, f"the key of {what}")
    if public.kind == "ed25519":
        # RFC 9580 5.2.3.3: EdDSA signs the hash, not the message
        crypto.verify(public, "ed25519", _eddsa(signature, what), digest)
        return "ed25519"
    algorithm = f"{'rsa-pkcs1v15' if public.kind == 'rsa' else public.kind}-{hashing}"
    crypto.verify(public, algorithm, _numbers(signature, public, what), message)
    return algorithm


def _eddsa(signature: SignaturePacket, what: str) -> bytes:
    if signature.key_algorithm == _ED25519_NATIVE:
        return signature.numbers
    r, s = multiprecision(signature.numbers, 2, what)
    if max(r.bit_length(), s.bit_length()) > 8 * _HALF_BYTES:
        raise MalformedError(f"{what} has a number that is too long")
    return r.to_bytes(_HALF_BYTES, "big") + s.to_bytes(_HALF_BYTES, "big")


def _numbers(signature: SignaturePacket, public: PublicKey, what: str) -> bytes:
    if public.kind != "rsa":
        r, s = multiprecision(signature.numbers, 2, what)
        return from_numbers(r, s)
    (number,) = multiprecision(signature.numbers, 1, what)
    size = (public.bits + 7) // 8
    if number.bit_length() > 8 * size:
        raise MalformedError(f"{what} is longer than its key")
    return number.to_bytes(size, "big")
