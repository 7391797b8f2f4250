"""Real cosign 2.5 and 3.1 against trustkit: what one signs, the other verifies, and what it must not."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from peers.images import Image
from peers.registry import Registry
from peers.tools import Cosign, Ran
from predicate_samples import SAMPLES
from trustkit.fips import keyfile
from trustkit.fips.parse import public_key_from_pem, public_key_to_pem
from trustkit.fips.provider import PrivateKey
from trustkit.fips.select import provider
from trustkit.model.digest import Digest
from trustkit.model.reference import ImageRef
from trustkit.model.signature import ATTESTATION, SIGNATURE, VerificationReport
from trustkit.oci.gather import gather
from trustkit.oci.open_source import open_repository
from trustkit.oci.push import push
from trustkit.oci.registry import RegistryOptions
from trustkit.signing.format import Check, SignatureFormat
from trustkit.signing.formats.bundle import SigstoreBundle
from trustkit.signing.formats.cosign_attestation import CosignAttestation
from trustkit.signing.formats.cosign_signature import CosignSignature
from trustkit.signing.predicates import predicate_type_of
from trustkit.signing.sign import BUNDLE, LEGACY, Subjected, attest, sign
from trustkit.signing.trust.roots import TrustedKey, TrustRoots
from trustkit.signing.verify import verify

FORMATS: tuple[SignatureFormat, ...] = (CosignSignature(), CosignAttestation(), SigstoreBundle())
KINDS = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048", "rsa-3072", "rsa-4096")
NOW = datetime(2026, 11, 24, tzinfo=UTC)
PASSWORD = "wonderland"
PREDICATE = b'{"buildDefinition":{"buildType":"https://example.com/build"},"runDetails":{"builder":{"id":"b"}}}'


def sample(name: str) -> bytes:
    """Return a predicate of a type as its tools write it."""
    return json.dumps(SAMPLES[name]).encode()


Cosigns = Callable[[str], Cosign]
Keys = Callable[[str], tuple[PrivateKey, Path, Path]]


class Place(NamedTuple):
    """An image in a registry, and how we see it."""

    reference: str
    host: str

    def report(self, *public_pems: bytes, crypto: str = "openssl") -> VerificationReport:
        ref = ImageRef.parse(self.reference)
        source = open_repository(ref, RegistryOptions())
        digest = source.manifest(ref.at).descriptor.digest
        found = gather(digest, tuple(place for one in FORMATS for place in one.places), source)
        keys = tuple(TrustedKey(f"k{at}", public_key_from_pem(pem)) for at, pem in enumerate(public_pems))
        return verify(found, FORMATS, Check(digest, TrustRoots(keys), provider(crypto), NOW))

    def sign(self, key: PrivateKey, layout: str, annotations: dict[str, str] | None = None) -> None:
        ref = ImageRef.parse(self.reference)
        source = open_repository(ref, RegistryOptions())
        subject = source.manifest(ref.at).descriptor
        push(sign(Subjected(subject.digest, ref.name), key, layout, annotations), subject, source)

    def attest(self, key: PrivateKey, layout: str, kind: str, predicate: bytes) -> None:
        ref = ImageRef.parse(self.reference)
        source = open_repository(ref, RegistryOptions())
        subject = source.manifest(ref.at).descriptor
        push(attest(Subjected(subject.digest, ref.name), key, (kind, predicate), NOW, layout), subject, source)


@pytest.fixture(params=["fallback", "referrers"])
def place(request: pytest.FixtureRequest, image: Image, repository: str) -> Place:
    """The image in a registry without, then in one with the referrers API."""
    name = {"fallback": "registry", "referrers": "referrers_registry"}[request.param]
    registry: Registry = request.getfixturevalue(name)
    digest = registry.push(image, repository)
    return Place(registry.reference(repository, digest), registry.host)


@pytest.fixture(scope="module")
def cosign(tmp_path_factory: pytest.TempPathFactory) -> Cosigns:
    """Give `cosign2` or `cosign3`."""
    home = tmp_path_factory.mktemp("cosign")
    return lambda name: Cosign(name, home / name, PASSWORD)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Give the key of a kind: ours in memory, its cosign key file, its public file."""
    folder = tmp_path_factory.mktemp("keys")
    made: dict[str, tuple[PrivateKey, Path, Path]] = {}

    def give(kind: str) -> tuple[PrivateKey, Path, Path]:
        if kind not in made:
            key = rsa_2048() if kind == "rsa-2048" else provider().generate(kind.partition("/")[0])
            private, public = folder / f"{len(made)}.key", folder / f"{len(made)}.pub"
            private.write_bytes(keyfile.write_cosign(key, PASSWORD.encode()))
            public.write_bytes(public_key_to_pem(key.public))
            made[kind] = (key, private, public)
        return made[kind]

    return give


