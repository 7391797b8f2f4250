"""The proofs that come along with a signature, from a bundle or from cosign's older annotations."""

from collections.abc import Mapping

from trustkit import limits
from trustkit.codec import base64, log_entry, pem
from trustkit.codec.log_entry import LogEntry
from trustkit.codec.protojson import as_bytes, members
from trustkit.codec.sigstore_bundle import Bundle
from trustkit.codec.strict_json import as_object, as_text, parse
from trustkit.errors import LimitExceededError, LogPromiseError, LogProofError, MalformedError
from trustkit.model.values import NamedTuple

CERTIFICATE = "dev.sigstore.cosign/certificate"
CHAIN = "dev.sigstore.cosign/chain"
ENTRY = "dev.sigstore.cosign/bundle"
TIMESTAMP = "dev.sigstore.cosign/rfc3161timestamp"
_FIRST_VERSION = "0.1"
_LABEL = ("CERTIFICATE",)


class Material(NamedTuple):
    """Nothing in it is proven. `certificates` are DER, the leaf first; none if a managed key signed."""

    certificates: tuple[bytes, ...] = ()
    entries: tuple[LogEntry, ...] = ()
    timestamps: tuple[bytes, ...] = ()


def from_bundle(bundle: Bundle) -> Material:
    """Return what a bundle brings along. Raises MalformedError, LimitExceededError, LogProofError."""
    entries = tuple(log_entry.from_bundle(one) for one in bundle.entries)
    for entry in entries:
        _require_complete(entry, bundle.version)
    return Material(bundle.certificates, entries, tuple(_stamp(one) for one in bundle.timestamps))


def from_annotations(annotations: Mapping[str, str]) -> Material:
    """Return what the annotations of a `.sig` or `.att` layer bring along.

    Raises MalformedError, LimitExceededError.
    """
    certificates = _pem(annotations, CERTIFICATE)
    if len(certificates) > 1:
        raise MalformedError(f"annotation {CERTIFICATE} holds more than one certificate")
    entry, stamp = annotations.get(ENTRY, ""), annotations.get(TIMESTAMP, "")
    return Material(
        certificates + _pem(annotations, CHAIN) if certificates else (),
        (log_entry.from_annotation(entry),) if entry else (),
        (_annotated_stamp(stamp),) if stamp else (),
    )


def _require_complete(entry: LogEntry, version: str) -> None:
    """sigstore_bundle.proto: 0.1 must have the promise, later versions the inclusion proof with its checkpoint."""
    if version == _FIRST_VERSION:
        if not entry.promise:
            raise LogPromiseError("a bundle of version 0.1 must have the log's promise, and has not")
    elif entry.proof is None or not entry.proof.checkpoint:
        raise LogProofError(f"a bundle of version {version} must have an inclusion proof and checkpoint, and has not")


def _stamp(value: object) -> bytes:
    stamp = members(value, "rfc3161Timestamps", ("signedTimestamp",))
    return _bounded(as_bytes(stamp.get("signedTimestamp"), "signedTimestamp"))


def _annotated_stamp(text: str) -> bytes:
    what = f"annotation {TIMESTAMP}"
    value = as_object(parse(text.encode(), what=what, limit_bytes=2 * limits.TIMESTAMP_BYTES), what)
    return _bounded(base64.decode(as_text(value.get("SignedRFC3161Timestamp"), what), what))


def _bounded(token: bytes) -> bytes:
    if len(token) > limits.TIMESTAMP_BYTES:
        raise LimitExceededError(f"timestamp is over {limits.TIMESTAMP_BYTES} bytes")
    return token


def _pem(annotations: Mapping[str, str], name: str) -> tuple[bytes, ...]:
    text = annotations.get(name, "")
    if not text:
        return ()
    if len(text) > limits.CHAIN_CERTIFICATES * limits.CERTIFICATE_BYTES:
        raise LimitExceededError(f"annotation {name} is too long")
    found = tuple(der for _, der in pem.decode_all(text.encode(), _LABEL))
    if len(found) > limits.CHAIN_CERTIFICATES:
        raise LimitExceededError(f"annotation {name} holds more than {limits.CHAIN_CERTIFICATES} certificates")
    return found
