"""Typed rules over attestations: each case changes one thing of a policy and statements that are admitted."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import timedelta

import pytest

from policy_facts import IMAGE, KEYS, NAME, NOW, attestation, facts, refused, said, spec
from predicate_samples import BUILT, GENERATOR, SAMPLES
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.signature import Statement
from trustkit.policy.document import ATTESTATIONS, PREDICATES, reads
from trustkit.policy.evaluate import evaluate

SLSA = "https://slsa.dev/provenance/v1"
VULN = "https://cosign.sigstore.dev/attestation/vuln/v1"
SPDX = "https://spdx.dev/Document"
VEX = "https://openvex.dev/ns/v0.2.0"
VSA = "https://slsa.dev/verification_summary/v1"


def changed(value: Mapping[str, object], path: str, to: object) -> dict[str, object]:
    """Return a deep copy with one member, named by a dotted path, set to something else."""
    copy = deepcopy(dict(value))
    *parents, last = path.split(".")
    holder = copy
    for name in parents:
        holder = holder[name]  # type: ignore[assignment]
    holder[last] = to
    return copy


def policy(require: str, kind: str, *, name: str, more: str = "", flags: str = "") -> str:
    return (
        f"  verify: {{attestations: {{{name}: {{type: '{kind}', by: {{key: one}}{flags}}}{more}}}}}\n"
        f"  require: {{{require}}}\n"
    )


# --- provenance -----------------------------------------------------------------------------------


def provenance(rule: str) -> str:
    return policy(f"provenance: {{{rule}}}", SLSA, name="provenance")


@pytest.mark.parametrize(
    "rule",
    [
        f"builders: ['{GENERATOR}']",
        f"builders: ['{GENERATOR}'], level: 3",
        "level: 3",
        "builders: [{idRegex: 'https://github.com/slsa-framework/.*', level: 3}], level: 3",
        "source: {uriPrefix: 'git+https://github.com/corp/'}",
        "source: {uri: 'git+https://github.com/corp/app@refs/tags/v1'}",
        "source: {uriRegex: 'git[+]https://github.com/corp/[a-z]+@refs/tags/v[0-9]+'}",
        "buildTypes: ['https://build.example/type@v1']",
        "maxAge: 2h",
    ],
)
def test_provenance_as_required_is_admitted(rule: str) -> None:
    assert evaluate(spec(provenance(rule)), facts(said("one", SLSA, BUILT))).verdict == ALLOW


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("builders: ['https://evil.example/builder']", "its builder is"),
        (f"builders: ['{GENERATOR}x']", "its builder is"),
        ("level: 4", "is taken for SLSA level 3, required is 4"),
        ("builders: [{idRegex: 'https://github.com/slsa', level: 3}]", "its builder is"),
        ("source: {uriPrefix: 'git+https://github.com/corporation/'}", "its source is"),
        ("source: {uri: 'git+https://github.com/corp/app'}", "its source is"),
        ("source: {uriRegex: 'github.com/corp/app'}", "its source is"),
        ("buildTypes: ['https://build.example/type']", "its build type is"),
        ("maxAge: 30m", "the build is of 2026-11-23T20:00:00"),
    ],
)
def test_provenance_that_says_something_else_is_refused(rule: str, reason: str) -> None:
    assert reason in refused(spec(provenance(rule)), facts(said("one", SLSA, BUILT)), "test/require.provenance")


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("runDetails.builder.id", "https://builder.example/unknown"),
        ("runDetails.builder.id", "https://github.com/actions/runner/github-hosted"),
        ("runDetails.builder.id", GENERATOR.replace("slsa-framework", "slsa-framewark")),
        ("runDetails.builder.id", GENERATOR.replace("refs/tags/v2.1.0", "refs/heads/main")),
        ("runDetails.builder.id", GENERATOR + "-evil"),
    ],
)
def test_a_builder_that_is_not_known_to_reach_the_level_is_refused(path: str, to: str) -> None:
    items = facts(said("one", SLSA, changed(BUILT, path, to)))
    assert "is taken for SLSA level" in refused(spec(provenance("level: 3")), items, "test/require.provenance")


@pytest.mark.parametrize(
    "uri", ["https://github.com/corp/../evil/app", "https://github.com/corp/%2e%2e/evil", "https://github.com/corp"]
)
def test_a_source_that_leaves_the_prefix_is_refused(uri: str) -> None:
    workflow = {"repository": uri, "ref": "refs/tags/v1"}
    built = changed(BUILT, "buildDefinition.externalParameters.workflow", workflow)
    rule = spec(provenance("source: {uriPrefix: 'git+https://github.com/corp/'}"))
    assert "its source is" in refused(rule, facts(said("one", SLSA, built)), "test/require.provenance")


def test_what_another_signer_attested_does_not_count() -> None:
    finding = refused(
        spec(provenance("level: 3")), facts(said("two", SLSA, BUILT)), "test/verify.attestations.provenance"
    )
    assert "by one" in finding


def test_a_statement_of_another_type_does_not_count() -> None:
    both = facts(said("one", VSA, SAMPLES[VSA]))
    refused(spec(provenance("level: 3")), both, "test/verify.attestations.provenance")


def test_a_statement_about_another_image_does_not_count() -> None:
    item = said("one", SLSA, BUILT)._replace(subject=IMAGE._replace(hex="22" * 32))
    refused(spec(provenance("level: 3")), facts(item), "test/verify.attestations.provenance")


def test_provenance_that_cannot_be_read_is_refused_with_the_reason() -> None:
    item = attestation("one", SLSA)._replace(statement=Statement(SLSA, b"{}", problem="has no builder"))
    message = refused(spec(provenance("level: 3")), facts(item), "test/require.provenance")
    assert "cannot be read: has no builder" in message


def test_one_good_provenance_beside_a_bad_one_suffices() -> None:
    bad = changed(BUILT, "runDetails.builder.id", "https://evil.example/b")
    items = facts(said("one", SLSA, bad), said("one", SLSA, BUILT, 1))
    assert evaluate(spec(provenance("level: 3")), items).verdict == ALLOW


def test_with_a_threshold_the_same_bytes_must_be_attested_by_so_many() -> None:
    by = "{threshold: {count: 2, of: [one, two]}}"
    rule = spec(provenance("level: 3").replace("{key: one}", by))
    other = changed(BUILT, "buildDefinition.buildType", "https://other.example/type")
    assert evaluate(rule, facts(said("one", SLSA, BUILT), said("two", SLSA, BUILT))).verdict == ALLOW
    refused(rule, facts(said("one", SLSA, BUILT), said("two", SLSA, other)), "test/require.provenance")


# --- scans and VEX --------------------------------------------------------------------------------


def trivy(*found: Mapping[str, object]) -> dict[str, object]:
    return {"SchemaVersion": 2, "ArtifactName": "a", "Results": [{"Target": "t", "Vulnerabilities": list(found)}]}


def scanned(report: object, hours: int = 1) -> dict[str, object]:
    at = (NOW - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "scanner": {"uri": "pkg:github/aquasecurity/trivy", "version": "1", "result": report},
        "metadata": {"scanStartedOn": at, "scanFinishedOn": at},
    }


OLD = {
    "VulnerabilityID": "CVE-2026-1",
    "Severity": "CRITICAL",
    "PkgName": "openssl",
    "PublishedDate": "2026-01-01T00:00:00Z",
}
NEW = {**OLD, "VulnerabilityID": "CVE-2026-2", "PublishedDate": "2026-11-22T00:00:00Z"}
LOW = {**OLD, "VulnerabilityID": "CVE-2026-3", "Severity": "LOW"}
ODD = {**OLD, "VulnerabilityID": "CVE-2026-4", "Severity": "purple"}
UNDATED = {"VulnerabilityID": "CVE-2026-5", "Severity": "CRITICAL"}
FIXABLE = {**OLD, "FixedVersion": "3.1"}


def scan(rule: str, flags: str = "", more: str = "") -> str:
    return policy(f"vulnerabilities: {{{rule}}}", VULN, name="scan", flags=flags, more=more)


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("maxScanAge: 24h", [OLD]),
        ("deny: [{severity: CRITICAL}]", [LOW]),
        ("deny: [{severity: CRITICAL}]", [ODD]),
        ("deny: [{severity: CRITICAL, olderThan: 7d}]", [NEW]),
        ("deny: [{severity: HIGH, fixable: true}]", [OLD]),
        ("deny: [{ids: [CVE-2021-44228]}]", [OLD, LOW]),
    ],
)
def test_a_scan_without_what_is_denied_is_admitted(rule: str, found: list[Mapping[str, object]]) -> None:
    assert evaluate(spec(scan(rule)), facts(said("one", VULN, scanned(trivy(*found))))).verdict == ALLOW


@pytest.mark.parametrize(
    ("rule", "found", "named"),
    [
        ("deny: [{severity: CRITICAL}]", OLD, "CVE-2026-1"),
        ("deny: [{severity: LOW}]", OLD, "CVE-2026-1"),
        ("deny: [{severity: UNKNOWN}]", ODD, "CVE-2026-4"),
        ("deny: [{severity: CRITICAL, olderThan: 7d}]", OLD, "CVE-2026-1"),
        ("deny: [{severity: CRITICAL, olderThan: 7d}]", UNDATED, "CVE-2026-5"),
        ("deny: [{severity: HIGH, fixable: true}]", FIXABLE, "CVE-2026-1"),
        ("deny: [{ids: [CVE-2026-3]}]", LOW, "CVE-2026-3"),
        ("deny: [{kev: true}]", LOW, "CVE-2026-3"),  # trivy does not say: it may be
        ("deny: [{severity: HIGH}, {ids: [CVE-2026-3]}]", LOW, "CVE-2026-3"),
    ],
)
def test_a_scan_with_what_is_denied_is_refused(rule: str, found: Mapping[str, object], named: str) -> None:
    message = refused(spec(scan(rule)), facts(said("one", VULN, scanned(trivy(found)))), "test/require.vulnerabilities")
    assert named in message


def grype(*, exploited: bool) -> dict[str, object]:
    vulnerability = {"id": "GHSA-1", "severity": "High", "knownExploited": [{"cve": "CVE-2026-7"}] if exploited else []}
    return {"matches": [{"vulnerability": vulnerability, "artifact": {"name": "a", "version": "1"}}]}


@pytest.mark.parametrize(("exploited", "expected"), [(True, DENY), (False, ALLOW)])
def test_a_scanner_that_knows_the_exploited_is_believed(exploited: bool, expected: str) -> None:
    item = said("one", VULN, scanned(grype(exploited=exploited)))
    assert evaluate(spec(scan("deny: [{kev: true}]")), facts(item)).verdict == expected


@pytest.mark.parametrize(
    ("hours", "reason"), [(25, "requires a scan of the last 1d"), (-1, "claims to be from the future")]
)
def test_a_scan_of_the_wrong_time_is_refused(hours: int, reason: str) -> None:
    item = said("one", VULN, scanned(trivy(), hours))
    assert reason in refused(spec(scan("maxScanAge: 24h")), facts(item), "test/require.vulnerabilities")


@pytest.mark.parametrize("report", [None, [], {}, {"odd": 1}, "text", [{"name": "CVE-2026-1"}]])
def test_a_report_in_no_known_form_is_no_clean_report(report: object) -> None:
    item = said("one", VULN, scanned(report))
    message = refused(spec(scan("deny: [{severity: CRITICAL}]")), facts(item), "test/require.vulnerabilities")
    assert "cannot be read" in message


def test_every_fresh_scan_must_be_clean_for_a_denial_is_a_denial() -> None:
    items = facts(said("one", VULN, scanned(trivy(), 1)), said("one", VULN, scanned(trivy(OLD), 2), 1))
    refused(spec(scan("deny: [{severity: CRITICAL}]")), items, "test/require.vulnerabilities")


def test_with_newest_an_older_scan_is_replaced_and_a_newer_one_is_not() -> None:
    rule = spec(scan("deny: [{severity: CRITICAL}]", ", newest: true"))
    clean, dirty = said("one", VULN, scanned(trivy(), 1)), said("one", VULN, scanned(trivy(OLD), 2), 1)
    assert evaluate(rule, facts(clean, dirty)).verdict == ALLOW
    newer = said("one", VULN, scanned(trivy(OLD), 0), 2)
    refused(rule, facts(clean, newer), "test/require.vulnerabilities")


def test_a_scan_from_the_future_does_not_replace_the_newest() -> None:
    rule = spec(scan("deny: [{severity: CRITICAL}]", ", newest: true"))
    dirty, future = said("one", VULN, scanned(trivy(OLD), 1)), said("one", VULN, scanned(trivy(), -48), 1)
    refused(rule, facts(dirty, future), "test/require.vulnerabilities")


def vex(status: str, **more: object) -> dict[str, object]:
    statement: dict[str, object] = {"vulnerability": {"name": "CVE-2026-1"}, "status": status, **more}
    at = statement.pop("documented", "2026-11-20T00:00:00Z")
    return {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://vex.example/1",
        "author": "psirt",
        "timestamp": at,
        "version": 1,
        "statements": [statement],
    }


EXCUSED = vex("not_affected", justification="vulnerable_code_not_present")
VEX_RULE = scan(
    "deny: [{severity: CRITICAL}], unless: {vex: [not_affected, fixed], from: vex, requireJustification: true}",
    more=f", vex: {{type: '{VEX}', by: {{key: two}}, required: false, all: true}}",
)


@pytest.mark.parametrize(
    "documents",
    [
        [EXCUSED],
        [vex("fixed")],
        [vex("affected", action_statement="update", documented="2026-11-19T00:00:00Z"), EXCUSED],
        [vex("not_affected", justification="component_not_present", products=[{"@id": f"pkg:oci/a@{IMAGE}"}])],
        [vex("not_affected", justification="component_not_present", documented="2026-11-23T20:59:00Z")],
    ],
)
def test_vex_excuses_a_vulnerability(documents: list[object]) -> None:
    items = [said("two", VEX, document, number) for number, document in enumerate(documents)]
    about = facts(said("one", VULN, scanned(trivy(OLD))), *items)
    assert evaluate(spec(VEX_RULE), about).verdict == ALLOW


@pytest.mark.parametrize(
    "documents",
    [
        [],
        [vex("under_investigation")],
        [vex("affected", action_statement="update")],
        [vex("not_affected", impact_statement="we think not")],
        [{**EXCUSED, "statements": [{**EXCUSED["statements"][0], "vulnerability": {"name": "CVE-2026-11"}}]}],  # type: ignore[index]
        [EXCUSED, vex("affected", action_statement="update", documented="2026-11-21T00:00:00Z")],
        [EXCUSED, vex("affected", action_statement="update")],
        [vex("not_affected", justification="component_not_present", products=[{"@id": "pkg:oci/other@sha256:22"}])],
        [vex("not_affected", justification="component_not_present", documented="2026-12-24T00:00:00Z")],
    ],
    ids=["none", "investigating", "affected", "no justification", "another", "newer", "same time", "product", "future"],
)
def test_vex_that_excuses_nothing_changes_nothing(documents: list[object]) -> None:
    items = [said("two", VEX, document, number) for number, document in enumerate(documents)]
    about = facts(said("one", VULN, scanned(trivy(OLD))), *items)
    refused(spec(VEX_RULE), about, "test/require.vulnerabilities")


def test_vex_by_somebody_else_excuses_nothing() -> None:
    about = facts(said("one", VULN, scanned(trivy(OLD))), said("one", VEX, EXCUSED))
    refused(spec(VEX_RULE), about, "test/require.vulnerabilities")


# --- bills of materials ---------------------------------------------------------------------------


def spdx(*packages: tuple[str, str]) -> dict[str, object]:
    listed = [{"name": name, "SPDXID": f"SPDXRef-{name}", "versionInfo": "1", "licenseDeclared": licence}
              for name, licence in packages]  # fmt: skip
    return {**SAMPLES[SPDX], "packages": listed}  # type: ignore[dict-item]


def sbom(rule: str) -> str:
    return policy(f"sbom: {{{rule}}}", SPDX, name="sbom")


@pytest.mark.parametrize(
    ("rule", "packages"),
    [
        ("minPackages: 1", [("a", "MIT")]),
        ("minPackages: 0", []),
        ("denyLicenses: [AGPL-3.0-only]", [("a", "MIT"), ("b", "NOASSERTION")]),
        ("allowLicenses: [MIT, Apache-2.0]", [("a", "MIT OR Apache-2.0")]),
        ("denyPackages: [log4j@2]", [("log4j", "MIT")]),
    ],
)
def test_a_bill_of_materials_as_required_is_admitted(rule: str, packages: list[tuple[str, str]]) -> None:
    assert evaluate(spec(sbom(rule)), facts(said("one", SPDX, spdx(*packages)))).verdict == ALLOW


@pytest.mark.parametrize(
    ("rule", "packages", "reason"),
    [
        ("minPackages: 2", [("a", "MIT")], "it lists 1 packages"),
        ("{}", [], "it lists 0 packages"),
        ("denyLicenses: [AGPL-3.0-only]", [("a", "MIT OR AGPL-3.0-only")], "a under AGPL-3.0-only"),
        ("denyLicenses: [agpl-3.0-only]", [("a", "AGPL-3.0-only")], "a under AGPL-3.0-only"),
        ("allowLicenses: [MIT]", [("a", "MIT AND GPL-2.0-only")], "not among the allowed"),
        ("allowLicenses: [MIT]", [("a", "NOASSERTION")], "no stated licence"),
        ("denyPackages: [log4j]", [("log4j", "MIT")], "log4j"),
        ("denyPackages: [log4j@1]", [("log4j", "MIT")], "log4j"),
    ],
)
def test_a_bill_of_materials_that_lists_what_is_denied_is_refused(
    rule: str, packages: list[tuple[str, str]], reason: str
) -> None:
    text = sbom("" if rule == "{}" else rule)
    assert reason in refused(spec(text), facts(said("one", SPDX, spdx(*packages))), "test/require.sbom")


def test_a_denied_licence_in_one_of_two_bills_is_refused() -> None:
    items = facts(said("one", SPDX, spdx(("a", "MIT"))), said("one", SPDX, spdx(("a", "SSPL-1.0")), 1))
    refused(spec(sbom("denyLicenses: [SSPL-1.0]")), items, "test/require.sbom")


# --- verification summaries -----------------------------------------------------------------------

SUMMARY: dict[str, object] = {
    **SAMPLES[VSA],  # type: ignore[dict-item]
    "resourceUri": f"oci://{NAME}",
    "timeVerified": "2026-11-23T20:00:00Z",
}


def summary(rule: str = "levels: [SLSA_BUILD_LEVEL_2]") -> str:
    body = f"verificationSummary: {{from: vsa, verifiers: ['https://verifier.example/'], {rule}}}"
    return policy(body, VSA, name="vsa")


@pytest.mark.parametrize(
    "rule", ["levels: [SLSA_BUILD_LEVEL_3]", "levels: [SLSA_BUILD_LEVEL_1]", "maxAge: 2h",
             "policies: ['https://verifier.example/policy']", f"resources: ['oci://{NAME.rpartition('/')[0]}/']"]
)  # fmt: skip
def test_a_summary_as_required_is_admitted(rule: str) -> None:
    assert evaluate(spec(summary(rule)), facts(said("one", VSA, SUMMARY))).verdict == ALLOW


@pytest.mark.parametrize(
    ("path", "to", "rule", "reason"),
    [
        ("verificationResult", "FAILED", "", "its result is FAILED"),
        ("verifier", {"id": "https://verifier.example/evil"}, "", "its verifier is"),
        ("resourceUri", "oci://registry.corp.example/team/apple", "", "it is about"),
        ("resourceUri", "", "", ""),
        ("verifiedLevels", ["SLSA_BUILD_LEVEL_1"], "", "does not reach SLSA_BUILD_LEVEL_2"),
        ("verifiedLevels", ["SLSA_SOURCE_LEVEL_3"], "", "does not reach"),
        ("verifiedLevels", [], "", "does not reach"),
        ("timeVerified", "2026-11-20T00:00:00Z", "maxAge: 24h", "is of 2026-11-20"),
        ("timeVerified", "2027-11-20T00:00:00Z", "", "from the future"),
        ("policy", {"uri": "https://evil.example/"}, "policies: ['https://verifier.example/policy']", "by the policy"),
    ],
)
def test_a_summary_that_says_something_else_is_refused(path: str, to: object, rule: str, reason: str) -> None:
    predicate = changed(SUMMARY, path, to)
    try:
        item = said("one", VSA, predicate)
    except Exception:  # noqa: BLE001  (an empty resource is malformed, so nothing typed comes of it)
        item = attestation("one", VSA)
    text = summary(rule or "levels: [SLSA_BUILD_LEVEL_2]")
    assert reason in refused(spec(text), facts(item), "test/require.verificationSummary")


# --- what a policy may write ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("  require: {provenance: {level: 3}}\n", "unknown attestation 'provenance'"),
        (policy("provenance: {from: sbom}", SPDX, name="sbom"), "is of type https://spdx.dev/Document"),
        (provenance("level: 5"), "between 1 and 4"),
        (provenance("builders: ['https://unknown.example/b'], level: 3"), "is not known"),
        (provenance("builders: [{id: 'https://unknown.example/b', level: 2}], level: 3"), "no builder of the list"),
        (provenance("builders: [{idRegex: '(', level: 3}]"), "not a regular expression"),
        (provenance("builders: [{idRegex: 'a(?=b)', level: 3}]"), "not a regular expression"),
        (provenance("source: {uriPrefix: 'git+https://github.com/corp'}"), "also begins the names of others"),
        (provenance("source: {uri: a, uriPrefix: 'a/'}"), "exactly one of"),
        (scan("deny: []"), "the list is empty"),
        (scan("deny: [{}]"), "the mapping is empty"),
        (scan("deny: [{kev: false}]"), "names nothing that could be denied"),
        (scan("deny: [{severity: CRITCAL}]"), "did you mean CRITICAL?"),
        (scan("from: scan"), "give deny or maxScanAge"),
        (scan("maxScanAge: 1day"), "is no duration"),
        (scan("maxScanAge: 0h"), "is no duration"),
        (scan("maxScanAge: 24"), "must be text"),
        (scan("maxScanAge: 1h, unless: {vex: [not_affected]}"), "unknown attestation 'vex'"),
        (scan("maxScanAge: 1h, unless: {vex: [affected]}"), "is not one of"),
        (scan("maxScanAge: 1h", ", newest: true, all: true"), "newest or all"),
        (sbom("minPackages: -1"), "between 0 and"),
        (summary("resources: ['oci://registry.corp.example/team/app']"), "also begins the names of others"),
    ],
)
def test_a_rule_that_means_nothing_is_refused_when_the_policy_is_loaded(text: str, reason: str) -> None:
    with pytest.raises(Exception, match=r".*") as caught:
        spec(text)
    assert reason in str(caught.value)


def test_only_rules_that_look_inside_ask_for_predicates() -> None:
    assert reads(spec(provenance("level: 3"))) == {ATTESTATIONS, PREDICATES}
    plain = "  verify: {attestations: {p: {type: t, by: {key: one}}}}\n"
    assert reads(spec(plain)) == {ATTESTATIONS}
    assert KEYS
