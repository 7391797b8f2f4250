"""Predicates become typed values; a known member of the wrong kind refuses the whole predicate."""

import copy
import json
from datetime import UTC, datetime

import pytest

from predicate_samples import SAMPLES
from trustkit.codec.predicates.custom import Custom
from trustkit.codec.predicates.fields import Resource
from trustkit.codec.predicates.provenance import Provenance
from trustkit.codec.predicates.read import READERS, read, read_value
from trustkit.codec.predicates.results import TestResult as Result
from trustkit.codec.predicates.sbom import Sbom, licences_of
from trustkit.codec.predicates.scai import AttributeReport
from trustkit.codec.predicates.scan import Scan
from trustkit.codec.predicates.summary import VerificationSummary
from trustkit.codec.predicates.vex import Vex
from trustkit.errors import LimitExceededError, MalformedError

SLSA02, SLSA1 = "https://slsa.dev/provenance/v0.2", "https://slsa.dev/provenance/v1"
VSA = "https://slsa.dev/verification_summary/v1"
SPDX, CDX, VEX = "https://spdx.dev/Document", "https://cyclonedx.org/bom", "https://openvex.dev/ns/v0.2.0"
VULN, VULNS = "https://cosign.sigstore.dev/attestation/vuln/v1", "https://in-toto.io/attestation/vulns/v0.2"
SCAI = "https://in-toto.io/attestation/scai/attribute-report/v0.2"
TESTS = "https://in-toto.io/attestation/test-result/v0.1"
CUSTOM = "https://cosign.sigstore.dev/attestation/v1"
TEN = datetime(2026, 11, 20, 10, tzinfo=UTC)
GONE = object()


def sample(name):
    return read(name, json.dumps(SAMPLES[name]).encode())


def changed(name, path, value):
    """Return the sample with the member at `path` replaced, or taken out."""
    whole = copy.deepcopy(SAMPLES[name])
    holder = whole
    for step in path[:-1]:
        holder = holder[step]
    if value is GONE:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return whole


def test_a_type_nobody_knows_is_nothing():
    assert read("https://example.com/unknown", b"{}") is None
    assert read_value("https://example.com/unknown", 1) is None


def test_every_sample_has_a_reader():
    assert set(SAMPLES) <= set(READERS)


def test_provenance_02():
    found = sample(SLSA02)
    assert isinstance(found, Provenance)
    assert (found.version, found.builder_id, found.entry_point) == ("0.2", "https://builder.example/b@v1", "build.yaml")
    assert found.source == Resource("git+https://git.example/shop@refs/tags/v1", (("sha1", "aa" * 20),))
    assert found.complete == ("parameters", "materials")
    assert found.parameters == b'{"a":"x","b":1}'
    assert found.finished_at == datetime(2026, 11, 20, 10, 2, 3, 123456, tzinfo=UTC)


def test_provenance_1_of_a_workflow():
    found = sample(SLSA1)
    assert isinstance(found, Provenance)
    assert found.source == Resource("git+https://git.example/shop@refs/tags/v1", (("gitCommit", "bb" * 20),))
    assert found.entry_point == ".github/workflows/release.yml"
    assert found.started_at == datetime(2026, 11, 20, 9, tzinfo=UTC)
    assert len(found.materials) == 2


@pytest.mark.parametrize("name", ["source", "configSource"])
@pytest.mark.parametrize(
    "uri", ["git+https://git.example/shop@refs/tags/v1", {"uri": "git+https://git.example/shop@refs/tags/v1"}]
)
def test_provenance_1_of_other_builders(name, uri):
    found = read_value(SLSA1, changed(SLSA1, ("buildDefinition", "externalParameters"), {name: uri}))
    assert isinstance(found, Provenance)
    assert found.source.digests == (("gitCommit", "bb" * 20),)


def test_a_source_has_no_digest_when_its_uri_has_two():
    whole = copy.deepcopy(SAMPLES[SLSA1])
    whole["buildDefinition"]["resolvedDependencies"].append(
        {"uri": "git+https://git.example/shop@refs/tags/v1", "digest": {"gitCommit": "00" * 20}}
    )
    found = read_value(SLSA1, whole)
    assert isinstance(found, Provenance)
    assert found.source.digests == ()


