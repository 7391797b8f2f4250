"""Other tools' policies: each is translated, loaded, and asked what it admits; what cannot be said denies."""

import base64
import json
from datetime import UTC, datetime

import pytest

from policy_facts import facts, signature
from trustkit.errors import TrustkitError
from trustkit.fips.hashing import digest_of
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import Facts, RequestFacts
from trustkit.model.signature import ATTESTATION, SignerIdentity, Statement, VerifiedSignature
from trustkit.policy.document import Policy
from trustkit.policy.evaluate import evaluate
from trustkit.policy.importing.convert import convert, to_yaml
from trustkit.policy.importing.draft import Imported
from trustkit.policy.parse import parse

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PEM = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
OTHER = PEM.replace("AAAA", "BBBB")
BLOCK = json.dumps(PEM)
GITHUB = "https://token.actions.githubusercontent.com"


def imported(text: str) -> tuple[Imported, Policy]:
    found = convert(text.encode(), "x", NOW)
    written = to_yaml(found, "x")
    return found, parse(
        written.encode(), file="x", load_key=str.encode, digest=digest_of, fingerprint=lambda pem: digest_of(pem).hex
    )


def by_key(policy: Policy, pem: str, **changes: object) -> VerifiedSignature:
    """Return a signature by a key as verification reports it: under the name the policy gives it."""
    names = {key.fingerprint: key.name for section in policy.sections for key in section.keys}
    print_ = digest_of(pem.encode()).hex
    return signature("one")._replace(signer=SignerIdentity(print_, names.get(print_, "stranger")), **changes)  # type: ignore[arg-type]


def by_identity(subject: str, issuer: str = GITHUB) -> VerifiedSignature:
    return signature("one")._replace(signer=SignerIdentity("f", "sigstore:sigstore", subject, issuer), log="rekor:1")


def about(reference: str, *items: VerifiedSignature) -> Facts:
    return facts(*items, reference=reference, request=RequestFacts(purpose="run", engine="podman", user="1"), now=NOW)


def says(policy: Policy, reference: str, *items: VerifiedSignature) -> str:
    return evaluate(policy, about(reference, *items)).verdict


# --- containers policy.json -----------------------------------------------------------------------

REPOSITORY = {"type": "matchRepository"}


def containers(default: object, **docker: object) -> str:
    scopes = {scope.replace("__", "/"): value for scope, value in docker.items()}
    return json.dumps({"default": default, "transports": {"docker": scopes}})


REJECT = [{"type": "reject"}]
ANYTHING = [{"type": "insecureAcceptAnything"}]
KEYED = {"type": "sigstoreSigned", "keyData": base64.b64encode(PEM.encode()).decode(), "signedIdentity": REPOSITORY}


def test_a_rejecting_default_rejects() -> None:
    found, policy = imported(containers(REJECT))
    assert not found.untranslated
    assert says(policy, "r.example/app", by_key(policy, PEM)) == DENY


def test_a_scope_by_key_admits_what_the_key_signed_for_that_repository() -> None:
    found, policy = imported(json.dumps({"default": REJECT, "transports": {"docker": {"r.example/team": [KEYED]}}}))
    assert (found.untranslated, found.notes) == ((), ())
    good = by_key(policy, PEM, claimed_name="r.example/team/app:1")
    assert says(policy, "r.example/team/app", good) == ALLOW
    assert says(policy, "r.example/team/app", by_key(policy, PEM, claimed_name="r.example/other")) == DENY
    assert says(policy, "r.example/team/app", by_key(policy, PEM)) == DENY
    assert says(policy, "r.example/team/app", by_key(policy, OTHER, claimed_name="r.example/team/app")) == DENY
    assert says(policy, "r.example/team/app") == DENY
    assert says(policy, "r.example/teams/app", good._replace(claimed_name="r.example/teams/app")) == DENY


