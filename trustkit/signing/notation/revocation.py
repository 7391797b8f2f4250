"""Whether certificates of a chain were revoked, by lists that were fetched before (RFC 5280 section 6.3).

A certificate that names no list cannot be asked about, and passes. One that names lists of which none is at hand, or
none still counts, is of unknown standing: that is a failure and not a pass.
"""

from datetime import datetime
from itertools import pairwise

from trustkit.codec import certificate_extensions as extensions
from trustkit.codec.certificate import Certificate
from trustkit.codec.crl import RevocationList, parse_revocation_list
from trustkit.errors import CertificateError, CertificateRevokedError, SignatureMismatchError
from trustkit.fips.parse import public_key_from_spki
from trustkit.fips.provider import CryptoProvider
from trustkit.signing.pki.signatures import Signed, require_signed


def require_unrevoked(
    chain: tuple[Certificate, ...], lists: tuple[bytes, ...], now: datetime, crypto: CryptoProvider
) -> None:
    """Return if no certificate below the root is revoked. Raises CertificateRevokedError, CertificateError."""
    read = tuple(parse_revocation_list(one) for one in lists)
    for certificate, issuer in pairwise(chain):
        if extensions.crl_addresses(certificate) or extensions.ocsp_addresses(certificate):
            _require_listed_clean(certificate, issuer, read, now, crypto)


def _require_listed_clean(
    certificate: Certificate, issuer: Certificate, lists: tuple[RevocationList, ...], now: datetime,
    crypto: CryptoProvider,
) -> None:  # fmt: skip
    current = [
        one for one in lists
        if one.issuer.der == issuer.subject.der
        and one.this_update <= now and one.next_update is not None and now <= one.next_update
    ]  # fmt: skip
    for one in current:
        _require_signed_list(one, issuer, crypto)
        if certificate.serial in one.revoked:
            raise CertificateRevokedError(f"certificate of {certificate.subject} was revoked by its issuer")
    if not current:
        raise CertificateError(
            f"whether certificate of {certificate.subject} was revoked is unknown: no list of its issuer is current",
            next_step="fetch the authority's revocation list, or let the policy do without",
        )


def _require_signed_list(found: RevocationList, issuer: Certificate, crypto: CryptoProvider) -> None:
    usage = extensions.key_usage(issuer)
    if usage is not None and extensions.CRL_SIGN not in usage:
        raise CertificateError(f"{issuer.subject} may not sign revocation lists")
    signed = Signed(found.tbs, found.signature_algorithm, found.signature_parameters, found.signature)
    try:
        require_signed(signed, public_key_from_spki(issuer.spki_der), crypto)
    except SignatureMismatchError as error:
        raise CertificateError(f"a revocation list was not signed by {issuer.subject}") from error
