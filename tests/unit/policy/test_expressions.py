"""Expressions in policies: what they may look at, what is refused at load, and that errors deny."""

from datetime import timedelta

import pytest

from policy_facts import NOW, SLSA, facts, refused, said, signature, spec
from predicate_samples import BUILT
from trustkit.errors import PolicySyntaxError
from trustkit.model.decision import ALLOW
from trustkit.model.facts import Facts, RequestFacts
from trustkit.policy.document import ATTESTATIONS, CONFIGURATION, PREDICATES, SIGNATURES, reads
from trustkit.policy.evaluate import evaluate
from trustkit.policy.expressions.compile import compile_expression
from trustkit.policy.expressions.schema import facts_schema

VULN = "https://cosign.sigstore.dev/attestation/vuln/v1"
VERIFY = (
    f"  verify: {{attestations: {{provenance: {{type: '{SLSA}', by: {{key: one}}}}, "
    f"scan: {{type: '{VULN}', by: {{key: one}}, required: false}}, "
    "odd: {type: 'https://odd.example/v1', by: {key: one}, required: false}}}\n"
)
RUN = RequestFacts(purpose="run", user="10001", namespace="shop", namespace_labels=(("team", "app"),))


def rule(text: str, message: str = "not so") -> str:
    quoted = text.replace("'", "''")
    return (
        VERIFY + f"  require: {{expressions: [{{id: one-rule, rule: '{quoted}', message: {message}, denial: true}}]}}\n"
    )


def about(**changes: object) -> Facts:
    found = facts(said("one", SLSA, BUILT), signature("two"), request=RUN._replace(**changes))  # type: ignore[arg-type]
    image = found.image._replace(
        labels=(("team", "shop"),), created=NOW - timedelta(days=1), history=("RUN x",), layers=2
    )
    return found._replace(image=image)


TRUE = [
    # as the draft of the language has it
    (
        "attestations.provenance.exists(p, p.predicate.buildDefinition.externalParameters.workflow.repository"
        ".endsWith('/' + request.namespaceLabels['team']))"
    ),
    "attestations.provenance.all(p, p.predicate.runDetails.builder.id == p.predicate.builderId)",
    "attestations.provenance.exists(p, p.predicate.source.uri.startsWith('git+https://github.com/corp/'))",
    "attestations.provenance.exists(p, p.predicate.materials.all(m, m.digests.sha256.size() == 64))",
    "attestations['provenance'].size() == 1 && attestations.odd.size() == 0",
    "attestations.scan.all(s, s.predicate.vulnerabilities.all(v, v.severity != 'CRITICAL'))",
    "signatures.exists_one(s, s.algorithm == 'ecdsa-p256-sha256' && s.format == 'cosign')",
    "image.labels.team == 'shop' && 'team' in image.labels && has(image.labels.team) && !has(image.labels.x)",
    "has(image.created) && now - image.created < duration('48h')",
    "image.name == 'registry.corp.example/team/app' && !image.pinned",
    "image.name.matches('^registry[.]corp[.]example/') && image.registry == 'registry.corp.example'",
    "image.history.size() == 1 && image.layers <= 2 && image.platform.os == 'linux'",
    "request.user == '10001' && request.purpose in ['run', 'pull'] && request.namespace == 'shop'",
    "crypto.provider == 'pyca' && !crypto.validated",
    "now > timestamp('2026-01-01T00:00:00Z')",
    "request.hostMounts.size() == 0 || false",
    "image.labels['absent'] == 'x' || true",
]


@pytest.mark.parametrize("text", TRUE)
def test_a_true_expression_allows(text: str) -> None:
    decision = evaluate(spec(rule(text)), about())
    assert decision.verdict == ALLOW, decision.findings