@pytest.mark.parametrize(
    ("identity", "reference", "claimed", "expected"),
    [
        ("matchRepoDigestOrExact", "r.example/app:1", "r.example/app:1", ALLOW),
        ("matchRepoDigestOrExact", "r.example/app:1", "r.example/app:2", DENY),
        ("matchRepoDigestOrExact", "r.example/app:1", "r.example/app", DENY),
        ("matchRepoDigestOrExact", f"r.example/app@sha256:{'11' * 32}", "r.example/app:2", ALLOW),
        ("matchExact", f"r.example/app@sha256:{'11' * 32}", "r.example/app:2", DENY),
        ("matchExact", "r.example/app:1", "r.example/app:1", ALLOW),
    ],
)
def test_the_signed_identity_of_a_key_is_kept(identity: str, reference: str, claimed: str, expected: str) -> None:
    requirement = {**KEYED, "signedIdentity": {"type": identity}}
    _, policy = imported(json.dumps({"default": REJECT, "transports": {"docker": {"r.example": [requirement]}}}))
    assert says(policy, reference, by_key(policy, PEM, claimed_name=claimed)) == expected


def test_the_most_specific_scope_alone_decides() -> None:
    text = json.dumps(
        {
            "default": REJECT,
            "transports": {"docker": {"r.example": [KEYED], "r.example/open": ANYTHING, "*.example": REJECT}},
        }
    )
    found, policy = imported(text)
    assert says(policy, "r.example/open/app") == ALLOW
    assert says(policy, "r.example/app") == DENY
    assert says(policy, "r.example/app", by_key(policy, PEM, claimed_name="r.example/app")) == ALLOW
    assert says(policy, "q.example/app", by_key(policy, PEM, claimed_name="q.example/app")) == DENY
    assert any("becomes a warning until 2027-02-22" in note for note in found.notes)


def test_accepting_anything_ends() -> None:
    _, policy = imported(containers(ANYTHING))
    later = about("r.example/app")._replace(now=datetime(2027, 3, 1, tzinfo=UTC))
    assert evaluate(policy, about("r.example/app")).verdict == ALLOW
    assert evaluate(policy, later).verdict == DENY


def test_several_requirements_must_all_hold() -> None:
    second = {**KEYED, "keyData": base64.b64encode(OTHER.encode()).decode()}
    _, policy = imported(json.dumps({"default": [KEYED, second]}))
    one, two = (by_key(policy, pem, claimed_name="r.example/app") for pem in (PEM, OTHER))
    assert says(policy, "r.example/app", one) == DENY
    assert says(policy, "r.example/app", one, two._replace(evidence=digest_of(b"2"))) == ALLOW


def test_gpg_keys_keep_their_identity_and_their_ring() -> None:
    ring = base64.b64encode(b"ring").decode()
    requirement = {"type": "signedBy", "keyType": "GPGKeys", "keyData": ring, "signedIdentity": {"type": "matchExact"}}
    found, policy = imported(json.dumps({"default": [requirement]}))
    assert list(found.files.values()) == [b"ring"]
    root = policy.sections[0].roots[0].name
    item = signature("one")._replace(signer=SignerIdentity("ab", f"openpgp:{root}"), claimed_name="r.example/app:1")
    assert says(policy, "r.example/app:1", item) == ALLOW
    assert says(policy, "r.example/app:2", item) == DENY
    assert says(policy, "r.example/app:1", by_key(policy, PEM)) == DENY


@pytest.mark.parametrize(
    ("requirement", "what"),
    [
        ({"type": "signedBy", "keyType": "X509Certificates", "keyPath": "a"}, "keyType X509Certificates"),
        ({"type": "signedBy", "keyType": "GPGKeys", "keyPath": "a", "keyData": "YQ=="}, "other members"),
        ({"type": "signedBaseLayer"}, "requirement signedBaseLayer"),
        ({**KEYED, "rekorPublicKeyPath": "r.pub"}, "rekorPublicKeyPath"),
        ({"type": "sigstoreSigned", "fulcio": {"caPath": "a"}}, "fulcio"),
        ({**KEYED, "signedIdentity": {"type": "remapIdentity", "prefix": "a", "signedPrefix": "b"}}, "signedIdentity"),
    ],
)
def test_a_requirement_that_cannot_be_said_denies(requirement: object, what: str) -> None:
    found, policy = imported(json.dumps({"default": [requirement]}))
    assert any(what in one for one in found.untranslated)
    assert says(policy, "r.example/app", by_key(policy, PEM, claimed_name="r.example/app")) == DENY


