"""Documents of a namespace: they hold there only, beside the cluster's, and loosen nothing of them."""

import pytest

from policy_facts import HEAD, KEYS, facts, read, signature, verdict
from trustkit.errors import PolicySyntaxError
from trustkit.fips.hashing import digest_of
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import Facts, RequestFacts
from trustkit.model.signature import VerifiedSignature
from trustkit.policy.document import Policy, Section, trusted_keys
from trustkit.policy.evaluate import evaluate
from trustkit.policy.exporting import admission_policy, containers
from trustkit.policy.parse import combine
from trustkit.policy.tenancy import of_namespace

SIGNED = "  verify: {signatures: {key: one}}\n"
BY_TWO = "  verify: {signatures: {key: two}}\n"
ELSEWHERE = "  match: {images: ['other.example/**']}\n"
NO_PRIVILEGE = "  require: {runtime: {denyPrivileged: true}}\n"


def document(body: str, name: str = "test") -> Policy:
    return read(HEAD.replace("name: test", f"name: {name}") + "spec:" + KEYS + body)


def policy(cluster: str, own: str, namespace: str = "team-a") -> Policy:
    """Return the cluster's document `cluster`, and `own` of a namespace."""
    theirs = of_namespace(document(own, "own").sections[0], namespace, digest_of)
    return combine((*document(cluster).sections, theirs), digest_of)


def asked(*accepted: VerifiedSignature, namespace: str = "team-a", privileged: bool = False) -> Facts:
    request = RequestFacts(purpose="run", engine="kubernetes", user="10001", namespace=namespace, privileged=privileged)
    return facts(*accepted, request=request)


def test_both_the_cluster_and_the_namespace_must_admit() -> None:
    found = evaluate(policy(SIGNED, BY_TWO), asked(signature("one"), signature("two")))
    assert (found.verdict, found.policy_name) == (ALLOW, "test+team-a/own")


@pytest.mark.parametrize(
    ("signed", "rule"), [("one", "team-a/own/verify.signatures"), ("two", "test/verify.signatures")]
)
def test_one_of_them_alone_does_not_admit(signed: str, rule: str) -> None:
    assert verdict(policy(SIGNED, BY_TWO), asked(signature(signed))) == (DENY, rule)


@pytest.mark.parametrize("namespace", ["team-b", "team-a-b", "team", ""])
def test_it_is_not_asked_in_another_namespace(namespace: str) -> None:
    found = policy(SIGNED, BY_TWO)
    assert verdict(found, asked(signature("one"), namespace=namespace)) == (ALLOW, "test/verify.signatures")


@pytest.mark.parametrize(
    ("cluster", "rule"),
    [
        (SIGNED + ELSEWHERE, "/match"),
        (NO_PRIVILEGE, "test/verify"),
        ("", "test/rules"),
    ],
    ids=["matches another registry", "demands no signature", "has no rules"],
)
@pytest.mark.parametrize("own", [BY_TWO, "  enforcement: {mode: warn}\n" + BY_TWO, "  enforcement: {mode: audit}\n"])
def test_it_does_not_admit_what_the_clusters_documents_deny(cluster: str, rule: str, own: str) -> None:
    found = policy(cluster, own)
    denied = verdict(found, asked(signature("one"), signature("two")))
    assert denied == (DENY, rule if rule[0] != "/" else f"{found.name}/match")


def test_its_mode_does_not_soften_the_clusters() -> None:
    found = evaluate(policy(SIGNED, "  enforcement: {mode: warn}\n" + BY_TWO), asked())
    assert (found.verdict, found.mode, found.deciding and found.deciding.rule) == (
        DENY, "enforce", "test/verify.signatures",
    )  # fmt: skip


def test_it_enforces_where_the_cluster_only_warns() -> None:
    found = policy("  enforcement: {mode: warn}\n" + SIGNED, BY_TWO)
    assert verdict(found, asked(signature("one"))) == (DENY, "team-a/own/verify.signatures")


def test_it_tightens_what_the_cluster_allows_without_a_document() -> None:
    found = policy(f"  enforcement: {{onNoMatch: allow}}\n{SIGNED}{ELSEWHERE}", NO_PRIVILEGE)
    assert verdict(found, asked())[0] == ALLOW
    assert verdict(found, asked(privileged=True)) == (DENY, "team-a/own/require.runtime.denyPrivileged")