@pytest.mark.parametrize("text", TRUE)
def test_its_negation_denies(text: str) -> None:
    message = refused(spec(rule(f"!({text})")), about(), "test/require.expressions.one-rule")
    assert message == "not so; the expression is false"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("image.labels['absent'] == 'x'", "absent"),
        ("image.labels.absent == 'x'", "absent"),
        ("image.labels['absent'] != 'x'", "absent"),
        ("!(image.labels['absent'] == 'x')", "absent"),
        ("image.history[7] == ''", "no such element"),
        ("image.history[-1] == 'RUN x'", "no such element"),
        ("image.layers / 0 == 1", "modulo"),
        ("9223372036854775807 + image.layers > 0", "64 bits"),
        ("attestations.provenance.exists(p, p.predicate.startedAt < now)", "missing"),
        ("attestations.provenance.all(p, p.predicate.buildDefinition.externalParameters.x.y == '')", "x"),
    ],
)
def test_an_expression_without_a_result_denies(text: str, reason: str) -> None:
    message = refused(spec(rule(text)), about(), "test/require.expressions.one-rule")
    assert "the expression has no result" in message
    assert reason in message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("image.label.team == ''", "column 7: image has no field 'label' (did you mean labels?)"),
        ("imag.name == ''", "column 1: unknown name 'imag' (did you mean image?)"),
        ("image.pinned == 1", "'==' cannot stand between bool and int"),
        ("image.name == 1", "cannot stand between string and int"),
        ("image.layers + '1' == 2", "cannot stand between int and string"),
        ("image.layers < true", "cannot stand between int and bool"),
        ("image == image", "cannot stand between image and image"),
        ("image.layers", "the result is int, not bool"),
        ("image.pinned && 1", "joins what is true or false"),
        ("!image.name", "cannot be put before"),
        ("image.pinned ? 1 : '1'", "one choice is int, the other string"),
        ("attestations.nothing.size() == 0", "has no field 'nothing'"),
        ("attestations.odd.exists(p, p.predicate.x == '')", "has no field 'predicate'"),
        ("attestations.provenance.exists(p, p.predicate.vulnerabilities.size() == 0)", "has no field"),
        ("has(image.name)", "always has name"),
        ("has(image)", "takes one field"),
        ("[] == []", "an empty list has no kind"),
        ("['a', 1].size() == 2", "has an element of kind int"),
        ("image.name.matches(image.registry)", "written out"),
        ("image.name.matches('(')", "not a regular expression"),
        ("image.name.matches('(?=a)')", "not a regular expression"),
        ("timestamp(image.name) < now", "written out"),
        ("timestamp('2026-13-01T00:00:00Z') < now", "is no timestamp"),
        ("duration('1 day') < duration('1h')", "is no duration"),
        ("http.get('https://evil.example') == ''", "unknown name 'http'"),
        ("open('/etc/passwd') == ''", "unknown function 'open'"),
        ("image.name.__class__ == ''", "has no fields"),
        ("image.__class__ == ''", "has no field"),
        ("image.name.format('x') == ''", "unknown function"),
        ("image.history.all(image, true)", "has a meaning already"),
        ("image.history.all(x, x)", "asks what is true or false"),
        ("image.name.all(x, true)", "goes over a list or a map"),
        ("image.history.all('x', true)", "takes a new name"),
        ("1.5 < 2", "only whole numbers"),
        ("1u < 2", "only whole numbers"),
        ("9223372036854775808 > 0", "does not fit 64 bits"),
        ("null == null", "reserved word"),
        ("image.pinned &", "'&' is not understood"),
        ("image.pinned &&", "not expected here"),
        ("(image.pinned", "')' is expected"),
        ("image.pinned)", "is not expected here"),
        ("'\\q' == 'q'", "an escape in the text"),
        ("'\\ud800' == ''", "no code point"),
        ("'a", "is not understood"),
        ("{'a': 1}.size() == 1", "is not understood"),
    ],
)
def test_what_is_not_in_the_schema_or_mixes_kinds_is_refused_at_load(text: str, reason: str) -> None:
    with pytest.raises(PolicySyntaxError) as caught:
        spec(rule(text.replace("\\", "\\")))
    assert caught.value.details["path"] == "spec.require.expressions[0].rule"
    assert reason in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "(" * 40 + "true" + ")" * 40,
        "!" * 40 + "true",
        "[" * 40 + "1" + "]" * 40 + ".size() == 1",
        "1" + " + 1" * 40 + " > 0",
        "image" + ".name" * 40 + " == ''",
        "true ? " * 40 + "true" + " : true" * 40,
        "'" + "x" * 2048 + "' == ''",
        "".join(f"image.history.all({name}, " for name in "abcde") + "true" + ")" * 5,
    ],
    ids=["brackets", "not", "lists", "sum", "fields", "choices", "long", "macros"],
)
def test_depth_and_size_are_bounded_at_load(text: str) -> None:
    with pytest.raises(PolicySyntaxError):
        spec(rule(text))


