"""A revoked key counts for nothing, and is spared only what somebody else than its holder proves to be older."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from forgeries import notation as forge
from forgeries.notation import issued, stated
from trustkit.codec import base64
from trustkit.codec.sigstore_bundle import MEDIA_TYPE
from trustkit.errors import KeyExpiredError, KeyRevokedError, TrustkitError
from trustkit.fips.hashing import digest_of
from trustkit.fips.parse import public_key_from_spki
from trustkit.fips.select import provider
from trustkit.model.digest import Digest
from trustkit.model.evidence import NOTARY_SIGNATURE, REFERRERS, Evidence, Gathered, Place
from trustkit.model.image import Descriptor
from trustkit.model.keys import KeyLife, KeyRevocation
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
from trustkit.signing.blob import Blob, verify_blob
from trustkit.signing.format import Check
from trustkit.signing.formats.notation import NotationSignature
from trustkit.signing.key_life import limited
from trustkit.signing.notation.envelope import JWS
from trustkit.signing.revoked import without_revoked_keys
from trustkit.signing.trust.roots import CA, CertificateStore, TrustedKey, TrustRoots
from trustkit.signing.trust_root.cache import Distributed
from trustkit.signing.trust_root.revocations import Revoked
from trustkit.signing.verify import verify

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


# --- a key that signs by its certificate ------------------------------------------------------------------------------

NOW = LOST + timedelta(days=30)
TARGET = Descriptor("application/vnd.oci.image.manifest.v1+json", WHAT, 123)
ROOT = issued("root", authority=True, start=LOST, end=NOW + timedelta(days=1))
HOLDER = issued("signer", ROOT, start=LOST, end=NOW + timedelta(days=1))
KEY_OF_HOLDER = public_key_from_spki(
    HOLDER.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).fingerprint
STOLEN = KeyRevocation(LOST, "stolen")
CERTIFIED = TrustRoots(stores=(CertificateStore(CA, "acme", (ROOT.der,)),))


def judged(trust: TrustRoots) -> VerificationReport:
    payload = forge.payload_of(str(WHAT), TARGET.media_type, TARGET.size_bytes)
    content = forge.envelope(JWS, stated(payload, (HOLDER, ROOT), signing=NOW))
    place = Place(REFERRERS, NOTARY_SIGNATURE)
    item = Evidence(place, JWS, digest_of(content), content, {}, artifact_type=NOTARY_SIGNATURE)
    return verify(
        Gathered((item,), complete=True), (NotationSignature(),), Check(WHAT, trust, provider(), NOW, target=TARGET)
    )


def by_ring(trust: TrustRoots, fingerprint: str) -> TrustRoots:
    return limited(trust, {fingerprint: KeyLife(revoked=STOLEN)})


def by_trust_root(trust: TrustRoots, fingerprint: str) -> TrustRoots:
    return Distributed(Path(), NOW, (), (Revoked(fingerprint, "release", STOLEN),)).applied(trust)


GIVING_UP = pytest.mark.parametrize(
    ("give_up", "who"), [(by_ring, "the key ring"), (by_trust_root, "the trust root")], ids=["ring", "trust root"]
)
GiveUp = Callable[[TrustRoots, str], TrustRoots]


@GIVING_UP
def test_a_revoked_key_counts_for_nothing_behind_a_certificate(give_up: GiveUp, who: str) -> None:
    assert judged(CERTIFIED).accepted
    found = judged(give_up(CERTIFIED, KEY_OF_HOLDER))
    assert (found.accepted, [one.code for one in found.rejected]) == ((), [KeyRevokedError.code])
    assert f"(x509:ca/acme) is revoked from {LOST.isoformat()} by {who}: stolen" in found.rejected[0].message


@GIVING_UP
def test_another_certificates_key_changes_nothing(give_up: GiveUp, who: str) -> None:
    assert judged(give_up(CERTIFIED, "cd" * 32)).accepted, who


def test_the_stricter_of_ring_and_trust_root_counts() -> None:
    spared = KeyRevocation(NOW, "rotated", allow_before=True)
    listed = Distributed(Path(), NOW, (), (Revoked(FINGERPRINT, "release", spared),))
    for trust in (
        listed.applied(by_ring(TrustRoots(), FINGERPRINT)),
        by_ring(listed.applied(TrustRoots()), FINGERPRINT),
    ):
        assert trust.revoked.of(KEY)[FINGERPRINT].lost == STOLEN


def test_a_key_that_ends_or_begins_is_not_given_up() -> None:
    assert judged(limited(CERTIFIED, {KEY_OF_HOLDER: KeyLife(not_after=LOST)})).accepted


# --- a file of which only the digest is at hand -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"revoked": STOLEN}, KeyRevokedError),
        ({"revoked": KeyRevocation(NOW, "rotated", allow_before=True)}, KeyRevokedError),
        ({"not_after": LOST}, KeyExpiredError),
        ({"not_before": NOW + SECOND}, KeyExpiredError),
        ({}, None),
    ],
)
@pytest.mark.parametrize("at_hand", [True, False])
def test_a_key_out_of_force_verifies_no_file_by_its_digest_either(
    change: dict[str, object], error: type[TrustkitError] | None, at_hand: bool
) -> None:
    key, content = provider().generate("ecdsa-p256"), b"a file"
    digest = digest_of(content)
    signature = base64.encode(key.sign("ecdsa-p256-sha256", content))
    bundle = json.dumps({
        "mediaType": MEDIA_TYPE, "verificationMaterial": {"publicKey": {"hint": ""}},
        "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": base64.encode(bytes.fromhex(digest.hex))},
            "signature": signature,
        },
    }).encode()  # fmt: skip
    trusted = TrustedKey("release", key.public)._replace(**change)  # type: ignore[arg-type]  # named in the rows above
    blob = Blob((digest,), content if at_hand else None)
    with pytest.raises(error) if error else nullcontext():
        verify_blob(blob, bundle, Check(digest, TrustRoots((trusted,)), provider(), NOW))
