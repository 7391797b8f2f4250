"""Statements about every policy: parsing fails only cleanly, evaluation is total, evidence only helps."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from policy_facts import (
    HEAD,
    NAME,
    NOW,
    OTHER_IMAGE,
    SLSA,
    attestation,
    facts,
    fingerprint_of,
    read,
    rejection,
    said,
    signature,
    spec,
)
from predicate_samples import BUILT, SAMPLES
from trustkit.codec.grant import PREDICATE_TYPE
from trustkit.errors import TrustkitError
from trustkit.fips.hashing import digest_of
from trustkit.model.decision import ALLOW, DENY, Decision
from trustkit.model.facts import RequestFacts
from trustkit.model.signature import VerifiedSignature
from trustkit.policy.document import Policy, trusted_keys
from trustkit.policy.evaluate import evaluate
from trustkit.policy.parse import combine, parse
from trustkit.policy.pattern import Pattern
from trustkit.policy.tenancy import of_namespace

VULN = "https://cosign.sigstore.dev/attestation/vuln/v1"
SPDX, VSA = "https://spdx.dev/Document", "https://slsa.dev/verification_summary/v1"
PREDICATES = {SLSA: BUILT, VULN: SAMPLES[VULN], SPDX: SAMPLES[SPDX], VSA: SAMPLES[VSA]}
KEYS = ("one", "two", "three", "four")

fragments = st.sampled_from(
    [
        "apiVersion: trustkit.dev/v1\n",
        "kind: Policy\n",
        "metadata: {name: a}\n",
        "spec:\n",
        "  verify:\n",
        "    signatures: {key: one}\n",
        "  trust: {keys: {one: {pem: a}}}\n",
        "&a ",
        "*a",
        "!!int ",
        "%YAML 1.2\n",
        "- ",
        "? ",
        "{",
        "}",
        "[",
        "]",
        ": ",
        ", ",
        "---\n",
        "...\n",
        "'",
        '"',
        "|\n",
        ">\n",
        "#",
        "~",
        "<<",
        "a",
        "1e9",
        "\\ud800",
        "\x00",
        "\x85",
        "\u2028",
        "\t",
        "\n",
        "  ",
    ]
)
texts = st.one_of(st.lists(fragments, max_size=30).map("".join), st.text(max_size=200)).map(str.encode)

threshold = st.builds(
    lambda of, count: f"{{threshold: {{count: {1 + count % len(of)}, of: [{', '.join(of)}]}}}}",
    st.lists(st.sampled_from(KEYS[:3]), min_size=1, max_size=3, unique=True),
    st.integers(0, 9),
)
option = st.one_of(threshold, st.sampled_from(KEYS[:3]).map("{{key: {}}}".format))
signatures = st.lists(option, min_size=1, max_size=3).map(lambda found: f"signatures: {{anyOf: [{', '.join(found)}]}}")
annotated = st.just("signatures: {key: one, annotations: {env: prod}}")
attestations = option.map(lambda by: f"attestations: {{p: {{type: '{SLSA}', by: {{anyOf: [{by}]}}}}}}")
verify = st.one_of(signatures, annotated, attestations, st.tuples(signatures, attestations).map(", ".join))
requirement = st.sampled_from(
    [
        "",
        "  require: {image: {denyRootUser: true, registries: ['*.example'], platforms: [linux/amd64]}}\n",
        "  require: {runtime: {denyPrivileged: true, denyHostPath: true, capabilities: {add: []}}}\n",
        "  require: {runtime: {seccomp: [Localhost]}}\n",
        "  require: {runtime: {denyHostNamespaces: true, denyRootUser: true, readOnlyRoot: true}}\n",
        "  enforcement: {digest: {require: true}}\n",
        "  enforcement: {mode: warn}\n",
        f"  match: {{images: ['{NAME}']}}\n",
        "  require: {expressions: [{id: a, rule: \"signatures.exists(s, s.annotations.env == 'prod')\"}]}\n",
        "  require: {expressions: [{id: b, rule: 'signatures.filter(s, has(s.annotations.env)).size() > 1'}]}\n",
        "  require: {crypto: {algorithms: [ed25519]}}\n",
    ]
)
stated_by = option.map("by: {{anyOf: [{}]}}".format)
looking_inside = st.builds(
    lambda by, rule: (
        f"  verify: {{attestations: {{provenance: {{type: '{SLSA}', {by}}}, scan: {{type: '{VULN}', {by}}}, "
        f"sbom: {{type: '{SPDX}', {by}}}, verificationSummary: {{type: '{VSA}', {by}}}}}}}\n  require: {rule}\n"
    ),
    stated_by,
    st.sampled_from(
        [
            "{provenance: {level: 3}}",
            "{provenance: {builders: ['https://other.example/b']}}",
            "{vulnerabilities: {maxScanAge: 24h}}",
            "{sbom: {minPackages: 1}}",
            "{sbom: {allowLicenses: [MIT]}}",
            "{verificationSummary: {verifiers: ['https://verifier.example/'], resources: ['oci://']}}",
            "{expressions: [{id: a, rule: \"attestations.provenance.exists(p, p.predicate.source.uri != '')\"}]}",
            "{expressions: [{id: a, rule: 'attestations.scan.map(s, s.predicate.form).size() > 1'}]}",
        ]
    ),
)
policies = st.one_of(
    st.builds(lambda body, more: spec(f"  verify: {{{body}}}\n{more}"), verify, requirement), looking_inside.map(spec)
)

items = st.builds(
    lambda key, make, subject, annotations, number: make(
        key, annotations=annotations, number=number, **({"subject": subject} if subject else {})
    ),
    st.sampled_from(KEYS),
    st.sampled_from([signature, attestation]),
    st.sampled_from([None, None, OTHER_IMAGE]),
    st.sampled_from([(), (("env", "prod"),), (("env", "test"),)]),
    st.integers(0, 1),
)
statements = st.builds(
    lambda key, kind, change, number: said(key, kind, {**PREDICATES[kind], **change}, number),
    st.sampled_from(KEYS[:3]),
    st.sampled_from(sorted(PREDICATES)),
    st.sampled_from([{}, {"odd": 1}]),
    st.integers(0, 1),
)
evidence = st.lists(st.one_of(items, statements), max_size=8)
requests = st.builds(
    RequestFacts,
    purpose=st.sampled_from(["run", "verify", "pull", "build"]),
    privileged=st.booleans(),
    host_network=st.booleans(),
    host_mounts=st.sampled_from([(), ("/etc",)]),
    capabilities_added=st.sampled_from([(), ("ALL",)]),
    user=st.text(max_size=8),
    read_only=st.booleans(),
    seccomp=st.sampled_from(["default", "unconfined", "x"]),
)
references = st.sampled_from([NAME, f"{NAME}@sha256:{'11' * 32}", "busybox", "oci:/srv/x"])


@given(texts)
def test_parsing_raises_only_our_errors(content: bytes) -> None:
    with contextlib.suppress(TrustkitError):
        parse(content, file="x", load_key=str.encode, digest=digest_of, fingerprint=lambda pem: digest_of(pem).hex)


@given(policies, evidence, requests, references, st.text(max_size=8))
def test_evaluation_is_total_and_a_denial_has_a_reason(
    policy: Policy, found: list[VerifiedSignature], request: RequestFacts, reference: str, user: str
) -> None:
    decision = evaluate(policy, facts(*found, request=request, reference=reference, user=user))
    assert decision.verdict in (ALLOW, DENY)
    assert decision.verdict == ALLOW or decision.deciding is not None


@given(policies, evidence, evidence, requests, references)
def test_more_verified_evidence_never_turns_allow_into_deny(
    policy: Policy, found: list[VerifiedSignature], more: list[VerifiedSignature], request: RequestFacts, reference: str
) -> None:
    before = evaluate(policy, facts(*found, request=request, reference=reference))
    after = evaluate(policy, facts(*found, *more, request=request, reference=reference))
    assert not (before.verdict == ALLOW and after.verdict == DENY)
    for one, other in zip(before.findings, after.findings, strict=True):
        assert not (one.verdict == ALLOW and other.verdict == DENY), one.rule


# Keys of documents of a namespace: the cluster's with other bounds or under other names, and one that it does not know.
bounds = st.sampled_from(
    ["", ", algorithms: [ed25519]", ", notAfter: 2026-01-01T00:00:00Z", ", notBefore: 2020-01-01T00:00:00Z"]
)
tenants = st.builds(
    lambda body, more, bound, files: read(
        f"{HEAD}spec:\n  trust: {{keys: {{one: {{pem: {files[0]}.pub{bound}}}, two: {{pem: {files[1]}.pub}}, "
        f"three: {{pem: {files[2]}.pub}}}}}}\n  verify: {{{body}}}\n{more}"
    ),
    verify,
    requirement,
    bounds,
    st.permutations(KEYS),
)


def known(policy: Policy, found: list[VerifiedSignature]) -> list[VerifiedSignature]:
    """Return what verification accepts by the keys of this policy."""
    return [
        item
        for item in found
        if any(
            key.fingerprint == item.signer.fingerprint
            and (not key.algorithms or item.algorithm in key.algorithms)
            and (key.not_after is None or key.not_after >= NOW)
            for key in trusted_keys(policy)
        )
    ]


@given(policies, bounds, st.lists(tenants, max_size=3), evidence, requests, references)
def test_documents_of_a_namespace_never_turn_deny_into_allow(
    cluster: Policy,
    bound: str,
    own: list[Policy],
    found: list[VerifiedSignature],
    request: RequestFacts,
    reference: str,
) -> None:
    # the cluster's key may be out of force, and theirs not
    bounded = read(f"{HEAD}spec: {{trust: {{keys: {{one: {{pem: one.pub{bound}}}}}}}}}").sections[0].keys
    section = cluster.sections[0]
    alone = combine([section._replace(keys=(*bounded, *section.keys[1:3]))], digest_of)
    theirs = [
        of_namespace(one.sections[0]._replace(name=f"own-{number}"), "team-a", digest_of)
        for number, one in enumerate(own)
    ]
    together = combine((*alone.sections, *theirs), digest_of)

    def decided(policy: Policy, namespace: str) -> Decision:
        asked = request._replace(namespace=namespace)
        return evaluate(policy, facts(*known(policy, found), request=asked, reference=reference))

    assert not (decided(alone, "team-a").verdict == DENY and decided(together, "team-a").verdict == ALLOW)
    # and nothing of it reaches beyond its namespace
    before, after = (
        [(one.verdict, one.message, one.evidence) for one in decided(policy, "team-b").findings]
        for policy in (alone, together)
    )
    assert before == after


@given(policies, evidence, references)
def test_rejections_never_turn_deny_into_allow(policy: Policy, found: list[VerifiedSignature], reference: str) -> None:
    before = evaluate(policy, facts(*found, reference=reference))
    after = evaluate(policy, facts(*found, reference=reference, rejected=(rejection(),) * 5))
    assert before.verdict == after.verdict


@given(st.lists(st.sampled_from("ab/*"), max_size=12).map("".join), st.text("ab/", max_size=12))
def test_patterns_match_as_their_definition_says(pattern: str, name: str) -> None:
    assert Pattern.compile(pattern).matches(name) == defined(pattern, name)


def defined(pattern: str, name: str) -> bool:
    """Match by the definition, by trying everything."""
    if not pattern:
        return not name
    if pattern[0] != "*":
        return bool(name) and name[0] == pattern[0] and defined(pattern[1:], name[1:])
    stars = len(pattern) - len(pattern.lstrip("*"))
    rest = pattern[stars:]
    ends = range(len(name) + 1)
    return any((stars > 1 or "/" not in name[:end]) and defined(rest, name[end:]) for end in ends)


GRANT = {
    "id": "00112233aabbccdd",
    "namespace": "",
    "rules": ["verify.attestations.p"],
    "requester": {"key": fingerprint_of(b"one.pub")},
    "reason": "INC-7",
    "notBefore": "2026-11-23T20:00:00Z",
    "notAfter": "2026-11-23T22:00:00Z",
}
TERMS = """
  verify:
    signatures: {{key: one}}
    attestations: {{p: {{type: 'https://slsa.dev/provenance/v1', by: {{key: one}}}}}}
  exceptions:
    breakGlass:
      {{enabled: true, grant: signed, approvers: {{count: {count}, of: [one, two, three, twin]}}, maxDuration: 3h,
      skip: [verify.attestations.p]}}
"""
granting = st.lists(st.sampled_from(("one", "two", "three", "same-one")), max_size=5)


@given(st.integers(1, 3), granting, granting)
def test_further_signatures_on_a_grant_never_take_away_what_it_let_through(
    count: int, few: list[str], more: list[str]
) -> None:
    policy = spec(TERMS.format(count=count))

    def judged(keys: list[str]) -> str:
        items = [said(key, PREDICATE_TYPE, GRANT, number) for number, key in enumerate(keys)]
        return evaluate(policy, facts(signature("one"), *items)).verdict

    before, after = judged(few), judged([*few, *more])
    assert not (before == ALLOW and after == DENY)
    others = {fingerprint_of(f"{key}.pub".encode()) for key in few} - {fingerprint_of(b"one.pub")}
    asked = any(fingerprint_of(f"{key}.pub".encode()) == fingerprint_of(b"one.pub") for key in few)
    assert (before == ALLOW) == (asked and len(others) >= count)