@pytest.mark.parametrize(
    "text",
    [
        "image.history.all(a, image.history.all(b, image.history.all(c, a != b || b != c || true)))",
        "image.history.map(a, image.history.map(b, image.history.map(c, 1))).size() > 0",
        "!image.history.exists(a, image.history.exists(b, image.history.exists(c, a + b + c == '')))",
        "image.labels['x'] == '' || image.history.all(a, image.history.all(b, image.history.all(c, true)))",
    ],
)
def test_work_is_bounded_and_running_out_denies(text: str) -> None:
    found = about()
    found = found._replace(image=found.image._replace(history=tuple(f"RUN {number}" for number in range(100))))
    message = refused(spec(rule(text)), found, "test/require.expressions.one-rule")
    assert "more work than allowed" in message


@pytest.mark.parametrize("macro", ["all", "exists", "exists_one", "filter", "map"])
def test_every_macro_is_paid_for_by_the_element(macro: str) -> None:
    compiled = compile_expression(f"image.history.{macro}(a, a == 'x')", facts_schema({}), None)
    found = about()
    found = found._replace(image=found.image._replace(history=("y",) * 100_000))
    assert compiled.holds(found, {}) == (False, "it does more work than allowed")


def test_what_is_indexed_is_compiled_once() -> None:
    text = "image.labels['x']"
    for _ in range(14):
        text = f"({text} == '' ? image.labels : image.labels)['x']"
    compiled = compile_expression(text, facts_schema({}), None)
    assert len(compiled.plain.__globals__) < 100  # two constants a level


def test_texts_do_not_grow_without_bound() -> None:
    found = about()
    found = found._replace(image=found.image._replace(history=("x" * 40_000,)))
    doubling = "image.history[0] + image.history[0] != ''"
    assert "65536 characters" in refused(spec(rule(doubling)), found, "test/require.expressions.one-rule")


def test_a_hostile_regular_expression_takes_linear_time() -> None:
    found = about(namespace="a" * 30_000 + "!")
    text = "request.namespace.matches('^(a+)+$')"
    refused(spec(rule(text)), found, "test/require.expressions.one-rule")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now > timestamp('2020-01-01T00:00:00Z')", {ATTESTATIONS}),
        ("image.labels.size() == 0", {ATTESTATIONS, CONFIGURATION}),
        ("request.user == ''", {ATTESTATIONS, CONFIGURATION}),
        ("attestations.scan.size() == 0", {ATTESTATIONS, PREDICATES}),
        ("signatures.size() == 0", {ATTESTATIONS, SIGNATURES}),
    ],
)
def test_only_what_is_looked_at_is_fetched(text: str, expected: set[str]) -> None:
    assert reads(spec(rule(text))) == expected


@pytest.mark.parametrize(
    "text",
    [
        "signatures.exists(s, s.format == 'cosign') || image.pinned",
        "image.pinned && signatures.exists(s, attestations.scan.exists(x, true))",
        "signatures.size() >= 2 && size(attestations.scan) > 0 && 1 < signatures.size()",
        "signatures.filter(s, s.log != '').map(s, s.issuer).size() > 1",
        "'x' in signatures.map(s, s.subject)",
        "image.pinned ? signatures.size() > 0 : signatures.size() > 1",
        "['a', 'b'].all(name, signatures.exists(s, s.subject == name))",
        "!image.pinned",
    ],
)
def test_what_looks_for_evidence_needs_no_declaration(text: str) -> None:
    spec(rule(text).replace(", denial: true", ""))