def test_a_scope_with_a_tag_denies_its_repository() -> None:
    found, policy = imported(json.dumps({"default": [KEYED], "transports": {"docker": {"r.example/app:1": ANYTHING}}}))
    assert found.untranslated
    assert says(policy, "r.example/app:1") == DENY
    assert says(policy, "r.example/app:2", by_key(policy, PEM, claimed_name="r.example/app:2")) == DENY


@pytest.mark.parametrize(
    "text",
    [
        "{}", '{"default": []}', '{"default": [{}]}', '{"default": [{"type": 1}]}', '{"defaults": []}', "[]", "{", "",
        '{"default": [{"type": "reject"}], "default": [{"type": "insecureAcceptAnything"}]}',
        '{"default": [{"type": "sigstoreSigned", "keyData": "!"}]}', "just: text", "- a",
        '{"version": "1.0", "trustPolicies": []}',
    ],
)  # fmt: skip
def test_what_is_no_policy_of_anybody_is_refused(text: str) -> None:
    with pytest.raises(TrustkitError):
        imported(text)


# --- notation -------------------------------------------------------------------------------------


def notation(**changes: object) -> dict[str, object]:
    return {
        "name": "wabbit",
        "registryScopes": ["r.example/app"],
        "signatureVerification": {"level": "strict"},
        "trustStores": ["ca:acme"],
        "trustedIdentities": ["x509.subject: C=US, ST=WA, O=acme"],
        **changes,
    }


def trust_policy(*policies: dict[str, object]) -> tuple[Imported, Policy]:
    return imported(json.dumps({"version": "1.0", "trustPolicies": list(policies)}))


def by_certificate(subject: str = "CN=x,O=acme,ST=WA,C=US", store: str = "ca/acme") -> VerifiedSignature:
    return signature("one")._replace(signer=SignerIdentity("f", f"x509:{store}", subject, "i"))


def test_a_notation_policy_admits_its_subjects_from_its_store() -> None:
    found, policy = trust_policy(notation())
    assert not found.untranslated
    assert says(policy, "r.example/app", by_certificate()) == ALLOW
    assert says(policy, "r.example/app", by_certificate("O=evil,ST=WA,C=US")) == DENY
    assert says(policy, "r.example/app", by_certificate(store="ca/other")) == DENY
    assert says(policy, "r.example/app", by_certificate(store="signingAuthority/acme")) == DENY
    assert says(policy, "r.example/app/sub", by_certificate()) == DENY


def test_the_scope_of_everything_leaves_out_named_scopes() -> None:
    skip = notation(name="rest", registryScopes=["*"], signatureVerification={"level": "skip"}, trustStores=[])
    _, policy = trust_policy(notation(), skip)
    assert says(policy, "q.example/app") == ALLOW
    assert says(policy, "r.example/app") == DENY


def test_audit_reports_and_permissive_stays_so_for_unknown_revocation_only() -> None:
    assert says(trust_policy(notation(signatureVerification={"level": "audit"}))[1], "r.example/app") == ALLOW
    found, policy = trust_policy(notation(signatureVerification={"level": "permissive"}))
    assert says(policy, "r.example/app") == DENY
    assert any("authenticTimestamp, expiry deny" in note for note in found.notes)
    assert found.documents[0]["spec"]["trust"]["roots"]["x509"]["acme"]["revocation"] == "permissive"  # type: ignore[index]


@pytest.mark.parametrize(("action", "expected"), [("log", True), ("skip", True), ("enforce", False)])
def test_an_override_of_revocation_is_as_loose_as_we_can_say(action: str, expected: bool) -> None:
    verification = {"level": "strict", "override": {"revocation": action}}
    found, _ = trust_policy(notation(signatureVerification=verification))
    root = found.documents[0]["spec"]["trust"]["roots"]["x509"]["acme"]  # type: ignore[index]
    assert ("revocation" in root) == expected
    assert bool(found.notes) >= expected


