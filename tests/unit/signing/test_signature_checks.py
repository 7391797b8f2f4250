"""Verification as a whole: who signed, which keys count, floods, order, and nothing hidden."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustkit import limits
from trustkit.codec import base64
from trustkit.errors import AlgorithmNotApprovedError, SelfTestError, UsageError
from trustkit.fips.hashing import digest_of
from trustkit.fips.provider import PrivateKey
from trustkit.fips.select import provider
from trustkit.model.digest import Digest
from trustkit.model.evidence import REFERRERS, TAG_SUFFIX, Evidence, Gathered, Place
from trustkit.model.keys import ECDSA_P256_SHA256
from trustkit.model.signature import VerificationReport
from trustkit.signing.format import Attachment, Check, SignatureFormat
from trustkit.signing.formats.bundle import SigstoreBundle
from trustkit.signing.formats.cosign_attestation import CosignAttestation
from trustkit.signing.formats.cosign_signature import SIGNATURE_ANNOTATION, CosignSignature
from trustkit.signing.predicates import predicate_of, predicate_type_of
from trustkit.signing.sign import BUNDLE, LEGACY, Subjected, attest, sign
from trustkit.signing.trust.roots import TrustedKey, TrustRoots
from trustkit.signing.verify import verify

FORMATS: tuple[SignatureFormat, ...] = (CosignSignature(), CosignAttestation(), SigstoreBundle())
NOW = datetime(2026, 11, 24, tzinfo=UTC)
IMAGE = Subjected(Digest("sha256", "ab" * 32), "registry.example.com/acme/app")
KEY = provider().generate("ecdsa-p256")
STRANGER = provider().generate("ecdsa-p256")
LAYOUTS = (BUNDLE, LEGACY)


def found(made: Attachment, *, content: bytes | None = None, annotations: Mapping[str, str] | None = None) -> Evidence:
    blob = made.content if content is None else content
    place = Place(REFERRERS, "") if made.place.kind == REFERRERS else made.place
    labels = made.annotations if annotations is None else annotations
    return Evidence(place, made.media_type, digest_of(blob), blob, labels, made.artifact_type)


def check(*keys: TrustedKey, now: datetime = NOW) -> Check:
    return Check(IMAGE.digest, TrustRoots(keys), provider(), now)


def trusted(key: PrivateKey = KEY, name: str = "release", **more: object) -> TrustedKey:
    return TrustedKey(name, key.public)._replace(**more)  # type: ignore[arg-type]


def judged(*items: Evidence, by: Check | None = None) -> VerificationReport:
    return verify(Gathered(items, complete=True), FORMATS, by or check(trusted()))


def code(report: VerificationReport) -> str:
    assert not report.accepted
    return report.rejected[0].code


def made(layout: str, key: PrivateKey = KEY) -> Evidence:
    return found(sign(IMAGE, key, layout))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_signature_is_attributed_to_the_key_that_made_it(layout: str) -> None:
    keys = (trusted(STRANGER, "other"), trusted())
    (one,) = judged(made(layout), by=check(*keys)).accepted
    assert (one.signer.trust_root, one.signer.fingerprint) == ("release", KEY.public.fingerprint)
    assert one.algorithm == ECDSA_P256_SHA256


@pytest.mark.parametrize("layout", LAYOUTS)
def test_without_a_trusted_key_nothing_is_accepted(layout: str) -> None:
    assert code(judged(made(layout), by=check())) == "verification.signer"


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "window", [{"not_after": NOW - timedelta(seconds=1)}, {"not_before": NOW + timedelta(seconds=1)}]
)
def test_a_key_outside_its_time_does_not_count(layout: str, window: dict[str, datetime]) -> None:
    assert code(judged(made(layout), by=check(trusted(**window)))) == "verification.key_expired"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_key_inside_its_time_counts(layout: str) -> None:
    assert judged(made(layout), by=check(trusted(not_before=NOW, not_after=NOW))).accepted


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_algorithm_that_is_not_allowed_for_the_key_does_not_count(layout: str) -> None:
    assert code(judged(made(layout), by=check(trusted(algorithms=("ed25519",))))) == "crypto.not_approved"


def test_a_legacy_signature_by_another_key_fits_none() -> None:
    assert code(judged(made(LEGACY, STRANGER))) == "verification.signature"


def test_a_bundle_whose_hint_is_not_trusted_names_a_stranger() -> None:
    assert code(judged(made(BUNDLE, STRANGER))) == "verification.signer"


def test_what_no_format_knows_is_reported_as_that() -> None:
    odd = Evidence(Place(REFERRERS, ""), "text/plain", digest_of(b"x"), b"x", {}, "application/x-sbom")
    report = judged(odd, made(LEGACY))
    assert report.unrecognised == (odd.digest,)
    assert len(report.accepted) == 1


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("at", [0, 31, 63])
def test_a_good_signature_among_63_bad_ones_is_found(layout: str, at: int) -> None:
    bad = [made(layout, STRANGER) for _ in range(limits.EVIDENCE_ITEMS - 1)]
    report = judged(*bad[:at], made(layout), *bad[at:])
    assert len(report.accepted) == 1
    assert len(report.rejected) == len(bad)


def test_an_incomplete_search_stays_incomplete() -> None:
    report = verify(Gathered((made(LEGACY),), complete=False, notes=("cut",)), FORMATS, check(trusted()))
    assert not report.complete
    assert report.notes == ("cut",)


def test_a_trusted_hint_is_tried_first_and_the_tries_are_bounded() -> None:
    strangers = [trusted(STRANGER, f"k{at}") for at in range(limits.SIGNATURE_TRIES + 1)]
    assert judged(made(BUNDLE), by=check(*strangers, trusted())).accepted
    assert code(judged(made(LEGACY), by=check(*strangers, trusted()))) == "malformed.limit"


def test_a_broken_crypto_module_is_no_verdict_on_evidence() -> None:
    class Broken:
        def verify(self, *_: object) -> None:
            raise SelfTestError("known answer is wrong")

    with pytest.raises(SelfTestError):
        judged(made(LEGACY), by=check(trusted())._replace(crypto=Broken()))  # type: ignore[arg-type]


def test_a_message_that_quotes_evidence_is_short() -> None:
    item = made(LEGACY)._replace(media_type="x" * 100_000)
    assert len(judged(item).rejected[0].message) < 500


@pytest.mark.parametrize("layout", LAYOUTS)
def test_annotations_are_signed_and_come_back(layout: str) -> None:
    (one,) = judged(found(sign(IMAGE, KEY, layout, {"build": "42", "env": "prod"}))).accepted
    assert one.annotations == (("build", "42"), ("env", "prod"))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_attestation_is_no_signature(layout: str) -> None:
    (one,) = judged(found(attest(IMAGE, KEY, ("https://example.com/predicate/v1", b'{"a":1}'), NOW, layout))).accepted
    assert one.kind == "attestation"
    assert one.statement is not None
    assert one.statement.predicate == b'{"a":1}'


def test_a_signature_annotation_beyond_its_bound_is_refused() -> None:
    item = made(LEGACY)
    long = {SIGNATURE_ANNOTATION: "A" * (limits.SIGNATURE_TEXT_CHARS + 4)}
    assert code(judged(item._replace(annotations=long))) == "malformed.limit"


def test_a_payload_beyond_its_bound_is_refused() -> None:
    assert code(judged(made(LEGACY)._replace(content=b" " * (limits.SIGNATURE_BYTES + 1)))) == "malformed.limit"


def test_a_legacy_signature_is_not_taken_from_an_attestations_place() -> None:
    item = made(LEGACY)._replace(place=Place(TAG_SUFFIX, ".att"))
    assert code(judged(item)) == "verification.media_type"


# --- signing --------------------------------------------------------------------------------------


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(UsageError, match="layout"):
        sign(IMAGE, KEY, "pgp")


@pytest.mark.parametrize("name", ["", "nonsense", "no scheme", "://x", "a:b\n", "x:" + "y" * 600])
def test_a_predicate_type_that_is_no_uri_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        predicate_type_of(name)


@pytest.mark.parametrize("content", [b"", b"text", b"[]", b'{"a":1,"a":2}', b"{} {}", b'{"a":NaN}', b"\xff"])
def test_a_predicate_that_is_no_sound_object_is_refused(content: bytes) -> None:
    from trustkit.errors import MalformedError

    with pytest.raises(MalformedError):
        predicate_of("slsaprovenance1", content, NOW)


def test_a_key_of_an_unknown_kind_signs_nothing() -> None:
    class Odd:
        public = KEY.public._replace(kind="dsa")

        def sign(self, algorithm: str, message: bytes) -> bytes:
            raise AssertionError((algorithm, message))

    with pytest.raises(AlgorithmNotApprovedError):
        sign(IMAGE, Odd(), LEGACY)


# --- properties -----------------------------------------------------------------------------------


@given(st.permutations(range(6)))
@settings(max_examples=30)
def test_the_order_of_items_does_not_matter(order: list[int]) -> None:
    report = judged(*(POOL[at] for at in order))
    assert {one.evidence for one in report.accepted} == {POOL[0].digest, POOL[1].digest, POOL[2].digest}
    assert {one.evidence for one in report.rejected} == {POOL[3].digest, POOL[4].digest}
    assert report.unrecognised == (POOL[5].digest,)


POOL = (
    made(LEGACY),
    made(BUNDLE),
    found(attest(IMAGE, KEY, ("https://example.com/predicate/v1", b"{}"), NOW, LEGACY)),
    found(sign(IMAGE._replace(name="other"), STRANGER, LEGACY)),
    made(BUNDLE, STRANGER),
    Evidence(Place(REFERRERS, ""), "text/plain", digest_of(b"odd"), b"odd", {}, ""),
)
PLACES = tuple(place for one in FORMATS for place in one.places)
TYPES = tuple(item.media_type for item in POOL)


@given(st.data())
@settings(max_examples=300)
def test_no_changed_byte_of_signed_content_says_anything_new(data: st.DataObject) -> None:
    # unsigned parts may change and still verify: a bundle's hint, the base64 alphabet
    item = POOL[data.draw(st.integers(0, 2))]
    at = data.draw(st.integers(0, len(item.content) - 1))
    flip = data.draw(st.integers(1, 255))
    changed = item.content[:at] + bytes([item.content[at] ^ flip]) + item.content[at + 1 :]
    (original,) = judged(item).accepted
    for one in judged(item._replace(content=changed)).accepted:
        assert item.media_type != POOL[0].media_type
        assert one == original


@given(st.data())
@settings(max_examples=60)
def test_no_changed_bit_of_a_legacy_signature_is_verified(data: st.DataObject) -> None:
    item = POOL[0]
    signature = bytearray(base64.decode(item.annotations[SIGNATURE_ANNOTATION], "signature"))
    # an ECDSA signature's length varies; its first 68 bytes are always there
    at = data.draw(st.integers(0, 67))
    signature[at] ^= 1 << data.draw(st.integers(0, 7))
    assert code(judged(item._replace(annotations={SIGNATURE_ANNOTATION: base64.encode(bytes(signature))})))


@given(
    place=st.sampled_from(PLACES),
    media_type=st.sampled_from(TYPES) | st.text(max_size=20),
    artifact_type=st.sampled_from(("", "application/vnd.dev.sigstore.bundle.v0.3+json")),
    content=st.binary(max_size=200) | st.sampled_from([item.content for item in POOL]).map(lambda one: one[:-1]),
    annotation=st.text(max_size=30),
)
@settings(max_examples=300)
def test_any_evidence_ends_in_a_report(
    place: Place, media_type: str, artifact_type: str, content: bytes, annotation: str
) -> None:
    labels = {SIGNATURE_ANNOTATION: annotation}
    item = Evidence(place, media_type, digest_of(content), content, labels, artifact_type)
    report = judged(item)
    assert len(report.accepted) + len(report.rejected) + len(report.unrecognised) == 1
    assert not report.accepted


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["mediaType", "verificationMaterial", "publicKey", "hint", "dsseEnvelope", "critical", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from(POOL[:3]))
@settings(max_examples=200)
def test_any_json_in_place_of_a_signature_ends_in_a_rejection(value: object, like: Evidence) -> None:
    from trustkit.codec.canonical_json import canonical

    assert code(judged(like._replace(content=canonical(value))))
