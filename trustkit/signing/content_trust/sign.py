"""Metadata files with their signatures, in the methods that notary knows: SHA-256 whatever the curve."""

from collections.abc import Mapping

from trustkit.codec import olpc_json
from trustkit.codec.notary_build import to_bytes
from trustkit.codec.notary_tuf import Signature
from trustkit.errors import AlgorithmNotApprovedError
from trustkit.fips.algorithms import CURVES
from trustkit.fips.ecdsa_signature import numbers
from trustkit.signing.content_trust.signers import METHODS
from trustkit.signing.keys import SigningKey


def signed_file(signed: Mapping[str, object], keys: Mapping[str, SigningKey]) -> bytes:
    """Return the file of a `signed` part, with a signature of each key, by identifier.

    Raises AlgorithmNotApprovedError, CryptoError.
    """
    content = olpc_json.encode(signed)
    return to_bytes(signed, tuple(_signature(key_id, key, content) for key_id, key in sorted(keys.items())))


def _signature(key_id: str, key: SigningKey, content: bytes) -> Signature:
    kind = key.public.kind
    found = next(((method, algorithm) for (method, fits), algorithm in METHODS.items() if fits == kind), None)
    if found is None:
        raise AlgorithmNotApprovedError(
            f"a key of kind {kind} signs no content trust", next_step="use an ECDSA, Ed25519 or RSA key"
        )
    method, algorithm = found
    raw = key.sign(algorithm, content)
    if method == "ecdsa":
        # r || s, never DER
        size = CURVES[kind].field_bytes
        raw = b"".join(number.to_bytes(size, "big") for number in numbers(raw))
    return Signature(key_id, method, raw)