@pytest.mark.parametrize(
    "changes",
    [
        {"trustStores": ["tuf:acme"]},
        {"trustedIdentities": ["did:example"]},
        {"signatureVerification": {"level": "relaxed"}},
        {"plugin": {"a": 1}},
    ],
)
def test_a_part_of_notation_that_cannot_be_said_denies(changes: dict[str, object]) -> None:
    found, policy = trust_policy(notation(**changes))
    assert found.untranslated
    assert says(policy, "r.example/app", by_certificate()) == DENY


# --- ClusterImagePolicy ---------------------------------------------------------------------------

CIP = """
apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {name: signed}
spec:
  images: [{glob: 'r.example/team/**'}]
  authorities:
    - name: release
      key: {data: KEY}
    - keyless:
        url: https://fulcio.sigstore.dev
        identities: [{issuer: ISSUER, subjectRegExp: 'https://github.com/corp/.*'}]
""".replace("KEY", BLOCK).replace("ISSUER", GITHUB)


def test_the_authorities_of_a_cluster_image_policy_are_alternatives() -> None:
    found, policy = imported(CIP)
    assert not found.untranslated
    assert says(policy, "r.example/team/app", by_key(policy, PEM)) == ALLOW
    assert says(policy, "r.example/team/app", by_identity("https://github.com/corp/app")) == ALLOW
    # expressions of policy-controller match anywhere
    assert says(policy, "r.example/team/app", by_identity("xhttps://github.com/corp/app")) == ALLOW
    assert says(policy, "r.example/team/app", by_identity("https://github.com/evil/app")) == DENY
    assert says(policy, "r.example/team/app", by_identity("https://github.com/corp/app", "https://evil")) == DENY
    assert says(policy, "r.example/team/app", by_key(policy, OTHER)) == DENY
    assert says(policy, "r.example/other", by_key(policy, PEM)) == DENY


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("authorities:", "mode: warn\n  authorities:", ALLOW),
        ("authorities:", "authorities:\n    - static: {action: pass}", ALLOW),
        ("authorities:", "authorities:\n    - static: {action: fail}", DENY),
    ],
)
def test_modes_and_static_authorities(before: str, after: str, expected: str) -> None:
    _, policy = imported(CIP.replace(before, after))
    assert says(policy, "r.example/team/app") == expected


def test_an_anchored_expression_stays_anchored() -> None:
    _, policy = imported(CIP.replace("'https://github.com/corp/.*'", "^https://github.com/corp/app$"))
    assert says(policy, "r.example/team/app", by_identity("https://github.com/corp/app")) == ALLOW
    assert says(policy, "r.example/team/app", by_identity("https://github.com/corp/app2")) == DENY


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("glob: 'r.example/team/**'", "glob: 'r.example/team/app:v1'"),
        ("glob: 'r.example/team/**'", "glob: 'r.example/te?m/**'"),
        ("authorities:", "policy: {type: cue, data: 'x'}\n  authorities:"),
        (f"data: {BLOCK}", "secretRef: {name: a}"),
        (f"data: {BLOCK}", "kms: k8s://a/b"),
        ("https://fulcio.sigstore.dev", "https://fulcio.corp.example"),
        ("name: release", "name: release\n      ctlog: {url: https://rekor.sigstore.dev}"),
        ("name: release", "name: release\n      rfc3161timestamp: {trustRootRef: a}"),
        ("name: release", "name: release\n      source: [{oci: r.example/sigs}]"),
        ("issuer: " + GITHUB + ", ", ""),
        ("subjectRegExp: 'https://github.com/corp/.*'", "subjectRegExp: 'a(?=b)'"),
        ("name: release", "name: release\n      attestations: [{name: a, predicateType: vuln}]"),
    ],
)
def test_a_part_of_a_cluster_image_policy_that_cannot_be_said_denies(before: str, after: str) -> None:
    found, policy = imported(CIP.replace(before, after))
    assert found.untranslated
    assert says(policy, "r.example/team/app", by_key(policy, PEM), by_identity("https://github.com/corp/app")) == DENY