def test_another_dependencys_digest_is_not_the_sources():
    whole = changed(SLSA1, ("buildDefinition", "resolvedDependencies", 0, "uri"), "git+https://git.example/other")
    found = read_value(SLSA1, whole)
    assert isinstance(found, Provenance)
    assert found.source.digests == ()


def test_summary():
    found = sample(VSA)
    assert isinstance(found, VerificationSummary)
    assert (found.verifier_id, found.verified_at, found.result) == ("https://verifier.example/", TEN, "PASSED")
    assert found.levels == ("SLSA_BUILD_LEVEL_3",)


def test_spdx():
    found = sample(SPDX)
    assert isinstance(found, Sbom)
    (package,) = found.packages
    assert (found.form, found.version, found.created_at) == ("spdx", "2.3", TEN)
    assert (package.name, package.version, package.purl) == ("musl", "1.2.5", "pkg:apk/alpine/musl@1.2.5")
    assert package.licences == ("MIT", "GPL-2.0-only", "Classpath-exception-2.0")
    assert package.digests == (("sha256", "ee" * 32),)


def test_spdx_as_cosign_wraps_it_in_text():
    assert read_value(SPDX, json.dumps(SAMPLES[SPDX])) == sample(SPDX)


def test_cyclonedx_with_nested_components():
    found = sample(CDX)
    assert isinstance(found, Sbom)
    outer, inner = found.packages
    assert (outer.name, outer.licences, outer.digests) == ("outer", ("MIT",), (("sha256", "ff" * 32),))
    assert (inner.name, inner.licences) == ("inner", ("Apache-2.0",))


def test_vex():
    found = sample(VEX)
    assert isinstance(found, Vex)
    first, second = found.statements
    assert (first.vulnerability, first.status, first.products) == ("CVE-2026-0001", "not_affected", ("pkg:oci/web",))
    assert first.aliases == ("GHSA-xxxx-yyyy-zzzz",)
    assert (second.vulnerability, second.status) == ("CVE-2026-0002", "fixed")


def test_a_scan_by_trivy():
    found = sample(VULN)
    assert isinstance(found, Scan)
    assert (found.form, found.finished_at) == ("trivy", TEN)
    assert [(one.id, one.severity) for one in found.vulnerabilities] == [
        ("CVE-2026-0001", "CRITICAL"),
        ("CVE-2026-0002", "UNKNOWN"),
    ]
    assert found.vulnerabilities[0].published_at == datetime(2026, 11, 1, 0, 15, 8, 500000, tzinfo=UTC)


def test_a_scan_by_grype():
    match = {
        "vulnerability": {
            "id": "GHSA-1", "severity": "High", "fix": {"versions": ["2"], "state": "fixed"},
            "knownExploited": [{"cve": "CVE-2026-0009"}],
        },
        "relatedVulnerabilities": [{"id": "CVE-2026-0009"}, {"id": "GHSA-1"}],
        "artifact": {"name": "lib", "version": "1"},
    }  # fmt: skip
    found = read_value(VULN, changed(VULN, ("scanner", "result"), {"matches": [match]}))
    assert isinstance(found, Scan)
    (one,) = found.vulnerabilities
    assert (found.form, one.id, one.severity, one.fixed_version) == ("grype", "GHSA-1", "HIGH", "2")
    assert one.known_exploited
    assert one.aliases == ("CVE-2026-0009",)


