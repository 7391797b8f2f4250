"""Rules about what the image is made of, which module did the maths, and by which algorithms."""

from datetime import timedelta

import pytest

from policy_facts import NOW, SLSA, facts, refused, said, signature, spec
from predicate_samples import BUILT
from trustkit.errors import PolicySyntaxError
from trustkit.model.crypto import ModuleStatus
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import Facts
from trustkit.model.signature import SignerIdentity, VerifiedSignature
from trustkit.policy.evaluate import evaluate
from trustkit.policy.rules.content import BASE_DIGEST, BASE_NAME

SIGNED = "  verify: {signatures: {key: one}}\n"
BASE = "registry.corp.example/base/distroless-static"


def image(**changes: object) -> Facts:
    found = facts(signature("one"))
    young = {"created": NOW - timedelta(days=1), "labels": (("team", "shop"),), "size_bytes": 1000, "layers": 2}
    about = found.image._replace(history=("RUN apk add curl", ""), **young)
    return found._replace(image=about._replace(**changes))  # type: ignore[arg-type]


def rule(body: str) -> str:
    return SIGNED + f"  require: {{image: {{{body}}}}}\n"


@pytest.mark.parametrize(
    "body",
    ["maxAge: 2d", "maxSize: 1kB", "maxSize: 1000", "maxLayers: 2", "labels: {team: shop}", "labels: {team: true}",
     "labels: {team: {regex: 'sh.*'}}", "denyHistory: ['.*wget.*']"],
)  # fmt: skip
def test_an_image_as_required_is_admitted(body: str) -> None:
    assert evaluate(spec(rule(body)), image()).verdict == ALLOW


@pytest.mark.parametrize(
    ("body", "changes", "name"),
    [
        ("maxAge: 2d", {"created": NOW - timedelta(days=3)}, "maxAge"),
        ("maxAge: 2d", {"created": None}, "maxAge"),
        ("maxAge: 2d", {"created": NOW + timedelta(days=1)}, "maxAge"),
        ("maxSize: 1kB", {"size_bytes": 1001}, "maxSize"),
        ("maxLayers: 2", {"layers": 3}, "maxLayers"),
        ("labels: {team: shop}", {"labels": ()}, "labels.team"),
        ("labels: {team: shop}", {"labels": (("team", "shops"),)}, "labels.team"),
        ("labels: {team: {regex: 'sh'}}", {}, "labels.team"),
        ("labels: {owner: true}", {}, "labels.owner"),
        ("denyHistory: ['.*curl.*']", {}, "denyHistory"),
        ("denyHistory: ['.*wget.*']", {"history": ()}, "denyHistory"),
    ],
)
def test_an_image_that_is_something_else_is_refused(body: str, changes: dict[str, object], name: str) -> None:
    refused(spec(rule(body)), image(**changes), f"test/require.image.{name}")


LABELLED = f"baseImages: {{anyOf: ['{BASE.rpartition('-')[0]}-*@*'], from: [label]}}"


@pytest.mark.parametrize("name", [BASE, f"{BASE}:12", f"{BASE}@sha256:{'aa' * 32}", f"{BASE}:12@sha256:{'aa' * 32}"])
def test_a_base_image_by_label_is_admitted(name: str) -> None:
    labels = ((BASE_DIGEST, f"sha256:{'aa' * 32}"), (BASE_NAME, name))
    assert evaluate(spec(rule(LABELLED)), image(labels=labels)).verdict == ALLOW


@pytest.mark.parametrize(
    "labels",
    [
        (),
        ((BASE_NAME, ""),),
        ((BASE_NAME, "registry.evil.example/base/distroless-static"),),
        ((BASE_NAME, f"{BASE}/evil"),),
        ((BASE_NAME, "registry.evil.example/x@registry.corp.example/base/distroless-static"),),
        ((BASE_DIGEST, f"sha256:{'aa' * 32}"),),
    ],
)
def test_another_base_image_or_none_is_refused(labels: tuple[tuple[str, str], ...]) -> None:
    refused(spec(rule(LABELLED)), image(labels=labels), "test/require.image.baseImages")


PROVEN = (
    f"  verify: {{attestations: {{provenance: {{type: '{SLSA}', by: {{key: one}}}}}}}}\n"
    "  require: {image: {baseImages: {anyOf: ['PATTERN'], from: [provenance, label]}}}\n"
)


@pytest.mark.parametrize("pattern", [f"{BASE}@*", f"{BASE}@sha256:{'cc' * 32}", "registry.corp.example/**"])
def test_a_base_image_by_provenance_is_admitted(pattern: str) -> None:
    policy = spec(PROVEN.replace("PATTERN", pattern))
    assert evaluate(policy, facts(said("one", SLSA, BUILT))).verdict == ALLOW