def test_attestations_of_one_authority_are_asked_for_by_type() -> None:
    text = CIP.partition("    - keyless")[0] + "      attestations: [{name: a, predicateType: slsaprovenance1}]\n"
    found, policy = imported(text)
    assert not found.untranslated
    item = by_key(policy, PEM)._replace(kind=ATTESTATION, statement=Statement("https://slsa.dev/provenance/v1", b"{}"))
    assert says(policy, "r.example/team/app", item) == ALLOW
    other = item._replace(statement=Statement("https://slsa.dev/provenance/v0.2", b"{}"))
    assert says(policy, "r.example/team/app", other) == DENY
    assert says(policy, "r.example/team/app", by_key(policy, PEM)) == DENY


# --- Kyverno --------------------------------------------------------------------------------------

KYVERNO = """
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: check}
spec:
  validationFailureAction: Enforce
  rules:
    - name: signed
      match: {any: [{resources: {kinds: [Pod]}}]}
      verifyImages:
        - imageReferences: ['r.example/team/*']
          skipImageReferences: ['r.example/team/tool*']
          attestors:
            - count: 1
              entries:
                - keys: {publicKeys: KEY, rekor: {ignoreTlog: true}}
                - keyless: {issuer: ISSUER, subject: 'https://github.com/corp/*'}
""".replace("KEY", BLOCK).replace("ISSUER", GITHUB)


def test_kyvernos_attestors_count() -> None:
    found, policy = imported(KYVERNO)
    assert not found.untranslated
    both = (by_key(policy, PEM), by_identity("https://github.com/corp/a")._replace(evidence=digest_of(b"2")))
    for one in both:
        assert says(policy, "r.example/team/deep/app", one) == ALLOW
    assert says(policy, "r.example/team/app", by_identity("https://github.com/evil/a")) == DENY
    _, every = imported(KYVERNO.replace("- count: 1\n              entries", "- entries"))
    assert says(every, "r.example/team/app", both[0]) == DENY
    assert says(every, "r.example/team/app", *both) == ALLOW


def test_what_kyverno_skips_is_not_spoken_about() -> None:
    _, policy = imported(KYVERNO)
    decision = evaluate(policy, about("r.example/team/tool2"))
    assert (decision.verdict, decision.deciding and decision.deciding.rule) == (DENY, f"{policy.name}/match")


def test_kyverno_keys_are_looked_for_in_the_log_unless_it_says_otherwise() -> None:
    _, policy = imported(KYVERNO.replace(", rekor: {ignoreTlog: true}", ""))
    assert says(policy, "r.example/team/app", by_key(policy, PEM)) == DENY
    assert says(policy, "r.example/team/app", by_key(policy, PEM, log="rekor:1")) == ALLOW


def test_kyvernos_audit_reports() -> None:
    assert says(imported(KYVERNO.replace("Enforce", "Audit"))[1], "r.example/team/app") == ALLOW


