"""Whether a file's role is content with its signatures: so many distinct keys of the role's as it needs."""

from collections.abc import Mapping

from trustkit.codec import pem
from trustkit.codec.certificate import parse_certificate
from trustkit.codec.notary_build import key_bytes
from trustkit.codec.notary_tuf import Envelope, Key, Role, Signature
from trustkit.errors import AlgorithmNotApprovedError, MalformedError, VerificationError
from trustkit.fips.algorithms import CURVES
from trustkit.fips.ecdsa_signature import from_numbers
from trustkit.fips.hashing import digest_of
from trustkit.fips.parse import public_key_from_spki
from trustkit.fips.provider import CryptoProvider
from trustkit.fips.spki import ed25519_spki
from trustkit.model import keys as algorithms
from trustkit.model.keys import PublicKey
from trustkit.model.values import NamedTuple
from trustkit.signing.content_trust.errors import ThresholdError

_CERTIFICATE = "CERTIFICATE"
_RAW_ED25519 = 32
# A key's type as metadata names it → the kind it must really be
_KINDS = {"ecdsa": "ecdsa", "ecdsa-x509": "ecdsa", "rsa": "rsa", "rsa-x509": "rsa", "ed25519": "ed25519"}
# Notary hashes with SHA-256 whatever the curve.
METHODS = {
    ("ecdsa", "ecdsa-p256"): algorithms.ECDSA_P256_SHA256,
    ("ecdsa", "ecdsa-p384"): algorithms.ECDSA_P384_SHA256,
    ("ecdsa", "ecdsa-p521"): algorithms.ECDSA_P521_SHA256,
    ("rsapss", "rsa"): algorithms.RSA_PSS_SHA256,
    ("eddsa", "ed25519"): algorithms.ED25519,
}


class RoleSigner(NamedTuple):
    """A key that signed for a role: its fingerprint, by which algorithm, and its size."""

    fingerprint: str
    algorithm: str
    key_bits: int


def require_role_signed(
    envelope: Envelope, role: Role, keys: Mapping[str, Key], crypto: CryptoProvider
) -> tuple[RoleSigner, ...]:
    """Return the role's keys that signed, at least as many as it needs, each once.

    Raises ThresholdError, MalformedError.

    Signatures of others, and signatures that do not fit, count for nothing and do no harm.
    """
    signed: dict[str, RoleSigner] = {}
    tried: set[str] = set()
    for signature in envelope.signatures:
        if signature.key_id not in role.key_ids or signature.key_id in tried:
            continue
        tried.add(signature.key_id)
        if signature.key_id not in keys:
            raise MalformedError(f"{role.name} is for key {signature.key_id[:16]}, which is not listed")
        key = require_key(signature.key_id, keys[signature.key_id])
        if _fits(key, signature, envelope.signed, crypto):
            # One key under two names, bare and in a certificate, is one key.
            algorithm = METHODS[signature.method, key.kind]
            signed[key.fingerprint] = RoleSigner(key.fingerprint, algorithm, key.bits)
    if len(signed) < role.threshold:
        raise ThresholdError(
            f"{len(signed)} of the {role.threshold} keys that {role.name} needs signed it",
            next_step="those who may sign for it now have to sign it again",
        )
    return tuple(signed[fingerprint] for fingerprint in sorted(signed))


def require_key(key_id: str, key: Key) -> PublicKey:
    """Return the key if it is the one the identifier means. Raises MalformedError, AlgorithmNotApprovedError."""
    if digest_of(key_bytes(key)).hex != key_id:
        raise MalformedError(f"key {key_id[:16]} is another key than its identifier says")
    kind = _KINDS.get(key.key_type)
    if kind is None:
        raise AlgorithmNotApprovedError(f"key {key_id[:16]} is of type {key.key_type[:20]!r}")
    found = public_key_from_spki(_spki(key))
    if not found.kind.startswith(kind):
        raise MalformedError(f"key {key_id[:16]} calls itself {key.key_type} and is {found.kind}")
    return found


def _spki(key: Key) -> bytes:
    if key.key_type.endswith("-x509"):
        return parse_certificate(pem.decode(key.public, (_CERTIFICATE,))[1]).spki_der
    if key.key_type == "ed25519":
        if len(key.public) != _RAW_ED25519:
            raise MalformedError(f"an Ed25519 key of {len(key.public)} bytes")
        return ed25519_spki(key.public)
    return key.public


def _fits(key: PublicKey, signature: Signature, signed: bytes, crypto: CryptoProvider) -> bool:
    algorithm = METHODS.get((signature.method, key.kind))
    if algorithm is None:
        return False
    raw = signature.signature
    if signature.method == "ecdsa":
        size = CURVES[key.kind].field_bytes
        if len(raw) != 2 * size:
            return False
        raw = from_numbers(int.from_bytes(raw[:size], "big"), int.from_bytes(raw[size:], "big"))
    try:
        crypto.verify(key, algorithm, raw, signed)
    except (VerificationError, MalformedError):
        return False
    return True
