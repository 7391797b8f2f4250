"""Keys as metadata writes and names them: bare, or in a certificate of the repository's name.

A key's identifier is the SHA-256 of how it is written, so that one key has two: bare, by which its private half is
filed, and in a certificate, by which the root names it.
"""

from datetime import datetime, timedelta

from trustkit.codec import pem
from trustkit.codec.certificate_build import SelfSigned, certificate, to_be_signed
from trustkit.codec.notary_build import key_bytes
from trustkit.codec.notary_tuf import Key
from trustkit.errors import AlgorithmNotApprovedError
from trustkit.fips.hashing import digest_of, random_bytes
from trustkit.fips.spki import ed25519_bytes
from trustkit.model import keys as algorithms
from trustkit.model.keys import PublicKey
from trustkit.signing.keys import SigningKey

# as docker and notary make them
ROOT_CERTIFICATE_LIFE = timedelta(days=3650)
_SERIAL_BYTES = 16
_CERTIFICATE_ALGORITHMS = {
    "ecdsa-p256": algorithms.ECDSA_P256_SHA256,
    "ecdsa-p384": algorithms.ECDSA_P384_SHA384,
    "ecdsa-p521": algorithms.ECDSA_P521_SHA512,
    "rsa": algorithms.RSA_PKCS1_SHA256,
}


def id_of(key: Key) -> str:
    """Return the identifier of a key as it is written."""
    return digest_of(key_bytes(key)).hex


def bare(public: PublicKey) -> Key:
    """Return the key without a certificate. Raises AlgorithmNotApprovedError."""
    if public.kind == "ed25519":
        return Key("ed25519", ed25519_bytes(public))
    if public.kind in _CERTIFICATE_ALGORITHMS:
        return Key(public.kind.partition("-")[0], public.spki_der)
    raise AlgorithmNotApprovedError(
        f"a key of kind {public.kind} signs no content trust", next_step="use an ECDSA, Ed25519 or RSA key"
    )


def certified(key: SigningKey, gun: str, now: datetime) -> Key:
    """Return the key in a certificate for the repository, signed by itself.

    Raises AlgorithmNotApprovedError, CryptoError.
    """
    public = key.public
    algorithm = _CERTIFICATE_ALGORITHMS.get(public.kind)
    if algorithm is None:
        raise AlgorithmNotApprovedError(
            f"a key of kind {public.kind} cannot be a root key", next_step="use an ECDSA or RSA key"
        )
    # RFC 5280 4.1.2.2: positive, so the first bit is none
    serial = int.from_bytes(random_bytes(_SERIAL_BYTES), "big") >> 1
    begun = now.replace(microsecond=0)
    wanted = SelfSigned(gun, public.spki_der, serial, begun, begun + ROOT_CERTIFICATE_LIFE, algorithm)
    tbs = to_be_signed(wanted)
    content = certificate(tbs, algorithm, key.sign(algorithm, tbs))
    return Key(f"{public.kind.partition('-')[0]}-x509", pem.encode("CERTIFICATE", content))