def test_its_exemption_leaves_the_clusters_rule_in_force() -> None:
    exempt = """
  exceptions:
    exemptions:
      - {id: x, images: [registry.corp.example/**], skip: [verify.signatures], reason: r, approvedBy: [a],
         expires: 2026-12-24T00:00:00Z}
"""
    found = evaluate(policy(SIGNED, SIGNED + exempt), asked())
    assert [one.verdict for one in found.findings] == [DENY, ALLOW]
    assert found.verdict == DENY


@pytest.mark.parametrize(
    ("own", "why"),
    [
        ("  match: {namespaces: [team-b]}\n" + BY_TWO, "speaks about team-a only"),
        ("  match: {namespaces: [team-a, team-b]}\n" + BY_TWO, "speaks about team-a only"),
        ("  match: {namespaces: ['team-*']}\n" + BY_TWO, "speaks about team-a only"),
        ("  enforcement: {onNoMatch: allow}\n" + BY_TWO, "cluster's to allow"),
        ("  enforcement: {onNoMatch: warn}\n" + BY_TWO, "cluster's to allow"),
        ("  enforcement: {onError: warn, acknowledgeFailOpen: me}\n" + BY_TWO, "cluster's to let through"),
        ("  enforcement: {onError: allow, acknowledgeFailOpen: me}\n" + BY_TWO, "cluster's to let through"),
    ],
)
def test_what_reaches_beyond_its_namespace_is_refused(own: str, why: str) -> None:
    with pytest.raises(PolicySyntaxError, match=why):
        policy(SIGNED, own)


def test_it_revokes_no_key_of_others() -> None:
    revoked = "spec: {trust: {keys: {one: {pem: one.pub, revoked: {at: 2026-01-01T00:00:00Z, reason: lost}}}}}\n"
    with pytest.raises(PolicySyntaxError, match="lost for every namespace or for none"):
        of_namespace(read(HEAD + revoked).sections[0], "team-a", digest_of)


def test_it_pins_no_root_of_content_trust() -> None:
    pinned = "spec: {trust: {contentTrust: {dct: {firstUse: true}}}}\n"
    with pytest.raises(PolicySyntaxError, match="believed in every namespace"):
        of_namespace(read(HEAD + pinned).sections[0], "team-a", digest_of)


STORES = "{ca: {pem: d, crl: e}, sa: {pem: f, kind: signingAuthority}}"
ROOTS = f"{{sigstore: {{s: a}}, tsa: {{t: b}}, openpgp: {{o: c}}, x509: {STORES}}}"
SILENT = ", transparency: {required: false}"


def with_roots(roots: str, more: str = "") -> Section:
    return read(HEAD + f"spec: {{trust: {{roots: {roots}{more}}}}}\n").sections[0]


def test_it_names_the_clusters_roots_as_the_cluster_does() -> None:
    known = with_roots(ROOTS).roots
    assert len(known) == 6
    assert of_namespace(with_roots(ROOTS), "team-a", digest_of, known).roots == known


@pytest.mark.parametrize(
    "roots",
    [
        "{sigstore: {mine: a}}",
        "{sigstore: {s: other}}",
        "{sigstore: a}",
        "{tsa: {mine: b}}",
        "{tsa: {t: other}}",
        "{openpgp: {mine: c}}",
        "{openpgp: {o: other}}",
        "{x509: {mine: {pem: d}}}",
        "{x509: {a: d}}",
        "{x509: {ca: {pem: other, crl: e}}}",
        "{x509: {ca: {pem: d, crl: older}}}",
        "{x509: {sa: {pem: f, kind: signingAuthority, crl: e}}}",
        "{x509: {ca: {pem: d, crl: e, revocation: permissive}}}",
        "{x509: {ca: {pem: d, kind: signingAuthority}}}",
        "{x509: {sa: f}}",
    ],
)
def test_a_root_that_is_not_the_clusters_is_refused(roots: str) -> None:
    known = with_roots(ROOTS).roots
    with pytest.raises(PolicySyntaxError, match="would be believed in every namespace") as refused:
        of_namespace(with_roots(roots), "team-a", digest_of, known)
    assert "ask who keeps the cluster's policy" in refused.value.next_step


def test_it_does_not_let_certificates_of_a_root_go_without_a_log() -> None:
    with pytest.raises(PolicySyntaxError, match="transparency"):
        of_namespace(with_roots(ROOTS, SILENT), "team-a", digest_of, with_roots(ROOTS).roots)


def test_without_a_cluster_it_names_no_root() -> None:
    with pytest.raises(PolicySyntaxError, match="would be believed in every namespace"):
        of_namespace(with_roots(ROOTS), "team-a", digest_of)