def rsa_2048() -> PrivateKey:
    """Return a key of a size that cosign users have and that trustkit no longer makes."""
    command = ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
    made = subprocess.run(command, check=True, capture_output=True).stdout
    return keyfile.read(made, b"", provider(), insecure_allow_plain=True)


SIGN_FLAGS = {
    "cosign2": ("--tlog-upload=false",),
    "cosign3-legacy": ("--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=false"),
}


def cosign_makes(tool: Cosign, how: str, command: str, *args: str | Path) -> Ran:
    """Sign or attest with cosign in one of its ways."""
    if how == "cosign3":
        config = tool.home / "signing-config.json"
        if not config.exists():
            none = [f"--no-default-{one}" for one in ("fulcio", "oidc", "rekor", "tsa")]
            tool.must("signing-config", "create", *none, "--out", config)
        return tool.must(command, "--signing-config", config, "-y", *args)
    return tool.must(command, *SIGN_FLAGS[how], "-y", *args)


def cosign_judges(tool: Cosign, how: str, command: str, public: Path, *args: str | Path) -> Ran:
    """Verify with cosign in one of its ways."""
    more = ("--new-bundle-format=false",) if how == "cosign3-legacy" else ()
    return tool.run(command, *more, "--key", public, "--insecure-ignore-tlog=true", *args)


WAYS = ("cosign2", "cosign3", "cosign3-legacy")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", WAYS)
def test_we_verify_what_cosign_signs(how: str, kind: str, place: Place, cosign: Cosigns, keys: Keys) -> None:
    _, private, public = keys(kind)
    cosign_makes(cosign(how[:7]), how, "sign", "--key", private, place.reference)
    report = place.report(public.read_bytes())
    assert [(one.kind, one.signer.trust_root) for one in report.accepted] == [(SIGNATURE, "k0")], report.rejected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("how", "layout"), [("cosign2", LEGACY), ("cosign3", BUNDLE), ("cosign3-legacy", LEGACY)])
def test_cosign_verifies_what_we_sign(
    how: str, layout: str, kind: str, place: Place, cosign: Cosigns, keys: Keys
) -> None:
    key, _, public = keys(kind)
    place.sign(key, layout)
    done = cosign_judges(cosign(how[:7]), how, "verify", public, place.reference)
    assert done.status == 0, done.said


@pytest.mark.parametrize(("how", "layout"), [("cosign2", LEGACY), ("cosign3", BUNDLE), ("cosign3-legacy", LEGACY)])
def test_cosign_reads_our_annotations(how: str, layout: str, place: Place, cosign: Cosigns, keys: Keys) -> None:
    key, _, public = keys("ecdsa-p256")
    place.sign(key, layout, {"build": "42"})
    tool = cosign(how[:7])
    right = cosign_judges(tool, how, "verify", public, "-a", "build=42", place.reference)
    assert right.status == 0, right.said
    assert cosign_judges(tool, how, "verify", public, "-a", "build=41", place.reference).status != 0


