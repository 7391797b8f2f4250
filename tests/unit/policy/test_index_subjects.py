"""`verify.subjects.index`: which manifests of an index must be signed and attested."""

import pytest

from policy_facts import IMAGE, SLSA, attestation, facts, refused, said, signature, spec, verdict
from predicate_samples import BUILT
from trustkit.fips.hashing import digest_of
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import Child, Facts, RequestFacts
from trustkit.model.image import Platform
from trustkit.model.signature import VerifiedSignature
from trustkit.policy.document import Policy
from trustkit.policy.lint import lint

AMD, ARM, BUILDKIT = (digest_of(name.encode()) for name in ("amd64", "arm64", "attestations"))
CHILDREN = (
    Child(AMD, Platform("linux", "amd64")),
    Child(ARM, Platform("linux", "arm64")),
    Child(BUILDKIT, Platform("unknown", "unknown")),
)
SIGNED = "  verify: {{subjects: {{index: {}}}, signatures: {{key: one}}}}\n"
RULE = "test/verify.signatures"


def policy(subjects: str) -> Policy:
    return spec(SIGNED.format(subjects))


def index(*accepted: VerifiedSignature, engine: str = "trustkit", children: tuple[Child, ...] = CHILDREN) -> Facts:
    found = facts(*accepted, request=RequestFacts(purpose="run", engine=engine, user="10001"))
    return found._replace(image=found.image._replace(children=children, manifest_digest=AMD))


def by_one(*subjects: object) -> tuple[VerifiedSignature, ...]:
    return tuple(signature("one", subject=subject) for subject in subjects)


def test_every_manifest_of_the_index_is_covered() -> None:
    assert verdict(policy("allReferenced"), index(*by_one(IMAGE, AMD, ARM))) == (ALLOW, RULE)


@pytest.mark.parametrize("signed", [(), (IMAGE,), (AMD, ARM), (IMAGE, AMD), (IMAGE, ARM)])
def test_one_manifest_that_is_not_covered_is_denied(signed: tuple[object, ...]) -> None:
    assert verdict(policy("allReferenced"), index(*by_one(*signed))) == (DENY, RULE)


def test_the_denial_names_the_platform_and_how_to_sign_it() -> None:
    about = index(*by_one(IMAGE, AMD))
    assert refused(policy("allReferenced"), about, RULE).startswith("linux/arm64: requires a signature by one")


def test_another_signer_of_one_manifest_does_not_cover_it() -> None:
    about = index(*by_one(IMAGE, AMD), signature("two", subject=ARM))
    assert verdict(policy("allReferenced"), about) == (DENY, RULE)


@pytest.mark.parametrize(
    ("signed", "expected"), [((AMD,), ALLOW), ((IMAGE,), DENY), ((ARM,), DENY), ((IMAGE, ARM), DENY), ((), DENY)]
)
def test_the_manifest_that_would_run_is_covered(signed: tuple[object, ...], expected: str) -> None:
    assert verdict(policy("platform"), index(*by_one(*signed))) == (expected, RULE)


@pytest.mark.parametrize(("signed", "expected"), [((AMD, ARM), ALLOW), ((AMD,), DENY), ((ARM,), DENY)])
def test_in_kubernetes_every_manifest_could_run(signed: tuple[object, ...], expected: str) -> None:
    assert verdict(policy("platform"), index(*by_one(*signed), engine="kubernetes")) == (expected, RULE)


@pytest.mark.parametrize(("signed", "expected"), [((IMAGE,), ALLOW), ((AMD, ARM), DENY)])
def test_index_only_looks_at_the_index_alone(signed: tuple[object, ...], expected: str) -> None:
    assert verdict(policy("indexOnly"), index(*by_one(*signed))) == (expected, RULE)


@pytest.mark.parametrize("subjects", ["allReferenced", "platform"])
def test_a_lone_manifest_is_all_there_is(subjects: str) -> None:
    assert verdict(policy(subjects), facts(signature("one"))) == (ALLOW, RULE)
    assert verdict(policy(subjects), facts()) == (DENY, RULE)


@pytest.mark.parametrize("subjects", ["allReferenced", "platform"])
def test_an_index_inside_the_index_is_denied(subjects: str) -> None:
    children = (*CHILDREN, Child(digest_of(b"x"), Platform("any", "platform"), nested=True))
    about = index(*by_one(IMAGE, AMD, ARM, children[-1].digest), children=children)
    assert "an index inside the index" in refused(policy(subjects), about, RULE)


def test_a_manifest_without_a_platform_could_run() -> None:
    untold = Child(digest_of(b"x"), Platform("any", "platform"))
    about = index(*by_one(IMAGE, AMD, ARM), children=(*CHILDREN, untold))
    assert verdict(policy("allReferenced"), about) == (DENY, RULE)


def test_attestations_are_demanded_of_every_manifest_too() -> None:
    found = spec(
        f"  verify: {{subjects: {{index: allReferenced}}, attestations: {{p: {{type: '{SLSA}', by: {{key: one}}}}}}}}\n"
    )
    every = tuple(attestation("one", subject=digest) for digest in (IMAGE, AMD, ARM))
    assert verdict(found, index(*every))[0] == ALLOW
    assert verdict(found, index(*every[:2])) == (DENY, "test/verify.attestations.p")


def test_what_provenance_says_is_looked_at_for_the_manifest_that_would_run() -> None:
    stated = f"attestations: {{provenance: {{type: '{SLSA}', by: {{key: one}}}}}}"
    found = spec(
        f"  verify: {{subjects: {{index: platform}}, {stated}}}\n"
        f"  require: {{provenance: {{builders: ['{BUILT['runDetails']['builder']['id']}']}}}}\n"
    )
    about = said("one", SLSA, BUILT)
    assert verdict(found, index(about._replace(subject=AMD)))[0] == ALLOW
    assert verdict(found, index(about)) == (DENY, "test/verify.attestations.provenance")


def test_an_expression_over_signatures_holds_for_every_manifest() -> None:
    body = "  require: {expressions: [{id: a, rule: 'signatures.size() > 1'}]}\n"
    found = spec(SIGNED.format("allReferenced") + body)
    twice = [signature(key, subject=digest) for key in ("one", "two") for digest in (IMAGE, AMD)]
    assert verdict(found, index(*twice, *by_one(ARM))) == (DENY, "test/require.expressions.a")


def test_lint_sees_the_rule_inside() -> None:
    ended = "  trust: {keys: {one: {pem: one.pub, notAfter: 2020-01-01T00:00:00Z}}}\n"
    found = lint(spec(ended + SIGNED.format("allReferenced"), keys=False), facts().now)
    assert [one.code for one in found if one.level == "error"] == ["never-allows"]
