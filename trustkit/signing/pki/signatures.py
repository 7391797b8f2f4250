"""Signatures as X.509, CRLs, OCSP and CMS name them, checked by the crypto provider (RFC 3279, 4055, 5758, 8410)."""

from itertools import product

from trustkit.codec import der
from trustkit.codec.certificate import Certificate
from trustkit.errors import AlgorithmNotApprovedError, CertificateError, SignatureMismatchError
from trustkit.fips.parse import public_key_from_spki
from trustkit.fips.provider import CryptoProvider
from trustkit.model.keys import PublicKey
from trustkit.model.values import NamedTuple

SHA2 = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_NULL = bytes((der.NULL, 0))
_RSA = "1.2.840.113549.1.1.1"
_PSS = "1.2.840.113549.1.1.10"
_MGF1 = "1.2.840.113549.1.1.8"
_PKCS1 = {
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
}
_ECDSA = {
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}
_ED25519 = "1.3.101.112"
_DIGEST_BYTES = {"sha256": 32, "sha384": 48, "sha512": 64}


class Signed(NamedTuple):
    """Bytes, the signature said to be on them, and how its algorithm is named.

    `digest` is what CMS names beside the algorithm; elsewhere it is empty.
    """

    content: bytes
    algorithm: str
    parameters: bytes
    signature: bytes
    digest: str = ""


def require_signed(signed: Signed, key: PublicKey, crypto: CryptoProvider) -> None:
    """Return if the key made the signature.

    Raises SignatureMismatchError, AlgorithmNotApprovedError, MalformedError.
    """
    crypto.verify(key, algorithm_of(signed, key), signed.signature, signed.content)


def require_issued(certificate: Certificate, issuer: Certificate, crypto: CryptoProvider) -> None:
    """Return if the issuer's key signed the certificate.

    Raises CertificateError, AlgorithmNotApprovedError, MalformedError. RFC 5280 6.1.3 (a)(1).
    """
    signed = Signed(
        certificate.tbs, certificate.signature_algorithm, certificate.signature_parameters, certificate.signature
    )
    try:
        require_signed(signed, public_key_from_spki(issuer.spki_der), crypto)
    except SignatureMismatchError as error:
        message = f"certificate of {certificate.subject} was not signed by {issuer.subject}"
        raise CertificateError(message) from error


def algorithm_of(signed: Signed, key: PublicKey) -> str:
    """Return our name of the algorithm that made the signature, for this key. Raises AlgorithmNotApprovedError."""
    oid, parameters = signed.algorithm, signed.parameters
    if oid in _ECDSA and not parameters:
        return f"{key.kind}-{_agreed(_ECDSA[oid], signed.digest)}"
    if oid in _PKCS1 and parameters in (_NULL, b""):
        return f"rsa-pkcs1v15-{_agreed(_PKCS1[oid], signed.digest)}"
    if oid == _RSA and signed.digest and parameters in (_NULL, b""):
        return f"rsa-pkcs1v15-{signed.digest}"
    if oid == _PSS and parameters in _PSS_PARAMETERS:
        return f"rsa-pss-{_agreed(_PSS_PARAMETERS[parameters], signed.digest)}"
    if oid == _ED25519 and not parameters:
        return "ed25519"
    raise AlgorithmNotApprovedError(
        f"a signature was made with an algorithm that is not used here: {oid}",
        next_step="RSA with SHA-2 (PKCS#1 v1.5 or PSS), ECDSA with SHA-2 and Ed25519 are; SHA-1 and MD5 are not",
    )


def _agreed(named: str, beside: str) -> str:
    if beside and beside != named:
        raise AlgorithmNotApprovedError(f"a signature's algorithm says {named}, and beside it stands {beside}")
    return named


def _pss_parameters(digest: str, hash_null: bytes, mgf_null: bytes) -> bytes:
    """RFC 4055 3.1: hash, mask generation by the same hash, and a salt as long as it (NULL or nothing inside)."""
    oid = der.encode_oid(next(oid for oid, name in SHA2.items() if name == digest))
    mask = der.encode(der.SEQUENCE, der.encode_oid(_MGF1), der.encode(der.SEQUENCE, oid, mgf_null))
    return der.encode(
        der.SEQUENCE,
        der.encode(0xA0, der.encode(der.SEQUENCE, oid, hash_null)),
        der.encode(0xA1, mask),
        der.encode(0xA2, der.encode_unsigned(_DIGEST_BYTES[digest])),
    )


_PSS_PARAMETERS = {
    _pss_parameters(digest, hash_null, mgf_null): digest
    for digest, hash_null, mgf_null in product(_DIGEST_BYTES, (_NULL, b""), (_NULL, b""))
}
