"""Ten rules over 10 kB of facts: our compiled expressions beside Google's CEL on the same texts and data, turn by turn.

CEL gets the data as dictionaries, bound once a decision; our facts are objects already where a policy is asked. The whole
decision is timed too: it counts signers and the signers of attestations, and states every finding.
"""

import json
import statistics
import time
from collections.abc import Callable
from datetime import timedelta

from cel_expr_python import cel
from pairs import Pair

from policy_facts import NOW, facts, said, signature, spec
from predicate_samples import BUILT, SAMPLES
from trustkit.model.decision import ALLOW
from trustkit.model.facts import Facts, RequestFacts
from trustkit.model.signature import SIGNATURE
from trustkit.policy.document import Policy
from trustkit.policy.evaluate import evaluate
from trustkit.policy.expressions.compile import Condition
from trustkit.policy.rules.expression import Expression
from trustkit.policy.signers import about_image

_TIMES, _ROUNDS = 300, 21
# The rules themselves; and what counting signers, four kinds of attestations and writing findings may add.
_MOST_US, _MOST_WHOLE = 30.0, 4.0
SLSA, SPDX, VEX = "https://slsa.dev/provenance/v1", "https://spdx.dev/Document", "https://openvex.dev/ns/v0.2.0"
SCAN = "https://cosign.sigstore.dev/attestation/vuln/v1"
RULES = (
    "signatures.exists(s, s.algorithm == 'ecdsa-p256-sha256' && s.format == 'cosign')",
    "attestations.provenance.exists(p, p.predicate.builderId.startsWith('https://github.com/slsa-framework/'))",
    "attestations.provenance.exists(p, p.predicate.materials.all(m, m.uri.startsWith('pkg:docker/registry.corp')))",
    "attestations.scan.exists(s, s.predicate.vulnerabilities.all(v, v.severity != 'CRITICAL'))",
    "attestations.scan.exists(s, now - s.predicate.finishedAt < duration('240h'))",
    "attestations.sbom.exists(b, b.predicate.packages.all(p, !p.licences.exists(l, l == 'AGPL-3.0-only')))",
    "attestations.vex.exists(x, x.predicate.statements.size() < 100)",
    "image.registry == 'registry.corp.example' && image.name.matches('^registry[.]corp[.]example/team/')",
    "!request.privileged && !request.hostNetwork && request.capabilitiesAdded.size() == 0",
    "request.user != '0' && request.namespace == 'shop' && now - image.created < duration('2160h')",
)


def policy_evaluation() -> list[Pair]:
    """Return microseconds of processor time for one decision, ours and CEL's, and ours against the bound."""
    about, data = _facts(), _data()
    policy = spec(_text())
    decision = evaluate(policy, about)
    if decision.verdict != ALLOW:
        raise RuntimeError(f"the decision is wrong: {decision}")
    environment = cel.NewEnv(variables=dict.fromkeys(data, cel.Type.DYN))
    compiled = [environment.compile(text) for text in RULES]

    def theirs() -> None:
        # the data is bound once a decision
        bound = environment.Activation(data=data)
        if not all(rule.eval(bound).value() for rule in compiled):
            raise RuntimeError("CEL's verdict is another")

    conditions = _conditions(policy, about)

    def ours() -> None:
        if not all(condition.holds(about, statements)[0] for condition, statements in conditions):
            raise RuntimeError("our verdict is another")

    expressions, peer, whole = _alternating(ours, theirs, lambda: evaluate(policy, about))
    kilobytes = len(json.dumps(data, default=str)) / 1000
    name = f"ten rules, {kilobytes:.0f} kB of facts (us)"
    return [
        Pair(f"{name} | CEL", expressions, peer, 1.0),
        Pair(f"{name} | 30 us", expressions, _MOST_US, 1.0),
        Pair("whole decision with these (us) | CEL's part", whole, peer, _MOST_WHOLE),
    ]


def _conditions(policy: Policy, about: Facts) -> list[tuple[Condition, dict[str, object]]]:
    """Return each rule's expression with the statements that count for it."""
    rules = [rule for rule in policy.sections[0].rules if isinstance(rule, Expression)]
    signed = {"": about_image(about, SIGNATURE)}
    return [(rule.condition, {**signed, **{one.name: one.counted(about) for one in rule.sources}}) for rule in rules]


def _alternating(*works: Callable[[], object]) -> list[float]:
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(_ROUNDS):
        for which, work in enumerate(works):
            started = time.process_time()
            for _ in range(_TIMES):
                work()
            taken[which].append((time.process_time() - started) / _TIMES * 1e6)
    return [statistics.median(found) for found in taken]