ANNOTATED = """  verify: {signatures: {key: one}}
  require: {expressions: [{id: a, rule: "signatures.exists(s, s.annotations.env == 'prod')"}]}
"""
OWN_KEY = """
  trust: {keys: {mine: {pem: mine.pub}}}
  verify: {signatures: {key: mine}}
"""
PROD = (("env", "prod"),)


def with_tenant(cluster: str, own: str) -> Policy:
    theirs = of_namespace(
        read(HEAD.replace("name: test", "name: own") + "spec:" + own).sections[0], "team-a", digest_of
    )
    return combine((*read(HEAD + "spec:" + cluster).sections, theirs), digest_of)


@pytest.mark.parametrize("namespace", ["team-a", "team-b", ""])
def test_what_its_own_key_signed_satisfies_no_expression_of_the_clusters(namespace: str) -> None:
    found = with_tenant(KEYS + ANNOTATED, OWN_KEY)
    signed = signature("one"), signature("mine", annotations=PROD)
    assert verdict(found, asked(*signed, namespace=namespace)) == (DENY, "test/require.expressions.a")
    assert verdict(found, asked(*signed, signature("two", annotations=PROD), namespace=namespace))[0] == ALLOW


def test_what_its_own_key_signed_satisfies_expressions_of_its_own() -> None:
    found = with_tenant(KEYS + SIGNED, OWN_KEY + ANNOTATED.partition("\n")[2])
    signed = signature("one"), signature("mine", annotations=PROD)
    assert verdict(found, asked(*signed))[0] == ALLOW
    assert verdict(found, asked(signature("one"), signature("mine"))) == (DENY, "team-a/own/require.expressions.a")


@pytest.mark.parametrize(
    "bound", ["notAfter: 2026-01-01T00:00:00Z", "notBefore: 2027-01-01T00:00:00Z", "algorithms: [ed25519]"]
)
def test_it_does_not_bring_a_key_of_the_clusters_back_into_force(bound: str) -> None:
    cluster = f"\n  trust: {{keys: {{one: {{pem: one.pub}}, mine: {{pem: mine.pub, {bound}}}}}}}\n{ANNOTATED}"
    signed = signature("one"), signature("mine", annotations=PROD)
    assert verdict(with_tenant(cluster, OWN_KEY), asked(*signed)) == (DENY, "test/require.expressions.a")


def test_its_names_do_not_name_the_clusters_keys() -> None:
    keys = "{mine: {pem: one.pub}, one: {pem: two.pub}, two: {pem: mine.pub}}"
    cluster = "\n  trust: {keys: {one: {pem: one.pub}, two: {pem: two.pub}}}\n" + SIGNED
    found = with_tenant(cluster, f"\n  trust: {{keys: {keys}}}\n{SIGNED}")
    for policy in (found, found._replace(sections=found.sections[::-1])):
        named = {key.name: key.pem for key in trusted_keys(policy)}
        assert named == {"one": b"one.pub", "two": b"two.pub", "team-a/own/two": b"mine.pub"}


def test_the_digest_tells_which_namespace_a_document_is_of() -> None:
    assert policy(SIGNED, BY_TWO).digest != policy(SIGNED, BY_TWO, "team-b").digest


def test_two_namespaces_may_use_one_name() -> None:
    one, other = (of_namespace(document(BY_TWO).sections[0], name, digest_of) for name in ("team-a", "team-b"))
    found = combine((*document(SIGNED).sections, one, other), digest_of)
    assert [section.name for section in found.sections] == ["team-a/test", "team-b/test", "test"]


def test_podmans_policy_does_not_accept_what_a_namespace_names() -> None:
    own = of_namespace(document(BY_TWO + ELSEWHERE, "own").sections[0], "team-a", digest_of)
    cluster = document(SIGNED + "  match: {images: ['registry.corp.example/**']}\n")
    found = containers.export(combine((*cluster.sections, own), digest_of))
    assert list(found.document["transports"]["docker"]) == ["registry.corp.example"]
    assert any("team-a/own" in text for text in found.left_out)


def test_kubernetes_own_policies_bind_it_to_its_namespace() -> None:
    found = admission_policy.export(policy(SIGNED + NO_PRIVILEGE, NO_PRIVILEGE))
    bound = [item for item in found.document["items"] if item["metadata"]["name"] == "trustkit.team-a.own"][-1]
    values = bound["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"][0]["values"]
    assert values == ["team-a"]
