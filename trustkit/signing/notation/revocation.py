"""Whether certificates of a chain were revoked, by lists and answers fetched before (RFC 5280 6.3, RFC 6960).

A certificate that names neither list nor responder cannot be asked about, and passes unless a list at hand has it. One
that names some of which nothing at hand still counts is of unknown standing: that is a failure and not a pass, unless
its store lets it.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise

from trustkit.codec import certificate_extensions as extensions
from trustkit.codec.certificate import Certificate
from trustkit.codec.crl import RevocationList, parse_revocation_list
from trustkit.codec.ocsp import GOOD, REVOKED
from trustkit.errors import (
    AlgorithmNotApprovedError,
    CertificateError,
    CertificateRevokedError,
    LimitExceededError,
    MalformedError,
    RevocationUnknownError,
    SignatureMismatchError,
)
from trustkit.fips.parse import public_key_from_spki
from trustkit.fips.provider import CryptoProvider
from trustkit.model.values import NamedTuple
from trustkit.signing.notation.ocsp import status_in
from trustkit.signing.pki.signatures import Signed, require_signed

UNREVOKED, NOT_ASKED = "good", "no revocation list or responder is named"
_UNUSABLE = (CertificateError, MalformedError, LimitExceededError, AlgorithmNotApprovedError)


class Told(NamedTuple):
    """What is at hand: revocation lists and OCSP answers (DER), for any certificates."""

    lists: tuple[bytes, ...] = ()
    answers: tuple[bytes, ...] = ()


def asked_about(chain: tuple[Certificate, ...]) -> Iterator[tuple[Certificate, Certificate]]:
    """Return the certificates that say where to ask about them, each with its issuer. Raises MalformedError."""
    return (pair for pair in pairwise(chain) if _names_somebody(pair[0]))


def _names_somebody(certificate: Certificate) -> bool:
    return bool(extensions.crl_addresses(certificate) or extensions.ocsp_addresses(certificate))


def require_unrevoked(
    chains: Iterable[tuple[Certificate, ...]],
    told: Told,
    now: datetime,
    crypto: CryptoProvider,
    *,
    unknown_passes: bool = False,
) -> str:
    """Return what is known if no certificate below the root of a chain is revoked.

    All are looked at, also above one of unknown standing: what a leaf names is its issuer's choice, who may be revoked.

    Raises CertificateRevokedError, RevocationUnknownError unless `unknown_passes`, MalformedError.
    """
    found, unknown = NOT_ASKED, None
    for certificate, issuer in (pair for chain in chains for pair in pairwise(chain)):
        named = _names_somebody(certificate)
        try:
            require_standing(certificate, issuer, told, now, crypto)
            found = UNREVOKED
        except RevocationUnknownError as error:
            unknown = unknown or (error if named else None)
    if unknown is None:
        return found
    if not unknown_passes:
        raise unknown
    return f"unknown: {unknown.message}"


def require_standing(
    certificate: Certificate, issuer: Certificate, told: Told, now: datetime, crypto: CryptoProvider
) -> None:
    """Return if something current says that the certificate stands, and nothing that it was revoked.

    Raises CertificateRevokedError, RevocationUnknownError. What cannot be used proves nothing either way.
    """
    good, failure = False, ""
    for kind, content in (*(("list", one) for one in told.lists), *(("answer", one) for one in told.answers)):
        try:
            if kind == "list":
                says = in_list(content, certificate, issuer, now, crypto)
            else:
                says = status_in(content, certificate, issuer, now, crypto)
        except _UNUSABLE as error:
            failure = error.message
            continue
        if says == REVOKED:
            raise CertificateRevokedError(f"certificate of {certificate.subject} was revoked by its issuer")
        good = good or says == GOOD
    if not good:
        why = failure or "no list of its issuer and no answer about it is current"
        raise RevocationUnknownError(
            f"whether certificate of {certificate.subject} was revoked is unknown: {why}",
            next_step="let trustkit reach the authority, give its revocation list to the policy, or say "
            "revocation: permissive there",
        )


def in_list(
    content: bytes, certificate: Certificate, issuer: Certificate, now: datetime, crypto: CryptoProvider
) -> str:
    """Return what a list says now of the certificate: GOOD, REVOKED, or nothing if it is another's or out of date.

    Raises CertificateError, MalformedError, LimitExceededError, AlgorithmNotApprovedError.
    """
    found = parse_revocation_list(content)
    if found.issuer.der != issuer.subject.der:
        return ""
    _require_signed_list(found, issuer, crypto)
    if found.next_update is None or not found.this_update <= now <= found.next_update:
        return ""
    return REVOKED if certificate.serial in found.revoked else GOOD


def _require_signed_list(found: RevocationList, issuer: Certificate, crypto: CryptoProvider) -> None:
    usage = extensions.key_usage(issuer)
    if usage is not None and extensions.CRL_SIGN not in usage:
        raise CertificateError(f"{issuer.subject} may not sign revocation lists")
    signed = Signed(found.tbs, found.signature_algorithm, found.signature_parameters, found.signature)
    try:
        require_signed(signed, public_key_from_spki(issuer.spki_der), crypto)
    except SignatureMismatchError as error:
        raise CertificateError(f"a revocation list was not signed by {issuer.subject}") from error