def test_sets_of_attestors_must_all_be_satisfied() -> None:
    more = (
        KYVERNO
        + f"            - entries: [{{keys: {{publicKeys: {json.dumps(OTHER)}, rekor: {{ignoreTlog: true}}}}}}]\n"
    )
    _, policy = imported(more)
    assert says(policy, "r.example/team/app", by_key(policy, PEM)) == DENY
    second = by_key(policy, OTHER)._replace(evidence=digest_of(b"2"))
    assert says(policy, "r.example/team/app", by_key(policy, PEM), second) == ALLOW


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("'r.example/team/*'", "'r.example/team/app:v1'"),
        ("'r.example/team/*'", "'{{ request.object.x }}'"),
        ("'r.example/team/tool*'", "'r.example/team/tool:v1'"),
        (BLOCK, "k8s://ns/name"),
        (BLOCK, json.dumps(PEM + OTHER)),
        ("ignoreTlog: true", "ignoreTlog: true, url: 'https://rekor.corp.example'"),
        ("- keys:", "- attestor: {name: x}\n                  keys:"),
        ("- keys:", "- annotations: {a: b}\n                  keys:"),
        ("- count: 1", "- count: 3"),
        ("- count: 1", "- count: many"),
        ("attestors:", "repository: r.example/sigs\n          attestors:"),
        ("attestors:", "type: Notary\n          attestors:"),
        ("attestors:", "imageRegistryCredentials: {allowInsecureRegistry: true}\n          attestors:"),
        ("      match:", "      context: [{name: a, configMap: {name: b}}]\n      match:"),
        ("subject: 'https://github.com/corp/*'", "roots: pem"),
        (
            "attestors:",
            "attestations: [{type: t, conditions: [{all: []}], attestors: [{entries: []}]}]\n          attestors:",
        ),
    ],
)
def test_a_part_of_kyverno_that_cannot_be_said_denies(before: str, after: str) -> None:
    found, policy = imported(KYVERNO.replace(before, after, 1))
    assert found.untranslated
    items = (by_key(policy, PEM), by_identity("https://github.com/corp/a")._replace(evidence=digest_of(b"2")))
    assert says(policy, "r.example/team/app", *items) == DENY


IVPOL = """
apiVersion: policies.kyverno.io/v1
kind: ImageValidatingPolicy
metadata: {name: check}
spec:
  validationActions: [Deny]
  matchImageReferences: [{glob: 'r.example/*'}]
  attestors:
    - name: one
      cosign: {key: {data: KEY}, ctlog: {insecureIgnoreTlog: true}}
    - name: two
      cosign: {keyless: {identities: [{issuer: ISSUER, subject: me}]}}
  validations:
    - expression: >-
        images.containers.map(image, verifyImageSignatures(image, [attestors.one, attestors.two])).all(e, e > 0)
      message: not signed
""".replace("KEY", BLOCK).replace("ISSUER", GITHUB)


def test_an_image_validating_policy_of_the_usual_shape() -> None:
    found, policy = imported(IVPOL)
    assert not found.untranslated
    assert says(policy, "r.example/app", by_key(policy, PEM)) == ALLOW
    assert says(policy, "r.example/app", by_identity("me")) == ALLOW
    assert says(policy, "r.example/app", by_key(policy, OTHER)) == DENY


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("e > 0", "e > 1"),
        ("attestors.two]", "attestors.three]"),
        (".all(e, e > 0)", ".all(e, e > 0) || true"),
        ("verifyImageSignatures", "verifyAttestationSignatures"),
        ("images.containers", "images.sidecars"),
        ("{glob: 'r.example/*'}", "{expression: 'true'}"),
        ("insecureIgnoreTlog: true", "url: 'https://rekor.corp.example'"),
        ("spec:", "spec:\n  variables: [{name: a, expression: 'http.Get(\"x\")'}]"),
    ],
)
def test_an_image_validating_policy_of_another_shape_denies(before: str, after: str) -> None:
    found, policy = imported(IVPOL.replace(before, after, 1))
    assert found.untranslated
    assert says(policy, "r.example/app", by_key(policy, PEM), by_identity("me")) == DENY


def stated(*items: VerifiedSignature) -> tuple[VerifiedSignature, ...]:
    """Return attestations of one type by whoever signed these."""
    return tuple(
        one._replace(kind=ATTESTATION, statement=Statement("https://slsa.dev/provenance/v1", b"{}")) for one in items
    )


ATTESTED = IVPOL.replace(
    "  validations:",
    """  attestations:
    - name: provenance
      intoto: {type: 'https://slsa.dev/provenance/v1'}
    - name: bill
      referrer: {type: sbom/cyclonedx}
  validations:
    - expression: >-
        images.containers.map(i, verifyAttestationSignatures(i, attestations.provenance,
        [attestors.one])).all(e, e > 0)""",
)


