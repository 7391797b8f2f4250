"""When a notation signature was made, and who says so: a signing authority, a timestamp authority, or nobody."""

from datetime import datetime

from trustkit.codec.certificate import Certificate
from trustkit.errors import TimestampError
from trustkit.fips.provider import CryptoProvider
from trustkit.model import signature
from trustkit.model.values import NamedTuple
from trustkit.signing.notation.envelope import AUTHENTIC_TIME, SCHEME, SCHEME_AUTHORITY, Envelope
from trustkit.signing.notation.rules import Rules
from trustkit.signing.pki.chain import require_valid
from trustkit.signing.timestamp import verify_timestamp
from trustkit.signing.trust.roots import TSA, TrustedAuthority


class SigningTime(NamedTuple):
    """A moment and its source; `stamped_by` is the chain of the timestamp authority that vouches for it, if any."""

    at: datetime | None = None
    source: str = ""
    stamped_by: tuple[Certificate, ...] = ()


def signing_time(
    found: Envelope, chain: tuple[Certificate, ...], rules: Rules, now: datetime, crypto: CryptoProvider
) -> SigningTime:
    """Return when the signature was made, proven by whom; every certificate must have been valid then.

    Without a timestamp authority nobody proves that, so the chain must be valid now.

    Raises CertificateError, TimestampError, MalformedError, LimitExceededError, CryptoError.
    """
    authentic = found.moment(AUTHENTIC_TIME)
    if authentic is not None and found.attributes.get(SCHEME) == SCHEME_AUTHORITY:
        _require_all_valid(chain, authentic)
        return SigningTime(authentic, signature.SIGNER)
    authorities = tuple(
        TrustedAuthority(f"tsa/{store.name}", (der,))
        for store in rules.stores if store.kind == TSA for der in store.certificates
    )  # fmt: skip
    valid_now = all(one.not_before <= now <= one.not_after for one in chain)
    if not authorities or (not rules.checks.timestamp_always and valid_now):
        _require_all_valid(chain, now)
        return SigningTime()
    if not found.timestamp:
        raise TimestampError("notation signature has no timestamp, and the policy names authorities for them")
    time = verify_timestamp(found.timestamp, found.signature, authorities, crypto)
    _require_all_valid(chain, time.at)
    return SigningTime(time.at, signature.TSA, time.chain)


def _require_all_valid(chain: tuple[Certificate, ...], at: datetime) -> None:
    for certificate in chain:
        require_valid(certificate, at)
