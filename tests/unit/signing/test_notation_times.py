"""Whose word on the time of a notation signature counts: a signing authority's, and never a signer's."""

from datetime import UTC, datetime

import pytest

from forgeries import notation as forge
from forgeries.notation import DAY, Signing, issued, stated
from trustkit.errors import CertificateError, MalformedError
from trustkit.fips.select import provider
from trustkit.model.digest import Digest
from trustkit.model.image import Descriptor
from trustkit.model.notation import REVOCATION, NotationChecks
from trustkit.signing.notation import envelope
from trustkit.signing.notation.envelope import AUTHENTIC_TIME, COSE, JWS, SCHEME_AUTHORITY, SIGNING_TIME
from trustkit.signing.notation.rules import Rules
from trustkit.signing.notation.verify import Proven, verify
from trustkit.signing.trust.roots import CA, SIGNING_AUTHORITY, TSA, CertificateStore

NOW = datetime(2026, 6, 1, tzinfo=UTC)
THEN = NOW - 500 * DAY
TARGET = Descriptor("application/vnd.oci.image.manifest.v1+json", Digest("sha256", "11" * 32), 123)
PAYLOAD = forge.payload_of(str(TARGET.digest), TARGET.media_type, TARGET.size_bytes)
ROOT = issued("root", authority=True, start=NOW - 900 * DAY, end=NOW + 900 * DAY)
GOOD = (issued("signer", ROOT, start=NOW - 9 * DAY, end=NOW + 9 * DAY), ROOT)
EXPIRED = (issued("signer", ROOT, start=NOW - 800 * DAY, end=NOW - 400 * DAY), ROOT)
STORES = {kind: CertificateStore(kind, "acme", (ROOT.der,)) for kind in (CA, SIGNING_AUTHORITY, TSA)}
both_envelopes = pytest.mark.parametrize("media_type", [JWS, COSE])


def judged(media_type: str, signing: Signing, *kinds: str) -> Proven:
    rules = Rules(tuple(STORES[kind] for kind in kinds or (CA,)), NotationChecks(skipped=frozenset((REVOCATION,))))
    found = envelope.read(media_type, forge.envelope(media_type, signing))
    return verify(found, TARGET, rules, now=NOW, crypto=provider())


@both_envelopes
def test_a_signer_of_today_is_believed_without_a_time(media_type: str) -> None:
    assert judged(media_type, stated(PAYLOAD, GOOD, signing=NOW)).time_source == ""


@both_envelopes
@pytest.mark.parametrize("chain", [GOOD, EXPIRED], ids=["good", "expired"])
@pytest.mark.parametrize("kinds", [(CA,), (CA, TSA), (CA, SIGNING_AUTHORITY)])
def test_a_signer_does_not_date_itself(
    media_type: str, chain: tuple[forge.Issued, ...], kinds: tuple[str, ...]
) -> None:
    with pytest.raises(MalformedError, match=AUTHENTIC_TIME):
        judged(media_type, stated(PAYLOAD, chain, signing=THEN, authentic=THEN), *kinds)


@both_envelopes
def test_an_expired_signer_is_refused(media_type: str) -> None:
    with pytest.raises(CertificateError, match="expired"):
        judged(media_type, stated(PAYLOAD, EXPIRED, signing=THEN))


@both_envelopes
def test_a_signing_authority_says_when_it_signed(media_type: str) -> None:
    found = judged(media_type, stated(PAYLOAD, EXPIRED, SCHEME_AUTHORITY, authentic=THEN), SIGNING_AUTHORITY)
    assert (found.signed_at, found.time_source) == (THEN, "signer")


@both_envelopes
def test_a_signing_authority_says_it_in_one_way(media_type: str) -> None:
    with pytest.raises(MalformedError, match=SIGNING_TIME):
        judged(media_type, stated(PAYLOAD, GOOD, SCHEME_AUTHORITY, signing=NOW, authentic=NOW), SIGNING_AUTHORITY)