def test_an_image_validating_policy_demands_attestations_beside_signatures() -> None:
    found, policy = imported(ATTESTED)
    assert not found.untranslated
    by_one = by_key(policy, PEM)
    assert says(policy, "r.example/app", by_one, *stated(by_one)) == ALLOW
    assert says(policy, "r.example/app", by_one) == DENY
    assert says(policy, "r.example/app", *stated(by_one)) == DENY
    assert says(policy, "r.example/app", by_one, *stated(by_key(policy, OTHER))) == DENY


def test_an_attestation_that_is_no_statement_denies() -> None:
    found, policy = imported(ATTESTED.replace("attestations.provenance,", "attestations.bill,"))
    assert any("bill" in text for text in found.untranslated)
    assert says(policy, "r.example/app", by_key(policy, PEM), *stated(by_key(policy, PEM))) == DENY


BOTH = IVPOL.replace(
    "[attestors.one, attestors.two])).all(e, e > 0)",
    "[attestors.one])).all(e, e > 0) && "
    "images.containers.map(i, verifyImageSignatures(i, [attestors.two])).all(e, e > 0)",
)


def test_validations_are_all_demanded() -> None:
    found, policy = imported(BOTH)
    assert not found.untranslated
    assert says(policy, "r.example/app", by_key(policy, PEM), by_identity("me")) == ALLOW
    assert says(policy, "r.example/app", by_key(policy, PEM)) == DENY
    assert says(policy, "r.example/app", by_identity("me")) == DENY


def test_the_same_demand_on_every_slot_is_one_document() -> None:
    also = BOTH.replace("images.containers.map(i,", "images.initContainers.map(i,").replace(
        "[attestors.two]", "[attestors.one]"
    )
    found, policy = imported(also)
    assert len(policy.sections) == 1
    assert "containers, initContainers" in found.notes[0]
    assert says(policy, "r.example/app", by_key(policy, PEM)) == ALLOW


def test_other_demands_on_init_containers_are_a_document_of_their_own() -> None:
    _, policy = imported(BOTH.replace("images.containers.map(i,", "images.initContainers.map(i,"))
    for slot, key, identity_too in (("containers", ALLOW, DENY), ("initContainers", DENY, ALLOW)):
        request = RequestFacts(purpose="run", engine="kubernetes", user="1", slot=slot)
        verdicts = [
            evaluate(policy, about("r.example/app", item)._replace(request=request)).verdict
            for item in (by_key(policy, PEM), by_identity("me"))
        ]
        assert verdicts == [key, identity_too]


@pytest.mark.parametrize(
    ("condition", "here", "elsewhere"),
    [
        ("request.namespace == 'prod'", DENY, ALLOW),
        ("object.metadata.namespace != 'kube-system'", DENY, DENY),
        ("request.namespace != 'prod'", ALLOW, DENY),
        ("has(object.metadata.labels)", DENY, DENY),
    ],
)
def test_conditions_on_the_namespace_are_kept_and_others_widen(condition: str, here: str, elsewhere: str) -> None:
    text = IVPOL.replace("spec:", f'spec:\n  matchConditions: [{{name: c, expression: "{condition}"}}]')
    found, policy = imported(text)
    assert not found.untranslated
    assert bool(found.notes and "left out" in " ".join(found.notes)) == ("labels" in condition)
    sections = tuple(section._replace(on_no_match="allow") for section in policy.sections)
    for namespace, expected in (("prod", here), ("test", elsewhere)):
        request = RequestFacts(purpose="run", engine="kubernetes", user="1", namespace=namespace)
        asked = about("r.example/app")._replace(request=request)
        assert evaluate(policy._replace(sections=sections), asked).verdict == expected


