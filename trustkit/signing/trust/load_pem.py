"""A SigstoreRoot from single PEM files: what cosign takes from SIGSTORE_* variables and --ca-roots."""

from trustkit import limits
from trustkit.codec import pem
from trustkit.codec.certificate import parse_certificate
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.fips.parse import public_key_from_spki
from trustkit.model.values import NamedTuple
from trustkit.signing.trust.roots import SigstoreRoot, TrustedAuthority, TrustedLog

_CERTIFICATE = "CERTIFICATE"
_PUBLIC_KEY = "PUBLIC KEY"


class PemFiles(NamedTuple):
    """Contents of the files, empty for none.

    `authorities` holds roots, and intermediates if they are not in `intermediates`; `logs` and `ct_logs` hold
    public keys; `timestamps` the chain of a timestamp authority.
    """

    authorities: bytes = b""
    intermediates: bytes = b""
    logs: bytes = b""
    ct_logs: bytes = b""
    timestamps: bytes = b""


def sigstore_root_from_pem(files: PemFiles, name: str) -> SigstoreRoot:
    """Return the root: certificates need a log entry if a log is named, and a proven time if a source of one is.

    Raises MalformedError, LimitExceededError, AlgorithmNotApprovedError.
    """
    logs = _logs(files.logs, name)
    stamps = _authorities(files.timestamps, b"", name)
    return SigstoreRoot(
        name=name,
        logs=logs,
        ct_logs=_logs(files.ct_logs, name),
        certificate_authorities=_authorities(files.authorities, files.intermediates, name),
        timestamp_authorities=stamps,
        log_required=bool(logs),
        time_required=bool(logs or stamps),
    )


def certificates_from_pem(content: bytes, what: str) -> tuple[bytes, ...]:
    """Return the DER of every certificate in a PEM file. Raises MalformedError, LimitExceededError."""
    return tuple(der for _, der in _blocks(content, _CERTIFICATE, what))


def _authorities(roots: bytes, intermediates: bytes, name: str) -> tuple[TrustedAuthority, ...]:
    """Return one authority for each self-issued certificate; the others may stand between it and a leaf."""
    if not roots:
        return ()
    found = [parse_certificate(der) for der in certificates_from_pem(roots, name)]
    between = [one.der for one in found if one.issuer.der != one.subject.der]
    if intermediates:
        between += [parse_certificate(der).der for der in certificates_from_pem(intermediates, name)]
    anchors = [one.der for one in found if one.issuer.der == one.subject.der]
    if not anchors:
        raise MalformedError(f"{name}: none of the certificates is a root", next_step="add the root certificate")
    return tuple(TrustedAuthority(name, (*between, anchor)) for anchor in anchors)


def _logs(content: bytes, name: str) -> tuple[TrustedLog, ...]:
    if not content:
        return ()
    keys = (public_key_from_spki(der) for _, der in _blocks(content, _PUBLIC_KEY, name))
    return tuple(TrustedLog(name, bytes.fromhex(key.fingerprint), key) for key in keys)


def _blocks(content: bytes, label: str, what: str) -> list[tuple[str, bytes]]:
    if len(content) > limits.TRUSTED_ROOT_BYTES:
        raise LimitExceededError(f"{what}: larger than {limits.TRUSTED_ROOT_BYTES} bytes")
    blocks = pem.decode_all(content, (label,))
    if len(blocks) > limits.TRUSTED_ROOT_ITEMS:
        raise LimitExceededError(f"{what}: more than {limits.TRUSTED_ROOT_ITEMS} PEM blocks")
    return blocks