@pytest.mark.parametrize("result", [GONE, {}, [], "clean", {"runs": []}, [1], {"SchemaVersion": 2}, 7])
def test_a_report_of_an_unknown_form_is_not_a_clean_one(result):
    found = read_value(VULN, changed(VULN, ("scanner", "result"), result))
    assert isinstance(found, Scan)
    assert found.form == ""


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        ([{"method": "CVSS_V3", "score": "9.8"}], "CRITICAL"),
        ([{"method": "CVSS_V3", "score": 9}], "CRITICAL"),
        ([{"method": "CVSS_V3", "score": 3.9}], "LOW"),
        ([{"method": "a", "score": "low"}, {"method": "b", "score": "HIGH"}], "HIGH"),
        ({"method": "a", "score": "medium"}, "MEDIUM"),
        ([{"method": "a", "score": "11"}], "UNKNOWN"),
        ([{"method": "a", "score": "-1"}], "UNKNOWN"),
        ([{"method": "a", "score": True}], "UNKNOWN"),
        ([{"method": "a", "score": "٣"}], "LOW"),
        ([{"method": "a"}], "UNKNOWN"),
        ([], "UNKNOWN"),
        (GONE, "UNKNOWN"),
    ],
)  # fmt: skip
def test_the_worst_rating_counts(severity, expected):
    found = read_value(VULNS, changed(VULNS, ("scanner", "result", 0, "severity"), severity))
    assert isinstance(found, Scan)
    assert found.vulnerabilities[0].severity == expected


def test_scai_and_test_results_and_custom():
    scai, tests, custom = sample(SCAI), sample(TESTS), sample(CUSTOM)
    assert isinstance(scai, AttributeReport)
    assert scai.attributes[0].name == "WITH_STACK_PROTECTION"
    assert isinstance(tests, Result)
    assert (tests.result, tests.passed) == ("PASSED", ("a", "b"))
    assert custom == Custom("any text", TEN)


def test_members_nobody_knows_change_nothing():
    for name, value in SAMPLES.items():
        assert isinstance(value, dict)
        assert read_value(name, {**value, "x-unknown": {"deep": [1]}}) == read_value(name, value)


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        (SLSA02, ("builder",), GONE),
        (SLSA02, ("builder", "id"), ""),
        (SLSA02, ("builder", "id"), 1),
        (SLSA02, ("builder",), "https://builder.example/b@v1"),
        (SLSA02, ("buildType",), GONE),
        (SLSA02, ("materials",), {}),
        (SLSA02, ("materials", 0), "git"),
        (SLSA02, ("materials", 0, "digest"), "aa"),
        (SLSA02, ("invocation", "configSource", "uri"), ["x"]),
        (SLSA02, ("metadata", "reproducible"), "yes"),
        (SLSA02, ("metadata", "completeness", "materials"), 1),
        (SLSA02, ("metadata", "buildStartedOn"), "yesterday"),
        (SLSA1, ("runDetails", "builder", "id"), GONE),
        (SLSA1, ("runDetails",), GONE),
        (SLSA1, ("buildDefinition", "buildType"), ""),
        (SLSA1, ("buildDefinition", "externalParameters"), []),
        (SLSA1, ("buildDefinition", "resolvedDependencies"), "x"),
        (SLSA1, ("buildDefinition", "externalParameters", "workflow", "ref"), 1),
        (SLSA1, ("runDetails", "metadata", "startedOn"), "2026-11-20T10:00:00"),
        (SLSA1, ("runDetails", "metadata", "startedOn"), "2026-11-20"),
        (SLSA1, ("runDetails", "metadata", "startedOn"), "2026-13-20T10:00:00Z"),
        (SLSA1, ("runDetails", "metadata", "startedOn"), "0001-01-01T00:00:00+23:59"),
        (VSA, ("verificationResult",), "passed"),
        (VSA, ("verificationResult",), GONE),
        (VSA, ("timeVerified",), GONE),
        (VSA, ("verifier",), GONE),
        (VSA, ("resourceUri",), ""),
        (VSA, ("verifiedLevels",), "SLSA_BUILD_LEVEL_3"),
        (VSA, ("policy",), GONE),
        (SPDX, ("spdxVersion",), "SPDX-3.0"),
        (SPDX, ("SPDXID",), GONE),
        (SPDX, ("name",), GONE),
        (SPDX, ("packages",), {"name": "musl"}),
        (SPDX, ("packages", 0, "name"), GONE),
        (SPDX, ("packages", 0, "licenseDeclared"), ["MIT"]),
        (SPDX, ("packages", 0, "checksums", 0, "checksumValue"), GONE),
        (CDX, ("bomFormat",), "cyclonedx"),
        (CDX, ("specVersion",), "2.0"),
        (CDX, ("components",), {}),
        (CDX, ("components", 0, "name"), GONE),
        (CDX, ("components", 0, "components"), "inner"),
        (CDX, ("components", 0, "licenses"), "MIT"),
        (VEX, ("@context",), "https://openvex.example/ns"),
        (VEX, ("@context",), "https://openvex.dev/nsx"),
        (VEX, ("@id",), GONE),
        (VEX, ("author",), GONE),
        (VEX, ("timestamp",), GONE),
        (VEX, ("statements",), []),
        (VEX, ("statements", 0, "status"), "harmless"),
        (VEX, ("statements", 0, "justification"), "trust_me"),
        (VEX, ("statements", 0, "justification"), GONE),
        (VEX, ("statements", 0, "status"), "affected"),
        (VEX, ("statements", 0, "vulnerability"), {"aliases": []}),
        (VEX, ("statements", 0, "products", 0), {}),
        (VULN, ("metadata", "scanFinishedOn"), GONE),
        (VULN, ("scanner", "uri"), GONE),
        (VULN, ("scanner",), []),
        (VULN, ("scanner", "result", "Results"), {}),
        (VULN, ("scanner", "result", "Results", 1, "Vulnerabilities"), {}),
        (VULN, ("scanner", "result", "Results", 1, "Vulnerabilities", 0, "VulnerabilityID"), GONE),
        (VULN, ("scanner", "result", "Results", 1, "Vulnerabilities", 0, "Severity"), 9),
        (VULN, ("scanner", "result"), {"matches": [{}]}),
        (VULN, ("scanner", "result"), {"matches": {}}),
        (VULNS, ("scanner", "result"), {}),
        (VULNS, ("scanner", "result", 0, "id"), GONE),
        (VULNS, ("scanner", "result", 0, "severity"), [1]),
        (SCAI, ("attributes",), []),
        (SCAI, ("attributes", 0, "attribute"), GONE),
        (SCAI, ("producer",), "me"),
        (TESTS, ("result",), "OK"),
        (TESTS, ("failedTests",), ["c"]),
        (TESTS, ("passedTests",), [1]),
        (CUSTOM, ("Data",), GONE),
        (CUSTOM, ("Timestamp",), "now"),
    ],
)
def test_a_known_member_of_the_wrong_kind_refuses_the_predicate(name, path, value):
    with pytest.raises(MalformedError):
        read_value(name, changed(name, path, value))