def _text() -> str:
    kinds = {"provenance": SLSA, "scan": SCAN, "sbom": SPDX, "vex": VEX}
    listed = ", ".join(f"{name}: {{type: '{kind}', by: {{key: one}}}}" for name, kind in kinds.items())
    rules = "".join(
        f'      - {{id: rule-{number}, rule: "{text}", message: refused, denial: true}}\n'
        for number, text in enumerate(RULES)
    )
    return (
        f"  verify:\n    signatures: {{threshold: {{count: 2, distinct: key, of: [one, two, three]}}}}\n"
        f"    attestations: {{{listed}}}\n  require:\n    expressions:\n{rules}"
    )


def _facts() -> Facts:
    signed = [signature(key, number=number) for number, key in enumerate(("one", "two", "three", "one"))]
    stated = [said("one", kind, predicate) for kind, predicate in _predicates().items()]
    request = RequestFacts(purpose="run", engine="kubernetes", user="10001", namespace="shop")
    found = facts(*signed, *stated, request=request)
    labels = tuple((f"org.opencontainers.image.label-{number}", "x" * 40) for number in range(8))
    return found._replace(image=found.image._replace(created=NOW - timedelta(days=3), labels=labels))


def _predicates() -> dict[str, object]:
    """Return provenance, a scan with 26 findings, a bill of 20 packages, and VEX, as their tools write them."""
    sbom, scan = json.loads(json.dumps(SAMPLES[SPDX])), json.loads(json.dumps(SAMPLES[SCAN]))
    package = sbom["packages"][0]
    sbom["packages"] = [{**package, "name": f"package-{number}", "SPDXID": f"SPDXRef-{number}"} for number in range(20)]
    finding = scan["scanner"]["result"]["Results"][1]["Vulnerabilities"][0]
    scan["scanner"]["result"]["Results"][1]["Vulnerabilities"] = [
        {**finding, "VulnerabilityID": f"CVE-2026-{number:04d}", "Severity": "MEDIUM"} for number in range(26)
    ]
    return {SLSA: BUILT, SCAN: scan, SPDX: sbom, VEX: SAMPLES[VEX]}


def _data() -> dict[str, object]:
    """Return the same facts as the dictionaries that CEL takes."""
    finding = {
        "severity": "MEDIUM", "package": "musl", "version": "1.2.5", "fixedVersion": "1.2.6", "knownExploited": False,
        "publishedAt": "2026-11-01T00:15:08.5Z", "aliases": [],
    }  # fmt: skip
    package = {"version": "1.2.5", "purl": "pkg:apk/alpine/musl@1.2.5", "licences": ["MIT", "GPL-2.0-only"]}
    predicates = {
        "provenance": {
            "builderId": "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/x.yml@refs/tags/v2",
            "buildType": "https://build.example/type@v1",
            "materials": [{"uri": "pkg:docker/registry.corp.example/base/x@12", "digests": {"sha256": "cc" * 32}}],
        },
        "scan": {
            "finishedAt": NOW - timedelta(hours=30),
            "vulnerabilities": [{**finding, "id": f"CVE-2026-{number:04d}"} for number in range(26)],
        },
        "sbom": {"packages": [{**package, "name": f"package-{number}"} for number in range(20)]},
        "vex": {"statements": [{"vulnerability": "CVE-2026-0001", "status": "fixed", "products": []}] * 2},
    }
    signed = {
        "format": "cosign", "algorithm": "ecdsa-p256-sha256", "fingerprint": "ab" * 32, "trustRoot": "key:one",
        "subject": "", "issuer": "", "claims": {}, "annotations": {}, "keyBits": 256,
    }  # fmt: skip
    return {
        "now": NOW,
        "signatures": [signed] * 4,
        "attestations": {name: [{"predicate": value, "signedAt": NOW}] for name, value in predicates.items()},
        "image": {
            "name": "registry.corp.example/team/app", "registry": "registry.corp.example", "tag": "1.0",
            "digest": f"sha256:{'11' * 32}", "created": NOW - timedelta(days=3), "pinned": False,
            "labels": {f"org.opencontainers.image.label-{number}": "x" * 40 for number in range(8)},
        },
        "request": {
            "user": "10001", "namespace": "shop", "privileged": False, "hostNetwork": False, "capabilitiesAdded": [],
            "engine": "kubernetes", "purpose": "run", "actor": "alice",
        },
    }  # fmt: skip


if __name__ == "__main__":
    for pair in policy_evaluation():
        print(pair, f"{pair.ratio:.2f}")