@pytest.mark.parametrize(
    "text",
    [
        "signatures.all(s, s.log != '')",
        "!signatures.exists(s, s.log != '')",
        "signatures.size() == 1",
        "signatures.size() < 2",
        "signatures.exists_one(s, true)",
        "signatures.exists(s, true) == false",
        "(signatures.size() > 1 ? 1 : 2) == 2",
        "signatures.size() > 1 ? false : true",
        "signatures[0].format == 'cosign'",
        "signatures.exists(s, attestations.scan.all(x, true))",
        "signatures.filter(s, signatures.size() < 2).size() > 0",
        "[signatures.size()].exists(n, n < 2)",
    ],
)
def test_what_further_evidence_could_deny_has_to_be_declared(text: str) -> None:
    with pytest.raises(PolicySyntaxError, match="could turn this from true to false"):
        spec(rule(text).replace(", denial: true", ""))


def test_two_expressions_of_one_id_are_refused() -> None:
    twice = "  require: {expressions: [{id: a, rule: 'true'}, {id: a, rule: 'true'}]}\n"
    with pytest.raises(PolicySyntaxError, match="given twice"):
        spec(VERIFY + twice)


@pytest.mark.parametrize("one", ["{id: 'a b', rule: 'true'}", "{rule: 'true'}", "{id: a}", "{id: a, rule: true}"])
def test_an_expression_that_is_not_complete_is_refused(one: str) -> None:
    with pytest.raises(PolicySyntaxError):
        spec(VERIFY + f"  require: {{expressions: [{one}]}}\n")


def test_texts_of_a_policy_never_become_python() -> None:
    text = '\') or __import__("os").system("touch /tmp/owned") or (\''
    compiled = compile_expression(f"image.name == '{text.replace(chr(39), '')}'", facts_schema({}))
    assert compiled.holds(about(), {}) == (False, "")


# --- match ----------------------------------------------------------------------------------------

SIGNED = "  verify: {signatures: {key: one}}\n"


@pytest.mark.parametrize(
    ("match", "request_", "speaks"),
    [
        ("namespaces: [shop]", {}, True),
        ("namespaces: ['sh*']", {}, True),
        ("namespaces: [shops]", {}, False),
        ("namespaces: [shop]", {"namespace": ""}, False),
        ("namespaceSelector: {team: app}", {}, True),
        ("namespaceSelector: {team: app, env: prod}", {}, False),
        ("when: \"request.actor == 'ci'\"", {"actor": "ci"}, True),
        ("when: \"request.actor == 'ci'\"", {}, False),
        ("when: \"image.name.startsWith('registry.corp.example/')\"", {}, True),
        # an error must not take the rules away
        ("when: \"request.namespaceLabels['absent'] == 'x'\"", {}, True),
    ],
)
def test_a_section_speaks_about_some_requests(match: str, request_: dict[str, str], speaks: bool) -> None:
    policy = spec(f"  match: {{{match}}}\n" + SIGNED)
    rule_id = "test/verify.signatures" if speaks else "test/match"
    refused(policy, facts(request=RUN._replace(**request_)), rule_id)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "match", ["when: 'image.labels.size() == 0'", "when: 'request.user == \"\"'", "when: 'signatures.size() == 0'",
              "when: 'true ||'", "namespaces: ['A']", "namespaces: []", "namespaceSelector: {a: 1}"]
)  # fmt: skip
def test_a_match_by_what_is_not_known_yet_is_refused(match: str) -> None:
    with pytest.raises(PolicySyntaxError):
        spec(f"  match: {{{match}}}\n" + SIGNED)
