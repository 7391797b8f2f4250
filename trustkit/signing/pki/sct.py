"""Signed certificate timestamps inside a certificate: a log promised to publish it (RFC 6962).

The extension 1.3.6.1.4.1.11129.2.4.2 holds a TLS list of them. What a log signed is the certificate as it was
before the timestamps were put in: its TBS without that extension, bound to the issuer's key (section 3.2).
"""

from datetime import UTC, datetime, timedelta

from trustkit.codec import der
from trustkit.codec.certificate import Certificate
from trustkit.errors import (
    AlgorithmNotApprovedError,
    CertificateTransparencyError,
    MalformedError,
    VerificationError,
)
from trustkit.fips.hashing import sha256
from trustkit.fips.provider import CryptoProvider
from trustkit.model.values import NamedTuple
from trustkit.signing.log.log_key import in_use, require_signed_by
from trustkit.signing.trust.roots import TrustedLog

SCT_LIST = "1.3.6.1.4.1.11129.2.4.2"
_WHAT = "certificate timestamp list"
_EXTENSIONS_TAG = 0xA3
_LOG_ID_BYTES = 32
_MOST_SCTS = 16
# RFC 5246 7.4.1.4.1: hash and signature by number, as (SHA-256, ECDSA), (SHA-384, ECDSA), (SHA-256, RSA), Ed25519.
_SCHEMES = {
    b"\x04\x03": ("ecdsa-p256",),
    b"\x05\x03": ("ecdsa-p384",),
    b"\x04\x01": ("rsa",),
    b"\x08\x07": ("ed25519",),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CertificateTimestamp(NamedTuple):
    """One timestamp as found: log, milliseconds since 1970, extensions, scheme, signature."""

    log_id: bytes
    milliseconds: int
    extensions: bytes
    scheme: bytes
    signature: bytes


def require_logged_certificate(
    certificate: Certificate, issuer: Certificate, logs: tuple[TrustedLog, ...], crypto: CryptoProvider
) -> None:
    """Return if a trusted log, in use at the time, made a timestamp for the certificate.

    Raises CertificateTransparencyError, MalformedError.
    """
    found = certificate.extension(SCT_LIST)
    if found is None:
        raise CertificateTransparencyError("the certificate has no timestamp of a certificate log (SCT)")
    proven = [
        log
        for one in timestamps(found.value)
        for log in logs
        if log.key_id == one.log_id and _holds(one, log, certificate, issuer, crypto)
    ]
    if not proven:
        raise CertificateTransparencyError(
            "no timestamp in the certificate is by a certificate log that is trusted for its time"
        )


def timestamps(extension: bytes) -> tuple[CertificateTimestamp, ...]:
    """Return the timestamps in the extension's value. Raises MalformedError. RFC 6962 3.3."""
    outer = der.Reader(extension, _WHAT)
    listed = _Bytes(outer.value(der.OCTET_STRING))
    outer.require_end()
    items = _Bytes(listed.vector())
    listed.require_end()
    found = []
    while items.left:
        found.append(_timestamp(_Bytes(items.vector())))
        if len(found) > _MOST_SCTS:
            raise MalformedError(f"{_WHAT} has more than {_MOST_SCTS} entries")
    if not found:
        raise MalformedError(f"{_WHAT} is empty")
    return tuple(found)


def precertificate(certificate: Certificate) -> bytes:
    """Return the TBS without the timestamps, as the log saw it. Raises MalformedError. RFC 6962 3.2."""
    fields = der.Reader(certificate.tbs, _WHAT).nested()
    parts: list[bytes] = []
    while (tag := fields.peek()) is not None:
        if tag != _EXTENSIONS_TAG:
            parts.append(fields.raw())
            continue
        listed = fields.nested(tag).nested()
        kept = []
        while listed.peek() is not None:
            whole = listed.raw(der.SEQUENCE)
            if der.Reader(whole, _WHAT).nested().oid() != SCT_LIST:
                kept.append(whole)
        if kept:
            parts.append(der.encode(_EXTENSIONS_TAG, der.encode(der.SEQUENCE, *kept)))
    return der.encode(der.SEQUENCE, *parts)


def _holds(
    one: CertificateTimestamp, log: TrustedLog, certificate: Certificate, issuer: Certificate, crypto: CryptoProvider
) -> bool:
    """Whether the log was in use when it signed this. Raises CertificateTransparencyError if it did not sign it."""
    if log.key.kind not in _SCHEMES.get(one.scheme, ()):
        raise CertificateTransparencyError("a certificate timestamp is signed in a way its log does not sign")
    tbs = precertificate(certificate)
    # RFC 6962 3.2: v1, certificate_timestamp, time, precert_entry, issuer key hash, TBS, extensions
    signed = b"".join(
        (
            b"\0\0",
            one.milliseconds.to_bytes(8, "big"),
            b"\0\x01",
            sha256(issuer.spki_der),
            len(tbs).to_bytes(3, "big") + tbs,
            len(one.extensions).to_bytes(2, "big") + one.extensions,
        )
    )
    try:
        require_signed_by(log.key, one.signature, signed, crypto)
    except (VerificationError, MalformedError, AlgorithmNotApprovedError) as error:
        raise CertificateTransparencyError(f"the timestamp of {log.base_url} does not fit the certificate") from error
    try:
        at = _EPOCH + timedelta(milliseconds=one.milliseconds)
    except OverflowError:
        return False
    return in_use(log, at)


def _timestamp(fields: "_Bytes") -> CertificateTimestamp:
    if fields.take(1) != b"\0":
        raise MalformedError(f"{_WHAT} has an entry of an unknown version")
    found = CertificateTimestamp(
        log_id=fields.take(_LOG_ID_BYTES),
        milliseconds=int.from_bytes(fields.take(8), "big"),
        extensions=fields.vector(),
        scheme=fields.take(2),
        signature=fields.vector(),
    )
    fields.require_end()
    return found


class _Bytes:
    """Reads TLS's fixed and counted bytes (RFC 5246 section 4)."""

    __slots__ = ("left",)

    def __init__(self, content: bytes) -> None:
        self.left = content

    def take(self, count: int) -> bytes:
        """Return the next bytes. Raises MalformedError."""
        if len(self.left) < count:
            raise MalformedError(f"{_WHAT} is cut off")
        taken, self.left = self.left[:count], self.left[count:]
        return taken

    def vector(self) -> bytes:
        """Return the bytes that a count of two bytes leads. Raises MalformedError."""
        return self.take(int.from_bytes(self.take(2), "big"))

    def require_end(self) -> None:
        """Return if nothing follows. Raises MalformedError."""
        if self.left:
            raise MalformedError(f"{_WHAT} has bytes too many")
