"""Signatures over a digest, by the `cryptography` package."""

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from trustkit.errors import AlgorithmNotApprovedError, MalformedError, SignatureMismatchError
from trustkit.fips import algorithms, spki
from trustkit.fips.algorithms import Algorithm
from trustkit.fips.ecdsa_signature import require_in_range
from trustkit.model.keys import PublicKey

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_CURVES: dict[str, ec.EllipticCurve] = {
    "ecdsa-p256": ec.SECP256R1(),
    "ecdsa-p384": ec.SECP384R1(),
    "ecdsa-p521": ec.SECP521R1(),
}


def verify(row: Algorithm, key: PublicKey, signature: bytes, digest: bytes) -> None:
    """Return if the signature fits.

    Raises SignatureMismatchError, AlgorithmNotApprovedError, MalformedError.
    """
    try:
        _verify(row, key, signature, digest)
    except InvalidSignature as error:
        raise SignatureMismatchError(f"{row.name} signature does not fit") from error
    except (UnsupportedAlgorithm, ValueError) as error:
        raise MalformedError(f"{row.name} key, signature or digest is unusable: {error}") from error


def _verify(row: Algorithm, key: PublicKey, signature: bytes, digest: bytes) -> None:
    given = Prehashed(_HASHES[row.digest])
    if row.scheme == algorithms.ECDSA:
        require_in_range(signature, key.kind)
        point = ec.EllipticCurvePublicNumbers(*spki.ec_point(key), _CURVES[key.kind])
        point.public_key().verify(signature, digest, ec.ECDSA(given))
    elif row.scheme == algorithms.RSA_PKCS1:
        modulus, exponent = spki.rsa_numbers(key)
        rsa.RSAPublicNumbers(exponent, modulus).public_key().verify(signature, digest, padding.PKCS1v15(), given)
    else:
        raise AlgorithmNotApprovedError(
            f"{row.name} cannot be checked over a digest", next_step="give the file instead of its digest"
        )