@pytest.mark.parametrize("name", sorted(SAMPLES))
@pytest.mark.parametrize("value", [None, [], "text", 1, True, {}])
def test_a_predicate_that_is_no_object_or_empty_is_refused(name, value):
    with pytest.raises(MalformedError):
        read_value(name, value)


def test_text_without_json_is_no_spdx_document():
    with pytest.raises(MalformedError, match="not JSON"):
        read_value(SPDX, "SPDXVersion: SPDX-2.3")


def test_two_members_of_one_name_are_refused():
    with pytest.raises(MalformedError, match="duplicate"):
        read(CUSTOM, b'{"Data":"a","Data":"b"}')


def test_long_texts_are_refused():
    with pytest.raises(LimitExceededError):
        read_value(SLSA02, changed(SLSA02, ("builder", "id"), "x" * 10_000))


def test_many_components_are_refused():
    with pytest.raises(LimitExceededError):
        read_value(CDX, changed(CDX, ("components",), [{"name": "a"}] * 100_001))


def test_many_nested_components_are_refused():
    with pytest.raises(LimitExceededError):
        read_value(CDX, changed(CDX, ("components",), [{"name": "a", "components": [{"name": "b"}]}] * 60_000))


@pytest.mark.parametrize(
    ("expressions", "expected"),
    [
        (("MIT",), ("MIT",)),
        (("NONE", "NOASSERTION", ""), ()),
        (("(MIT and Apache-2.0)",), ("MIT", "Apache-2.0")),
        (("LicenseRef-house", "DocumentRef-a:LicenseRef-b"), ("LicenseRef-house", "DocumentRef-a:LicenseRef-b")),
        (("GPL-2.0+", "GPL-2.0+"), ("GPL-2.0+",)),
    ],
)
def test_licences_are_those_an_expression_mentions(expressions, expected):
    assert licences_of(expressions) == expected
