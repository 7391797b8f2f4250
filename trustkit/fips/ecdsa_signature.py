"""ECDSA signatures as two numbers: strict DER, and the raw form some signers write."""

from trustkit.codec import der
from trustkit.errors import MalformedError, SignatureMismatchError
from trustkit.fips.algorithms import CURVES, Curve

_WHAT = "ECDSA signature"
_SEQUENCE = bytes((der.SEQUENCE,))


def ecdsa_signature_der(signature: bytes, key_kind: str) -> bytes:
    """Return the signature as DER, given DER or r || s of exactly twice the curve's field size.

    Every sigstore verifier takes both. The bytes are read as DER if they are that, whatever their
    length. Raises MalformedError.
    """
    if signature.startswith(_SEQUENCE):
        try:
            numbers(signature)
        except MalformedError:
            if len(signature) != 2 * _curve(key_kind).field_bytes:
                raise
        else:
            return signature
    size = _curve(key_kind).field_bytes
    if len(signature) != 2 * size:
        message = f"{_WHAT} is neither DER nor {2 * size} raw bytes"
        raise MalformedError(message)
    r, s = (
        int.from_bytes(signature[:size], "big"),
        int.from_bytes(signature[size:], "big"),
    )
    return from_numbers(r, s)


def require_in_range(signature: bytes, key_kind: str) -> tuple[int, int]:
    """Return r and s of a DER signature, both from 1 to n - 1 (FIPS 186-5 6.4.2 step 1).

    Raises MalformedError, SignatureMismatchError.
    """
    r, s = numbers(signature)
    order = _curve(key_kind).n
    if not (0 < r < order and 0 < s < order):
        raise SignatureMismatchError(f"{_WHAT} has a number outside the curve's order")
    return r, s


def numbers(signature: bytes) -> tuple[int, int]:
    """Return r and s of a strict DER signature. Raises MalformedError. RFC 3279 2.2.3."""
    outer = der.Reader(signature, _WHAT)
    pair = outer.nested()
    outer.require_end()
    r, s = pair.unsigned(), pair.unsigned()
    pair.require_end()
    return r, s


def from_numbers(r: int, s: int) -> bytes:
    """Return the DER signature of r and s."""
    return der.encode(der.SEQUENCE, der.encode_unsigned(r), der.encode_unsigned(s))


def _curve(key_kind: str) -> Curve:
    curve = CURVES.get(key_kind)
    if curve is None:
        raise MalformedError(f"a key of kind {key_kind} makes no {_WHAT}")
    return curve