@pytest.mark.parametrize("pattern", [f"{BASE}@sha256:{'cd' * 32}", f"{BASE}-debug@*", "docker.io/**"])
def test_another_base_image_by_provenance_is_refused(pattern: str) -> None:
    policy = spec(PROVEN.replace("PATTERN", pattern))
    refused(policy, facts(said("one", SLSA, BUILT)), "test/require.image.baseImages")


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("pkg:docker/alpine@3.18?platform=linux%2Famd64", "docker.io/library/alpine"),
        ("pkg:docker/corp/app@1", "docker.io/corp/app"),
        ("pkg:docker/registry.corp.example/base/x@1", "registry.corp.example/base/x"),
        ("pkg:oci/x@sha256:aa?repository_url=registry.corp.example%2Fbase%2Fx", "registry.corp.example/base/x"),
        ("docker-image://registry.corp.example:5000/x:1", "registry.corp.example:5000/x"),
        ("oci://registry.corp.example/x@sha256:aa", "registry.corp.example/x"),
    ],
)
def test_materials_name_images_in_several_ways(uri: str, name: str) -> None:
    built = {**BUILT, "buildDefinition": {"buildType": "t", "resolvedDependencies": [{"uri": uri}]}}
    policy = spec(PROVEN.replace("PATTERN", f"{name}@*"))
    assert evaluate(policy, facts(said("one", SLSA, built))).verdict == ALLOW
    refused(
        spec(PROVEN.replace("PATTERN", f"{name}x@*")), facts(said("one", SLSA, built)), "test/require.image.baseImages"
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("maxAge: soon", "no duration"),
        ("maxAge: 99999999d", "no duration"),
        ("maxSize: 0", "no size"),
        ("maxSize: 5TB", "no size"),
        ("maxLayers: 0", "between 1"),
        ("labels: {}", "empty"),
        ("labels: {a: false}", "nothing else to ask"),
        ("labels: {a: 1}", "must be text"),
        ("denyHistory: ['(a']", "not a regular expression"),
        ("baseImages: {anyOf: ['x.example/a@latest'], from: [label]}", "names no digest"),
        ("baseImages: {anyOf: [alpine], from: [label]}", "has no registry"),
        ("baseImages: {anyOf: ['x.example/a'], from: [provenance]}", "unknown attestation"),
        ("baseImages: {anyOf: ['x.example/a'], from: []}", "the list is empty"),
    ],
)
def test_a_rule_about_content_that_means_nothing_is_refused(body: str, reason: str) -> None:
    with pytest.raises(PolicySyntaxError) as caught:
        spec(rule(body))
    assert reason in caught.value.message


# --- the module and the algorithms ----------------------------------------------------------------

VALIDATED = ModuleStatus(
    "ossl-fips", "3.1.2", "OpenSSL 3", "validated", True, "4985", "OpenSSL FIPS Provider", "ab" * 32,
    ("ecdsa-p256-sha256", "ecdsa-p384-sha384"),
)  # fmt: skip


def crypto(body: str) -> str:
    return SIGNED + f"  require: {{crypto: {{{body}}}}}\n"


@pytest.mark.parametrize(
    "body",
    [
        "validated: true",
        "modes: [validated, module]",
        "providers: [ossl-fips]",
        "certificates: ['4985', '4282']",
        "modules: [OpenSSL FIPS Provider]",
        f"sha256: [{'cd' * 32}, {'ab' * 32}]",
    ],
)
def test_the_module_must_be_in_the_state_the_policy_asks_for(body: str) -> None:
    about = facts(signature("one"))
    assert evaluate(spec(crypto(body)), about._replace(crypto=VALIDATED)).verdict == ALLOW
    refused(spec(crypto(body)), about, "test/require.crypto")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sha256": "cd" * 32}, f"its file's SHA-256 is {'cd' * 32}"),
        ({"sha256": ""}, "its file's SHA-256 is unknown"),
        ({"module": "Another"}, "its name is Another"),
    ],
)
def test_another_file_or_module_is_refused_by_its_name(changes: dict[str, str], said: str) -> None:
    body = f"sha256: [{'ab' * 32}], modules: [OpenSSL FIPS Provider]"
    about = facts(signature("one"))._replace(crypto=VALIDATED._replace(**changes))
    assert said in refused(spec(crypto(body)), about, "test/require.crypto")


@pytest.mark.parametrize(
    "body", ["sha256: [abcd]", f"sha256: ['{'AB' * 32}']", "modes: [fips]", "approved: yes please"]
)
def test_a_crypto_rule_that_no_process_could_meet_is_refused(body: str) -> None:
    with pytest.raises(PolicySyntaxError):
        spec(crypto(body))


@pytest.mark.parametrize(
    ("algorithm", "module", "counts"),
    [
        ("ecdsa-p256-sha256", VALIDATED, True),
        ("ed25519", VALIDATED, False),
        ("ecdsa-p256-sha256", VALIDATED._replace(approved=()), False),
        ("ecdsa-p256-sha256", ModuleStatus("pyca", "50.0.2", "OpenSSL 3"), False),
    ],
)
@pytest.mark.parametrize("demand", ["require", "expression"])
def test_signatures_count_by_what_the_module_approves(
    algorithm: str, module: ModuleStatus, counts: bool, demand: str
) -> None:
    asked = "  require: {expressions: [{id: a, rule: 'signatures.exists(s, s.approved)', message: no}]}\n"
    policy = spec(crypto("approved: true") if demand == "require" else SIGNED + asked)
    about = facts(signature("one", algorithm=algorithm))._replace(crypto=module)
    assert evaluate(policy, about).verdict == (ALLOW if counts else DENY)


