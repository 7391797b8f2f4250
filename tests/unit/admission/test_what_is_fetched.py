"""Only what a rule looks at is fetched to verify; to act on an image, everything is."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from peers import images
from trustkit.admission.judge import Kit, judge, places_of
from trustkit.admission.policies import builtin_policy, read_policy, trust_roots
from trustkit.errors import DigestMismatchError
from trustkit.fips.parse import public_key_to_pem
from trustkit.fips.select import provider
from trustkit.model.digest import Digest
from trustkit.model.facts import RequestFacts
from trustkit.model.image import Descriptor, Platform
from trustkit.model.reference import ImageRef
from trustkit.oci.layout import LayoutFolder
from trustkit.oci.source import Fetched
from trustkit.policy.document import Policy
from trustkit.signing.formats.cosign_attestation import CosignAttestation
from trustkit.signing.formats.cosign_signature import CosignSignature

PEM = public_key_to_pem(provider().generate("ecdsa-p256").public)
VERIFY = RequestFacts(purpose="verify")
RUN = RequestFacts(purpose="run")
ROOTLESS = """apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: rootless}
spec:
  trust: {keys: {mine: {pem: mine.pub}}}
  verify: {signatures: {key: mine}}
  require: {image: {denyRootUser: true}}
"""


class Watched:
    """A layout that remembers which blobs were read."""

    def __init__(self, folder: Path) -> None:
        self.inner = LayoutFolder(folder)
        self.read: list[str] = []

    def manifest(self, at: str) -> Fetched:
        return self.inner.manifest(at)

    def blob(self, descriptor: Descriptor, limit_bytes: int) -> bytes:
        self.read.append(str(descriptor.digest))
        return self.inner.blob(descriptor, limit_bytes)

    def stream(self, descriptor: Descriptor) -> Iterator[bytes]:
        return self.inner.stream(descriptor)

    def referrers(self, digest: Digest) -> tuple[tuple[Descriptor, ...], bool]:
        return self.inner.referrers(digest)


@pytest.fixture
def image(tmp_path: Path) -> images.Image:
    made = images.build(config={"User": "10001"})
    images.write_layout(made, tmp_path / "layout", "1")
    return made


def kit(source: Watched, policy: Policy) -> Kit:
    return Kit(
        open_source=lambda _: source,
        formats=(CosignSignature(), CosignAttestation()),
        crypto=provider(),
        policy=policy,
        trust=trust_roots(policy),
        now=lambda: datetime(2026, 11, 23, tzinfo=UTC),
    )


def rootless(folder: Path) -> Policy:
    (folder / "mine.pub").write_bytes(PEM)
    (folder / "rootless.yaml").write_text(ROOTLESS)
    return read_policy(folder / "rootless.yaml")


def ref(tmp_path: Path) -> ImageRef:
    return ImageRef.parse(f"oci:{tmp_path / 'layout'}:1")


def test_to_verify_signatures_the_configuration_is_not_read(tmp_path: Path, image: images.Image) -> None:
    source = Watched(tmp_path / "layout")
    judge(ref(tmp_path), VERIFY, kit(source, builtin_policy({"mine": PEM})))
    assert image.config not in source.read


def test_to_run_the_configuration_is_read(tmp_path: Path, image: images.Image) -> None:
    source = Watched(tmp_path / "layout")
    judge(ref(tmp_path), RUN, kit(source, builtin_policy({"mine": PEM})))
    assert image.config in source.read


def test_a_rule_about_the_configuration_has_it_read_to_verify(tmp_path: Path, image: images.Image) -> None:
    source = Watched(tmp_path / "layout")
    judgement = judge(ref(tmp_path), VERIFY, kit(source, rootless(tmp_path)))
    assert image.config in source.read
    assert judgement.facts.image.user == "10001"


def test_a_platform_asked_for_is_compared_with_the_configuration(tmp_path: Path, image: images.Image) -> None:
    source = Watched(tmp_path / "layout")
    judge(ref(tmp_path), VERIFY, kit(source, builtin_policy({"mine": PEM})), Platform("linux", "amd64"))
    assert image.config in source.read


def test_a_configuration_with_another_digest_is_refused_to_run(tmp_path: Path, image: images.Image) -> None:
    blob = tmp_path / "layout" / "blobs" / image.config.replace(":", "/")
    blob.write_bytes(b" " * blob.stat().st_size)
    source = Watched(tmp_path / "layout")
    with pytest.raises(DigestMismatchError):
        judge(ref(tmp_path), RUN, kit(source, builtin_policy({"mine": PEM})))


@pytest.mark.parametrize(("attested", "suffixes"), [("", {".sig"}), ("https://x.example/t", {".sig", ".att"})])
def test_the_place_of_attestations_is_searched_when_a_rule_reads_them(
    tmp_path: Path, image: images.Image, attested: str, suffixes: set[str]
) -> None:
    policy = builtin_policy({"mine": PEM}, attested=attested)
    places = places_of(kit(Watched(tmp_path / "layout"), policy))
    assert image.digest
    assert {place.pattern for place in places if place.kind == "tag-suffix"} == suffixes