@pytest.mark.parametrize("how", WAYS)
def test_we_read_cosigns_annotations(how: str, place: Place, cosign: Cosigns, keys: Keys) -> None:
    _, private, public = keys("ecdsa-p256")
    cosign_makes(cosign(how[:7]), how, "sign", "--key", private, "-a", "build=42", place.reference)
    (found,) = place.report(public.read_bytes()).accepted
    assert ("build", "42") in found.annotations


@pytest.mark.parametrize("kind", ["custom", "slsaprovenance1", "https://example.com/predicate/v1"])
@pytest.mark.parametrize("how", WAYS)
def test_we_verify_what_cosign_attests(
    how: str, kind: str, place: Place, cosign: Cosigns, keys: Keys, tmp_path: Path
) -> None:
    _, private, public = keys("ecdsa-p256")
    (tmp_path / "predicate.json").write_bytes(PREDICATE)
    flags = ("--key", private, "--type", kind, "--predicate", tmp_path / "predicate.json")
    cosign_makes(cosign(how[:7]), how, "attest", *flags, place.reference)
    (found,) = place.report(public.read_bytes()).accepted
    assert found.kind == ATTESTATION
    assert found.statement is not None
    assert found.statement.predicate_type == predicate_type_of(kind)


@pytest.mark.parametrize(
    ("kind", "predicate"),
    [
        ("custom", b"any text"),
        ("slsaprovenance1", PREDICATE),
        ("slsaprovenance", b'{"builder":{"id":"b"},"buildType":"t"}'),
        ("spdxjson", sample("https://spdx.dev/Document")),
        ("cyclonedx", sample("https://cyclonedx.org/bom")),
        ("vuln", sample("https://cosign.sigstore.dev/attestation/vuln/v1")),
        ("openvex", sample("https://openvex.dev/ns/v0.2.0")),
        ("link", b'{"name":"step","command":[],"materials":{},"products":{},"byproducts":{},"environment":{}}'),
        ("https://example.com/predicate/v1", b'{"answer":42}'),
    ],
)
@pytest.mark.parametrize(("how", "layout"), [("cosign2", LEGACY), ("cosign3", BUNDLE), ("cosign3-legacy", LEGACY)])
def test_cosign_verifies_what_we_attest(
    how: str, layout: str, kind: str, predicate: bytes, place: Place, cosign: Cosigns, keys: Keys
) -> None:
    key, _, public = keys("ecdsa-p256")
    place.attest(key, layout, kind, predicate)
    done = cosign_judges(cosign(how[:7]), how, "verify-attestation", public, "--type", kind, place.reference)
    assert done.status == 0, done.said


def test_cosign_verifies_a_predicate_that_is_text(place: Place, cosign: Cosigns, keys: Keys) -> None:
    # cosign 3 reads only objects as predicates, and so refuses its own tag-value SPDX too
    key, _, public = keys("ecdsa-p256")
    place.attest(key, LEGACY, "spdx", b"SPDXVersion: SPDX-2.3\n")
    done = cosign_judges(cosign("cosign2"), "cosign2", "verify-attestation", public, "--type", "spdx", place.reference)
    assert done.status == 0, done.said


def test_cosign3_does_not_verify_its_own_text_predicate_either(
    place: Place, cosign: Cosigns, keys: Keys, tmp_path: Path
) -> None:
    _, private, public = keys("ecdsa-p256")
    (tmp_path / "spdx").write_text("SPDXVersion: SPDX-2.3\n", encoding="ascii")
    tool = cosign("cosign3")
    flags = ("--key", private, "--type", "spdx", "--predicate", tmp_path / "spdx")
    cosign_makes(tool, "cosign3", "attest", *flags, place.reference)
    assert cosign_judges(tool, "cosign3", "verify-attestation", public, "--type", "spdx", place.reference).status != 0
    assert place.report(public.read_bytes()).accepted


