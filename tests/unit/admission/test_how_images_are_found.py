"""What a policy says of how images are found is done: time, places, how much, and how registries are reached."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from policy_facts import IMAGE, attestation, signature, spec
from trustkit import limits
from trustkit.admission.covered import counted
from trustkit.admission.judge import Kit, judge, places_of
from trustkit.config import load
from trustkit.errors import ProtocolError, UnreachableError
from trustkit.fips.select import provider
from trustkit.model.evidence import NOTARY_SIGNATURE, REFERRERS, TAG_SUFFIX
from trustkit.model.facts import RequestFacts
from trustkit.model.reference import ImageRef
from trustkit.model.signature import VerificationReport
from trustkit.net.http import HttpClient, HttpOptions, Request
from trustkit.net.url import parse
from trustkit.oci.session import http_options
from trustkit.policy.document import means_of
from trustkit.policy.means import Discovery, Registry
from trustkit.signing.formats.bundle import SigstoreBundle
from trustkit.signing.formats.cosign_signature import CosignSignature
from trustkit.signing.formats.notation import NotationSignature
from trustkit.signing.trust.roots import TrustRoots
from trustkit.sources import registry_options

REF = ImageRef.parse("registry.example/app@sha256:" + "11" * 32)
SIGNED = "  verify: {signatures: {key: one}}\n"
FORMATS = (SigstoreBundle(), CosignSignature(), NotationSignature())


def kit(body: str, open_source=None) -> Kit:
    policy = spec(body)
    found = Kit(open_source, FORMATS, provider(), policy, TrustRoots(()), lambda: datetime.now(UTC))
    return found._replace(means=means_of(policy))


def test_a_deadline_ends_the_search_of_a_silent_registry() -> None:
    def silent(_ref):
        time.sleep(5)
        raise AssertionError

    before = time.monotonic()
    with pytest.raises(UnreachableError, match="within 1 seconds"):
        judge(REF, RequestFacts(), kit(SIGNED + "  enforcement: {deadline: 1s}\n", silent))
    assert time.monotonic() - before < 4


def test_within_a_deadline_an_error_is_told_as_it_is() -> None:
    def broken(_ref):
        raise ProtocolError("a riddle")

    with pytest.raises(ProtocolError, match="a riddle"):
        judge(REF, RequestFacts(), kit(SIGNED + "  enforcement: {deadline: 60s}\n", broken))


@pytest.mark.parametrize(
    ("field", "gone"),
    [
        ("cosignTag", lambda place: place.kind == TAG_SUFFIX),
        ("referrers", lambda place: place.kind == REFERRERS and place.pattern != NOTARY_SIGNATURE),
        ("notationReferrers", lambda place: place.pattern == NOTARY_SIGNATURE),
    ],
)
def test_a_place_that_is_not_to_be_looked_in_is_not(field: str, gone) -> None:
    every = places_of(kit(SIGNED))
    found = places_of(kit(f"  verify: {{signatures: {{key: one}}, discovery: {{{field}: false}}}}\n"))
    assert set(found) == {place for place in every if not gone(place)}
    assert len(found) < len(every)


def test_signatures_beyond_the_number_do_not_count_and_that_is_told() -> None:
    items = (signature("one"), signature("two"), attestation("one"), signature("three"))
    report = VerificationReport(IMAGE, items, (), (), complete=True)
    found = counted(report, Discovery(signatures=2, attestations=1))
    assert found.accepted == items[:3]
    assert (found.complete, found.notes) == (False, ("1 more were left out (verify.discovery)",))


def test_within_the_numbers_nothing_changes() -> None:
    report = VerificationReport(IMAGE, (signature("one"), attestation("one")), (), (), complete=True)
    assert counted(report, Discovery(signatures=1, attestations=1)) is report


@pytest.fixture
def config(tmp_path: Path):
    (tmp_path / "config.toml").write_text(
        '[registry]\ndocker_config = "docker.json"\nauth_file = "auth.json"\ntimeout = 30\n'
        '[registry.mirrors]\n"docker.io" = "a.example"\n'
    )
    return load({"TRUSTKIT_HOME": str(tmp_path)})


def test_only_credentials_of_named_places_are_read(config) -> None:
    names = {
        auth: [file.name for file in registry_options(config, Registry(auth=auth)).credential_files]
        for auth in (("node", "static"), ("node",), ("static",), ("podPullSecrets",), ())
    }
    assert list(names.values()) == [["docker.json", "auth.json"], ["docker.json"], ["auth.json"], [], []]


def test_a_policy_shortens_the_time_and_does_not_lengthen_it(config) -> None:
    assert registry_options(config, Registry(seconds=2.0)).timeouts.read_seconds == 2.0
    assert registry_options(config, Registry(seconds=99.0)).timeouts.read_seconds == 30.0


def test_a_policys_mirrors_come_after_the_machines(config) -> None:
    asked = Registry(mirrors=(("docker.io", ("b.example", "a.example")), ("ghcr.io", ("c.example",))))
    assert registry_options(config, asked).mirrors == {
        "docker.io": ("a.example", "b.example"),
        "ghcr.io": ("c.example",),
    }


def test_a_policy_keeps_registries_out_of_private_networks(config) -> None:
    assert not registry_options(config, Registry(private_networks=False)).private_networks


def test_a_policy_does_not_let_registries_into_private_networks(config, tmp_path: Path) -> None:
    closed = load({"TRUSTKIT_HOME": str(tmp_path), "TRUSTKIT_REGISTRY_ALLOW_PRIVATE_NETWORKS": "no"})
    assert not registry_options(closed, Registry(private_networks=True)).private_networks


@pytest.mark.parametrize("host", ["storage.corp.example", "other.example", "corp.example.evil.test"])
def test_blobs_come_from_the_registrys_own_domain(config, host: str) -> None:
    options = http_options(registry_options(config, Registry(same_site=True)))
    asked = Request("GET", parse("https://registry.corp.test/v2/"), leaves_host=True)
    with pytest.raises(ProtocolError, match="followRedirects"):
        HttpClient(options)._redirected(asked, f"https://{host}/blob")


def test_a_redirect_within_the_domain_is_followed() -> None:
    client = HttpClient(HttpOptions(same_site=True))
    asked = Request("GET", parse("https://registry.corp.test/v2/"), leaves_host=True)
    assert client._redirected(asked, "https://storage.corp.test/blob").url.host == "storage.corp.test"


def test_all_evidence_together_may_have_so_many_bytes() -> None:
    found = kit("  verify: {signatures: {key: one}, discovery: {maxBytes: 1GiB}}\n").means.discovery
    assert found.most_bytes == limits.EVIDENCE_BYTES