CERTIFICATE = json.dumps("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
NOTARY = IVPOL.replace("cosign: {keyless: {identities: [{issuer: " + GITHUB + ", subject: me}]}}",
                       f"notary: {{certs: {{value: {CERTIFICATE}}}}}")  # fmt: skip


def test_a_notary_attestor_is_any_certificate_under_its_root() -> None:
    found, policy = imported(NOTARY)
    assert not found.untranslated
    root = next(root for root in policy.sections[0].roots if root.kind == "ca")
    by_certificate = signature("one")._replace(signer=SignerIdentity("f", f"x509:ca/{root.name}", "CN=me", "CN=ca"))
    assert says(policy, "r.example/app", by_certificate) == ALLOW
    other = by_certificate._replace(signer=SignerIdentity("f", "x509:ca/other", "CN=me", "CN=ca"))
    assert says(policy, "r.example/app", other) == DENY


@pytest.mark.parametrize(
    "notary", ["{certs: {valueFrom: x}}", "{certs: {value: x}}", "{}", "{certs: {value: CERTIFICATE}, more: 1}"]
)
def test_a_notary_attestor_that_is_given_otherwise_denies(notary: str) -> None:
    before = f"notary: {{certs: {{value: {CERTIFICATE}}}}}"
    found, policy = imported(NOTARY.replace(before, f"notary: {notary}".replace("CERTIFICATE", CERTIFICATE)))
    assert any("attestor two" in text for text in found.untranslated)
    assert says(policy, "r.example/app", by_key(policy, PEM)) == DENY


def test_a_key_in_a_service_stays_there() -> None:
    found, policy = imported(IVPOL.replace(f"key: {{data: {BLOCK}}}", "key: {kms: 'awskms:///alias/x'}"))
    assert not found.untranslated
    assert [key.pem for key in policy.sections[0].keys] == [b"awskms:///alias/x"]


# --- Connaisseur ----------------------------------------------------------------------------------

CONNAISSEUR = """
application:
  validators:
    - name: allow
      type: static
      approve: true
    - name: default
      type: cosign
      trustRoots:
        - {name: alice, key: KEY}
        - {name: bob, key: OTHER}
  policy:
    - {pattern: '*:*', with: {trustRoot: alice}}
    - {pattern: 'r.example/open/*:*', validator: allow}
    - {pattern: 'r.example/both/*:*', with: {trustRoot: '*', threshold: 2}}
""".replace("KEY", BLOCK).replace("OTHER", json.dumps(OTHER))


def test_connaisseurs_most_specific_pattern_decides() -> None:
    found, policy = imported(CONNAISSEUR)
    assert not found.untranslated
    alice, bob = by_key(policy, PEM, log="r:1"), by_key(policy, OTHER, log="r:2", evidence=digest_of(b"2"))
    assert says(policy, "q.example/app", alice) == ALLOW
    assert says(policy, "q.example/app", bob) == DENY
    assert says(policy, "r.example/open/app") == ALLOW
    assert says(policy, "r.example/openly/app") == DENY
    assert says(policy, "r.example/both/app", alice) == DENY
    assert says(policy, "r.example/both/app", alice, bob) == ALLOW
    # what a star may or may not cover is judged by both patterns
    assert says(policy, "r.example/open/deep/app") == DENY


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("trustRoot: alice", "trustRoot: carol"),
        ("type: cosign", "type: notaryv1"),
        ("trustRoot: alice", "trustRoot: '*', threshold: 3"),
        ("trustRoot: alice", "trustRoot: alice, mode: insecure"),
        ("type: cosign", "type: cosign\n      host: {rekorURL: 'https://rekor.corp.example'}"),
        (f"key: {BLOCK}", "cert: x"),
        (f"key: {BLOCK}", "key: 'awskms:///x'"),
        ("pattern: '*:*'", "pattern: 'q.example/app:v1'"),
        ("{pattern: '*:*',", "{pattern: '*:*', validator: nobody,"),
    ],
)
def test_a_part_of_connaisseur_that_cannot_be_said_denies(before: str, after: str) -> None:
    found, policy = imported(CONNAISSEUR.replace(before, after, 1))
    assert found.untranslated
    items = (by_key(policy, PEM, log="r:1"), by_key(policy, OTHER, log="r:2", evidence=digest_of(b"2")))
    assert says(policy, "q.example/app", *items) == DENY