@pytest.mark.parametrize("how", WAYS)
def test_both_refuse_another_key(how: str, place: Place, cosign: Cosigns, keys: Keys) -> None:
    _, private, _ = keys("ecdsa-p256")
    _, _, other = keys("ecdsa-p256/other")
    tool = cosign(how[:7])
    cosign_makes(tool, how, "sign", "--key", private, place.reference)
    assert cosign_judges(tool, how, "verify", other, place.reference).status != 0
    report = place.report(other.read_bytes())
    assert not report.accepted
    assert {one.code for one in report.rejected} <= {"verification.signature", "verification.signer"}


def test_both_refuse_a_payload_that_the_registry_spoiled(
    registry: Registry, image: Image, repository: str, cosign: Cosigns, keys: Keys
) -> None:
    _, private, public = keys("ecdsa-p256")
    digest = registry.push(image, repository)
    place = Place(registry.reference(repository, digest), registry.host)
    tool = cosign("cosign2")
    cosign_makes(tool, "cosign2", "sign", "--key", private, place.reference)
    (found,) = place.report(public.read_bytes()).accepted
    blob = registry.blob(str(found.evidence))
    blob.write_bytes(blob.read_bytes().replace(b'"optional":null', b'"optional":{ } '))
    assert cosign_judges(tool, "cosign2", "verify", public, place.reference).status != 0
    report = place.report(public.read_bytes())
    assert (report.accepted, report.complete) == ((), False)


def test_both_refuse_a_signature_moved_to_another_image(place: Place, cosign: Cosigns, keys: Keys) -> None:
    key, _, public = keys("ecdsa-p256")
    ref = ImageRef.parse(place.reference)
    source = open_repository(ref, RegistryOptions())
    subject = source.manifest(ref.at).descriptor
    other = Subjected(Digest("sha256", "ab" * 32), ref.name)
    push(sign(other, key, LEGACY), subject, source)
    push(sign(other, key, BUNDLE), subject, source)
    for how in WAYS:
        assert cosign_judges(cosign(how[:7]), how, "verify", public, place.reference).status != 0
    report = place.report(public.read_bytes())
    assert [one.code for one in report.rejected] == ["verification.subject"] * 2
    assert not report.accepted


def test_signatures_of_both_stand_side_by_side(place: Place, cosign: Cosigns, keys: Keys) -> None:
    ours, _, our_public = keys("ecdsa-p256")
    _, their_private, their_public = keys("ed25519")
    cosign_makes(cosign("cosign2"), "cosign2", "sign", "--key", their_private, place.reference)
    place.sign(ours, LEGACY)
    place.sign(ours, BUNDLE)
    report = place.report(our_public.read_bytes(), their_public.read_bytes())
    assert sorted(one.signer.trust_root for one in report.accepted) == ["k0", "k0", "k1"]
    done = cosign_judges(cosign("cosign2"), "cosign2", "verify", their_public, place.reference)
    assert done.status == 0, done.said


def test_we_open_a_key_file_that_cosign_made(cosign: Cosigns) -> None:
    private, public = cosign("cosign2").generate_key("made")
    key = keyfile.read(private.read_bytes(), PASSWORD.encode(), provider())
    assert key.public == public_key_from_pem(public.read_bytes())


@pytest.mark.parametrize("name", ["cosign2", "cosign3"])
def test_cosign_opens_a_key_file_that_we_made(name: str, cosign: Cosigns, keys: Keys) -> None:
    _, private, public = keys("ecdsa-p256")
    done = cosign(name).must("public-key", "--key", private)
    assert public_key_from_pem(done.stdout.encode()) == public_key_from_pem(public.read_bytes())


def test_cosigns_payload_names_the_repository_as_ours_does(place: Place, cosign: Cosigns, keys: Keys) -> None:
    ours, private, public = keys("ecdsa-p256")
    cosign_makes(cosign("cosign2"), "cosign2", "sign", "--key", private, place.reference)
    place.sign(ours, LEGACY)
    names = {one.claimed_name for one in place.report(public.read_bytes()).accepted}
    assert names == {ImageRef.parse(place.reference).name}
    assert json.dumps(sorted(names))
