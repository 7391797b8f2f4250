"""A log's own signatures: on promises, checkpoints and certificate timestamps."""

from datetime import datetime

from trustkit.errors import AlgorithmNotApprovedError
from trustkit.fips.ecdsa_signature import ecdsa_signature_der
from trustkit.fips.provider import CryptoProvider
from trustkit.model.keys import (
    ECDSA_P256_SHA256,
    ECDSA_P384_SHA384,
    ECDSA_P521_SHA512,
    ED25519,
    RSA_PKCS1_SHA256,
    PublicKey,
)
from trustkit.signing.trust.roots import TrustedLog

# A curve's own hash, as sigstore_common.proto names the keys of logs.
_ALGORITHMS = {
    "ecdsa-p256": ECDSA_P256_SHA256,
    "ecdsa-p384": ECDSA_P384_SHA384,
    "ecdsa-p521": ECDSA_P521_SHA512,
    "ed25519": ED25519,
    "rsa": RSA_PKCS1_SHA256,
}


def require_signed_by(key: PublicKey, signature: bytes, message: bytes, crypto: CryptoProvider) -> None:
    """Return if the key made the signature.

    Raises SignatureMismatchError, MalformedError, AlgorithmNotApprovedError.
    """
    algorithm = _ALGORITHMS.get(key.kind)
    if algorithm is None:
        raise AlgorithmNotApprovedError(f"a log's key of kind {key.kind} is not used here")
    if key.kind.startswith("ecdsa-"):
        signature = ecdsa_signature_der(signature, key.kind)
    crypto.verify(key, algorithm, signature, message)


def in_use(log: TrustedLog, at: datetime) -> bool:
    """Whether the log was in use then, as the trusted root says."""
    return (log.not_before is None or log.not_before <= at) and (log.not_after is None or at <= log.not_after)
