"""A revoked key counts for nothing, and is spared only what somebody else than its holder proves to be older."""

from datetime import UTC, datetime, timedelta

import pytest

from trustkit.errors import KeyRevokedError
from trustkit.model.digest import Digest
from trustkit.model.keys import KeyRevocation
from trustkit.model.revocations import IMAGE, KEY, Revocation, Revocations
from trustkit.model.signature import (
    REKOR,
    SIGNATURE,
    SIGNER,
    TSA,
    SignerIdentity,
    VerificationReport,
    VerifiedSignature,
)
from trustkit.signing.revoked import without_revoked_keys

LOST = datetime(2026, 6, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WHAT = Digest("sha256", "11" * 32)
FINGERPRINT = "ab" * 32


def revoked(*, older: bool = False, what: str = FINGERPRINT, kind: str = KEY) -> Revocations:
    return Revocations((Revocation(kind, what, "release", "alice", KeyRevocation(LOST, "stolen", older)),))


def report(at: datetime | None, source: str, fingerprint: str = FINGERPRINT) -> VerificationReport:
    signer = SignerIdentity(fingerprint, "x509:signingAuthority/acme", "CN=signer")
    one = VerifiedSignature(
        "notation", SIGNATURE, WHAT, signer, "ecdsa-p256-sha256", WHAT, signed_at=at, time_source=source
    )
    return VerificationReport(WHAT, (one,), (), (), complete=True)


@pytest.mark.parametrize("source", [REKOR, TSA])
def test_what_a_log_or_an_authority_proves_to_be_older_is_spared_if_the_revocation_says_so(source: str) -> None:
    older = report(LOST - SECOND, source)
    assert without_revoked_keys(older, revoked(older=True)) == older
    assert not without_revoked_keys(older, revoked()).accepted
    assert not without_revoked_keys(report(LOST, source), revoked(older=True)).accepted


@pytest.mark.parametrize(("at", "source"), [(LOST - SECOND, SIGNER), (LOST - SECOND, ""), (None, TSA), (None, "")])
def test_what_only_the_signer_says_is_older_is_not(at: datetime | None, source: str) -> None:
    found = without_revoked_keys(report(at, source), revoked(older=True))
    assert (found.accepted, [one.code for one in found.rejected]) == ((), [KeyRevokedError.code])
    assert "revoked from 2026-06-01T00:00:00+00:00 by alice: stolen" in found.rejected[0].message


@pytest.mark.parametrize("others", [revoked(what="cd" * 32), revoked(kind=IMAGE), Revocations()])
def test_other_keys_and_images_change_nothing(others: Revocations) -> None:
    assert without_revoked_keys(report(None, ""), others) == report(None, "")


def test_a_fingerprint_is_one_in_capitals_too() -> None:
    assert not without_revoked_keys(report(None, "", FINGERPRINT.upper()), revoked()).accepted
