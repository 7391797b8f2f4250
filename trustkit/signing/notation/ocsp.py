"""What an OCSP answer says of a certificate, once it is proven to be its issuer's word (RFC 6960 3.2, 4.2.2.2).

The answer is signed by the issuer, or by whom the issuer certified for that purpose.
"""

from datetime import datetime, timedelta

from trustkit import limits
from trustkit.codec import certificate_extensions as extensions
from trustkit.codec import der
from trustkit.codec.certificate import Certificate, parse_certificate
from trustkit.codec.ocsp import SHA256, UNKNOWN, CertificateId, OcspAnswer, Single, parse_answer
from trustkit.errors import AlgorithmNotApprovedError, CertificateError, MalformedError, SignatureMismatchError
from trustkit.fips.hashing import sha256
from trustkit.fips.parse import public_key_from_spki
from trustkit.fips.provider import CryptoProvider
from trustkit.signing.pki.chain import require_valid
from trustkit.signing.pki.signatures import Signed, require_issued, require_signed

_SKEW = timedelta(seconds=limits.CLOCK_SKEW_SECONDS)


def certificate_id(certificate: Certificate, issuer: Certificate) -> CertificateId:
    """Return by which hashes a responder is asked about the certificate: SHA-256, as SHA-1 is not computed here."""
    key = der.Reader(issuer.spki_der, "public key").nested()
    key.raw(der.SEQUENCE)
    return CertificateId(SHA256, sha256(issuer.subject.der), sha256(key.bits()), certificate.serial)


def status_in(
    content: bytes, certificate: Certificate, issuer: Certificate, now: datetime, crypto: CryptoProvider
) -> str:
    """Return what the answer says now about the certificate: UNKNOWN if it is about others, or out of date.

    Raises CertificateError when the issuer did not say it, MalformedError, LimitExceededError, CryptoError.
    """
    answer = parse_answer(content)
    wanted = certificate_id(certificate, issuer)
    said = next((one for one in answer.singles if one.certificate == wanted), None)
    if said is None:
        return UNKNOWN
    _require_signer(answer, issuer, now, crypto)
    return said.status if _is_current(said, now) else UNKNOWN


def until(content: bytes, wanted: CertificateId) -> datetime | None:
    """Return until when the answer about a certificate counts. Raises MalformedError, LimitExceededError."""
    return next((one.next_update for one in parse_answer(content).singles if one.certificate == wanted), None)


def _is_current(said: Single, now: datetime) -> bool:
    # an answer without an end is never known to be the newest one
    return said.next_update is not None and said.this_update <= now + _SKEW and now <= said.next_update


def _require_signer(answer: OcspAnswer, issuer: Certificate, now: datetime, crypto: CryptoProvider) -> None:
    """Return if the issuer signed, or a responder that it certified."""
    failure: Exception | None = None
    for candidate in (issuer, *(parse_certificate(one) for one in answer.certificates)):
        if answer.responder is not None and answer.responder.der != candidate.subject.der:
            continue
        try:
            _require_signed(answer, candidate, crypto)
            if candidate.der != issuer.der:
                _require_delegated(candidate, issuer, now, crypto)
        except (CertificateError, AlgorithmNotApprovedError, SignatureMismatchError, MalformedError) as error:
            failure = error
        else:
            return
    message = f"an OCSP answer is not the word of {issuer.subject}"
    raise CertificateError(f"{message}: {failure}" if failure else message) from failure


def _require_signed(answer: OcspAnswer, signer: Certificate, crypto: CryptoProvider) -> None:
    signed = Signed(answer.tbs, answer.signature_algorithm, answer.signature_parameters, answer.signature)
    require_signed(signed, public_key_from_spki(signer.spki_der), crypto)


def _require_delegated(responder: Certificate, issuer: Certificate, now: datetime, crypto: CryptoProvider) -> None:
    """RFC 6960 4.2.2.2: issued by the very authority, and for answering."""
    if responder.issuer.der != issuer.subject.der:
        raise CertificateError(f"responder {responder.subject} was certified by somebody else")
    require_issued(responder, issuer, crypto)
    if extensions.OCSP_SIGNING not in (extensions.extended_key_usage(responder) or ()):
        raise CertificateError(f"responder {responder.subject} may not answer for {issuer.subject}")
    usage = extensions.key_usage(responder)
    if usage is not None and extensions.DIGITAL_SIGNATURE not in usage:
        raise CertificateError(f"the key of responder {responder.subject} may not sign answers")
    require_valid(responder, now)