def test_identities_are_bound_by_what_the_module_approves_too() -> None:
    trust = (
        "  trust:\n    roots: {sigstore: root.json}\n"
        "    identities: {ci: {issuer: 'https://i.example', subject: ci@corp.example}}\n"
        "  verify: {signatures: {identity: ci}}\n  require: {crypto: {approved: true}}\n"
    )
    signer = SignerIdentity("f", "sigstore:sigstore", "ci@corp.example", "https://i.example")
    about = facts(signature("one")._replace(signer=signer))
    refused(spec(trust, keys=False), about, "test/verify.signatures")
    assert evaluate(spec(trust, keys=False), about._replace(crypto=VALIDATED)).verdict == ALLOW


@pytest.mark.parametrize("body", ["", "validated: false", "approved: false"])
def test_a_crypto_rule_that_asks_for_nothing_is_refused(body: str) -> None:
    with pytest.raises(PolicySyntaxError, match="asks for nothing"):
        spec(crypto(body))


def test_signatures_by_other_algorithms_do_not_count() -> None:
    text = crypto("algorithms: [ecdsa-p384-sha384]")
    assert evaluate(spec(text), facts(signature("one", algorithm="ecdsa-p384-sha384"))).verdict == ALLOW
    assert "allowed are ecdsa-p384-sha384" in refused(spec(text), facts(signature("one")), "test/verify.signatures")


@pytest.mark.parametrize(
    ("key", "algorithm"), [("ed25519", "ed25519"), ("ed25519", "ecdsa-p384-sha384"), ("ed25519", "ecdsa-p256-sha256")]
)
def test_a_key_whose_own_algorithms_are_all_forbidden_counts_for_nothing(key: str, algorithm: str) -> None:
    trust = f"  trust: {{keys: {{one: {{pem: one.pub, algorithms: [{key}]}}}}}}\n"
    policy = spec(trust + crypto("algorithms: [ecdsa-p384-sha384]"), keys=False)
    refused(policy, facts(signature("one", algorithm=algorithm)), "test/verify.signatures")


def test_identities_are_bound_by_the_algorithms_too() -> None:
    trust = (
        "  trust:\n    roots: {sigstore: root.json}\n"
        "    identities: {ci: {issuer: 'https://i.example', subject: ci@corp.example}}\n"
        "  verify: {signatures: {identity: ci}}\n  require: {crypto: {algorithms: [ecdsa-p384-sha384]}}\n"
    )
    signer = SignerIdentity("f", "sigstore:sigstore", "ci@corp.example", "https://i.example")
    item = signature("one")._replace(signer=signer)
    refused(spec(trust, keys=False), facts(item), "test/verify.signatures")
    good = item._replace(algorithm="ecdsa-p384-sha384")
    assert evaluate(spec(trust, keys=False), facts(good)).verdict == ALLOW


def by_rsa(bits: int) -> VerifiedSignature:
    one = signature("one", algorithm="rsa-pss-sha256")
    return one._replace(signer=one.signer._replace(key_bits=bits))


@pytest.mark.parametrize("bits", [3072, 4096])
def test_a_key_of_the_strength_asked_for_counts(bits: int) -> None:
    assert evaluate(spec(crypto("minimumStrength: 128")), facts(by_rsa(bits))).verdict == ALLOW


@pytest.mark.parametrize(("bits", "found"), [(2048, "112"), (3071, "112"), (0, "unknown")])
def test_signatures_by_weaker_keys_do_not_count(bits: int, found: str) -> None:
    said = refused(spec(crypto("minimumStrength: 128")), facts(by_rsa(bits)), "test/verify.signatures")
    assert f"{found}-bit strength, required are 128 bits" in said


def test_a_curve_below_the_strength_asked_for_does_not_count() -> None:
    refused(spec(crypto("minimumStrength: 192")), facts(signature("one")), "test/verify.signatures")


def test_identities_are_bound_by_the_strength_too() -> None:
    trust = (
        "  trust:\n    roots: {sigstore: root.json}\n"
        "    identities: {ci: {issuer: 'https://i.example', subject: ci@corp.example}}\n"
        "  verify: {signatures: {identity: ci}}\n  require: {crypto: {minimumStrength: 192}}\n"
    )
    signer = SignerIdentity("f", "sigstore:sigstore", "ci@corp.example", "https://i.example")
    refused(spec(trust, keys=False), facts(signature("one")._replace(signer=signer)), "test/verify.signatures")


@pytest.mark.parametrize("value", ["100", "0", "129", "high", "512"])
def test_a_strength_that_no_publication_knows_is_refused(value: str) -> None:
    with pytest.raises(PolicySyntaxError):
        spec(crypto(f"minimumStrength: {value}"))
