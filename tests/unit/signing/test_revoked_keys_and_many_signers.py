"""One envelope with several signers proves each of them once; a revoked key proves nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from trustkit.codec import dsse, intoto
from trustkit.codec.dsse import Envelope, EnvelopeSignature
from trustkit.codec.intoto import Subject
from trustkit.errors import KeyRevokedError, SignatureMismatchError
from trustkit.fips.hashing import digest_of
from trustkit.fips.select import provider
from trustkit.model.digest import Digest
from trustkit.model.evidence import Evidence, Gathered
from trustkit.model.keys import ECDSA_P256_SHA256, KeyRevocation
from trustkit.signing.format import Check
from trustkit.signing.formats.cosign_attestation import MEDIA_TYPE, TAG_PLACE, CosignAttestation
from trustkit.signing.identify import Signed, identify, identify_all
from trustkit.signing.trust.roots import TrustedKey, TrustRoots
from trustkit.signing.verify import verify

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LOST = NOW - timedelta(days=1)
IMAGE = Digest("sha256", "ab" * 32)
ONE, OTHER, STRANGER = (provider().generate("ecdsa-p256") for _ in range(3))
MESSAGE = b"message"


def check(*keys):
    return Check(IMAGE, TrustRoots(keys), provider(), NOW)


def trusted(key, name="one", revoked=None):
    return TrustedKey(name, key.public, revoked=revoked)


def signed(*keys, at=None):
    return Signed(MESSAGE, tuple(key.sign(ECDSA_P256_SHA256, MESSAGE) for key in keys), signed_at=at)


def report(*keys, by):
    payload = intoto.build([Subject("app", {"sha256": IMAGE.hex})], "https://example.com/p", {}, intoto.STATEMENT_V01)
    message = dsse.pae(dsse.IN_TOTO_TYPE, payload)
    made = tuple(EnvelopeSignature(key.sign(ECDSA_P256_SHA256, message)) for key in keys)
    content = dsse.to_bytes(Envelope(dsse.IN_TOTO_TYPE, payload, made))
    item = Evidence(TAG_PLACE, MEDIA_TYPE, digest_of(content), content, {}, "")
    return verify(Gathered((item,), complete=True), (CosignAttestation(),), by)


def test_each_distinct_signer_of_an_envelope_is_reported():
    found = report(ONE, STRANGER, OTHER, by=check(trusted(ONE), trusted(OTHER, "other")))
    assert [item.signer.trust_root for item in found.accepted] == ["one", "other"]


def test_a_key_that_signed_twice_counts_once():
    assert len(report(ONE, ONE, ONE, by=check(trusted(ONE))).accepted) == 1


def test_a_key_under_two_names_counts_once():
    assert len(report(ONE, ONE, by=check(trusted(ONE), trusted(ONE, "again"))).accepted) == 1


def test_an_envelope_of_strangers_is_refused():
    found = report(STRANGER, by=check(trusted(ONE)))
    assert [item.code for item in found.rejected] == ["verification.signature"]


def test_a_revoked_key_is_refused_by_its_own_code():
    found = report(ONE, by=check(trusted(ONE, revoked=KeyRevocation(LOST, "stolen"))))
    assert not found.accepted
    assert [item.code for item in found.rejected] == ["verification.key_revoked"]


def test_a_good_signer_beside_a_revoked_one_still_counts():
    keys = (trusted(ONE, revoked=KeyRevocation(LOST, "stolen")), trusted(OTHER, "other"))
    assert [item.signer.trust_root for item in report(ONE, OTHER, by=check(*keys)).accepted] == ["other"]


def test_a_signature_that_does_not_fit_is_no_matter_of_revocation():
    with pytest.raises(SignatureMismatchError):
        identify(signed(STRANGER), check(trusted(ONE, revoked=KeyRevocation(LOST, "stolen"))))


@pytest.mark.parametrize(
    ("allowed", "at"),
    [
        (False, LOST - timedelta(days=1)),
        (True, None),
        (True, LOST),
        (True, LOST + timedelta(seconds=1)),
    ],
)
def test_a_revoked_key_proves_nothing_unless_a_proven_time_is_older(allowed, at):
    by = check(trusted(ONE, revoked=KeyRevocation(LOST, "stolen", allow_before=allowed)))
    with pytest.raises(KeyRevokedError, match="stolen"):
        identify(signed(ONE, at=at), by)


def test_an_older_signature_stays_valid_where_that_is_allowed():
    by = check(trusted(ONE, revoked=KeyRevocation(LOST, "stolen", allow_before=True)))
    (found,) = identify_all(signed(ONE, at=LOST - timedelta(seconds=1)), by)
    assert found.signer.trust_root == "one"
