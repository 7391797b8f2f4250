"""A signature by a known key over content, or over a digest where the content is not at hand."""

from trustkit.errors import AlgorithmNotApprovedError, MalformedError, SignatureMismatchError, TrustkitError
from trustkit.fips.algorithms import algorithm as algorithm_row
from trustkit.fips.ecdsa_signature import ecdsa_signature_der
from trustkit.fips.prehashed import verify_digest
from trustkit.fips.provider import CryptoProvider
from trustkit.model.digest import Digest
from trustkit.model.keys import PublicKey
from trustkit.signing.identify import algorithms_for


def require_fits(key: PublicKey, signature: bytes, message: bytes | tuple[Digest, ...], crypto: CryptoProvider) -> str:
    """Return the algorithm by which the key made the signature.

    Raises SignatureMismatchError, MalformedError, AlgorithmNotApprovedError.
    """
    if key.kind.startswith("ecdsa-"):
        signature = ecdsa_signature_der(signature, key.kind)
    failure: TrustkitError | None = None
    for algorithm in algorithms_for(key.kind):
        try:
            _verify(key, algorithm, signature, message, crypto)
        except (SignatureMismatchError, AlgorithmNotApprovedError, MalformedError) as error:
            failure = failure or error
        else:
            return algorithm
    if failure is None or isinstance(failure, SignatureMismatchError):
        raise SignatureMismatchError(
            f"the signature does not fit the content and the key {key.short}",
            next_step="signed by another key, or the content was changed after signing",
        )
    raise failure


def _verify(
    key: PublicKey, algorithm: str, signature: bytes, message: bytes | tuple[Digest, ...], crypto: CryptoProvider
) -> None:
    if isinstance(message, bytes):
        crypto.verify(key, algorithm, signature, message)
        return
    row = algorithm_row(algorithm)
    digest = next((one for one in message if one.algorithm == row.digest), None)
    if digest is None:
        raise AlgorithmNotApprovedError(
            f"{algorithm} needs the content's {row.digest}", next_step="give the file instead of its digest"
        )
    verify_digest(crypto, key, algorithm, signature, bytes.fromhex(digest.hex))
