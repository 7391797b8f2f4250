from datetime import timedelta

import pytest

from policy_facts import (
    HEAD,
    KEYS,
    NAME,
    NOW,
    OTHER_IMAGE,
    attestation,
    facts,
    read,
    rejection,
    signature,
    spec,
    verdict,
)
from trustkit.fips.hashing import digest_of
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import RequestFacts
from trustkit.model.image import Platform
from trustkit.model.judgement import Judgement
from trustkit.model.signature import VerifiedSignature
from trustkit.policy.builtin import builtin
from trustkit.policy.document import Policy
from trustkit.policy.evaluate import evaluate
from trustkit.policy.explain import because

SIGNED = "  verify: {signatures: {key: one}}\n"
TWO_OF_THREE = "  verify: {signatures: {threshold: {count: 2, of: [one, two, three]}}}\n"
RUN = RequestFacts(purpose="run", user="10001")


def test_a_signature_by_the_named_key_is_allowed() -> None:
    assert verdict(spec(SIGNED), facts(signature("one"))) == (ALLOW, "test/verify.signatures")


@pytest.mark.parametrize(
    "evidence",
    [
        (),
        (signature("two"),),
        (signature("one", subject=OTHER_IMAGE),),
        (attestation("one"),),
    ],
    ids=["nothing", "another key", "another image", "an attestation"],
)
def test_anything_but_a_signature_of_the_image_by_the_key_is_denied(evidence: tuple[VerifiedSignature, ...]) -> None:
    assert verdict(spec(SIGNED), facts(*evidence)) == (DENY, "test/verify.signatures")


def test_a_denial_says_what_was_required_what_was_found_and_what_helps() -> None:
    finding = evaluate(spec(SIGNED), facts(rejected=(rejection("key mismatch"),))).deciding
    assert finding is not None
    assert finding.message.startswith("requires a signature by one; found no valid signature; rejected ")
    assert finding.message.endswith("(verification.signer): key mismatch")
    assert finding.next_step == f"trustkit sign --key one {NAME}@sha256:{'11' * 32}"


@pytest.mark.parametrize(
    "keys", [(), ("one",), ("one", "one"), ("one", "four"), ("four", "five")], ids=["none", "1", "same", "odd", "odd2"]
)
def test_two_of_three_needs_two_different_known_keys(keys: tuple[str, ...]) -> None:
    items = [signature(key, number=number) for number, key in enumerate(keys)]
    assert verdict(spec(TWO_OF_THREE), facts(*items))[0] == DENY


@pytest.mark.parametrize("keys", [("one", "two"), ("three", "one"), ("one", "two", "three"), ("four", "one", "two")])
def test_two_of_three_is_met_by_any_two(keys: tuple[str, ...]) -> None:
    assert verdict(spec(TWO_OF_THREE), facts(*map(signature, keys)))[0] == ALLOW


def test_one_key_under_two_names_counts_once() -> None:
    policy = spec("  verify: {signatures: {threshold: {count: 2, of: [one, twin, three]}}}\n")
    assert verdict(policy, facts(signature("one"), signature("one", number=1)))[0] == DENY
    assert verdict(policy, facts(signature("one"), signature("three")))[0] == ALLOW


def test_any_of_takes_the_second_alternative() -> None:
    body = "  verify: {signatures: {anyOf: [{threshold: {count: 2, of: [one, two]}}, {key: three}]}}\n"
    assert verdict(spec(body), facts(signature("three")))[0] == ALLOW
    assert verdict(spec(body), facts(signature("one")))[0] == DENY


@pytest.mark.parametrize("annotations", [(), (("env", "test"),), (("other", "prod"),)])
def test_a_signature_without_the_annotation_does_not_count(annotations: tuple[tuple[str, str], ...]) -> None:
    policy = spec("  verify: {signatures: {key: one, annotations: {env: prod}}}\n")
    assert verdict(policy, facts(signature("one", annotations=annotations)))[0] == DENY


def test_a_signature_with_the_annotation_and_more_counts() -> None:
    policy = spec("  verify: {signatures: {key: one, annotations: {env: prod}}}\n")
    assert verdict(policy, facts(signature("one", annotations=(("env", "prod"), ("a", "b")))))[0] == ALLOW


def key_policy(bounds: str) -> Policy:
    return spec(f"  trust: {{keys: {{one: {{pem: one.pub, {bounds}}}}}}}\n" + SIGNED, keys=False)


def test_an_algorithm_outside_the_keys_list_does_not_count() -> None:
    policy = key_policy("algorithms: [ecdsa-p384-sha384]")
    finding = evaluate(policy, facts(signature("one"))).deciding
    assert finding is not None
    assert finding.verdict == DENY
    assert "signed by one with ecdsa-p256-sha256, allowed are ecdsa-p384-sha384" in finding.message


@pytest.mark.parametrize(("after", "expected"), [(-1, DENY), (0, ALLOW), (1, ALLOW)])
def test_a_key_counts_until_its_not_after(after: int, expected: str) -> None:
    policy = key_policy(f"notAfter: {(NOW + timedelta(seconds=after)).isoformat()}")
    assert verdict(policy, facts(signature("one")))[0] == expected


@pytest.mark.parametrize(("before", "expected"), [(-1, ALLOW), (0, ALLOW), (1, DENY)])
def test_a_key_counts_from_its_not_before(before: int, expected: str) -> None:
    policy = key_policy(f"notBefore: {(NOW + timedelta(seconds=before)).isoformat()}")
    assert verdict(policy, facts(signature("one")))[0] == expected


ATTESTED = "  verify: {attestations: {slsa: {type: https://slsa.dev/provenance/v1, by: {key: one}}}}\n"


def test_an_attestation_of_the_type_by_the_key_is_allowed() -> None:
    assert verdict(spec(ATTESTED), facts(attestation("one"))) == (ALLOW, "test/verify.attestations.slsa")


@pytest.mark.parametrize(
    "evidence",
    [
        (),
        (signature("one"),),
        (attestation("two"),),
        (attestation("one", "https://slsa.dev/provenance/v0.2"),),
        (attestation("one", subject=OTHER_IMAGE),),
        (attestation("one")._replace(statement=None),),
    ],
    ids=["nothing", "a signature", "another key", "another type", "another image", "no statement"],
)
def test_anything_but_the_attestation_is_denied(evidence: tuple[VerifiedSignature, ...]) -> None:
    assert verdict(spec(ATTESTED), facts(*evidence)) == (DENY, "test/verify.attestations.slsa")


def test_an_attestation_that_is_not_required_does_not_replace_a_signature() -> None:
    policy = spec(ATTESTED.replace("by:", "required: false, by:"))
    assert verdict(policy, facts(attestation("one")))[0] == DENY


@pytest.mark.parametrize("body", ["  match: {}\n", "  require: {image: {registries: ['*.example']}}\n"])
def test_a_policy_that_demands_no_evidence_admits_nothing(body: str) -> None:
    assert verdict(spec(body), facts(signature("one")))[0] == DENY


def test_an_image_no_section_speaks_about_is_denied() -> None:
    policy = spec("  match: {images: ['other.example/**']}\n" + SIGNED)
    assert verdict(policy, facts(signature("one"))) == (DENY, "test/match")


def test_an_engine_no_section_speaks_about_is_denied() -> None:
    policy = spec("  match: {engines: [docker]}\n" + SIGNED)
    assert verdict(policy, facts(signature("one")))[0] == DENY


def test_a_pattern_is_matched_on_the_normalised_name() -> None:
    policy = spec("  match: {images: ['docker.io/library/*']}\n" + SIGNED)
    assert verdict(policy, facts(signature("one"), reference="busybox"))[0] == ALLOW


@pytest.mark.parametrize(("wish", "expected"), [("deny", DENY), ("warn", ALLOW), ("allow", ALLOW)])
def test_on_no_match_decides_for_images_nothing_speaks_about(wish: str, expected: str) -> None:
    policy = spec(f"  match: {{images: ['other.example/*']}}\n  enforcement: {{onNoMatch: {wish}}}\n" + SIGNED)
    assert verdict(policy, facts())[0] == expected


def test_the_strictest_on_no_match_wins() -> None:
    one = HEAD + "spec: {match: {images: ['a.example/*']}, enforcement: {onNoMatch: allow}}\n"
    two = one.replace("name: test", "name: other").replace("onNoMatch: allow", "onNoMatch: deny")
    assert verdict(read(one + "---\n" + two), facts())[0] == DENY


def test_every_matching_section_must_pass() -> None:
    one = HEAD + "spec:" + KEYS + SIGNED
    two = one.replace("name: test", "name: narrow").replace("key: one", "key: two")
    two += f"  match: {{images: ['{NAME}']}}\n"
    policy = read(one + "---\n" + two)
    assert verdict(policy, facts(signature("one"))) == (DENY, "narrow/verify.signatures")
    assert verdict(policy, facts(signature("two"))) == (DENY, "test/verify.signatures")
    assert evaluate(policy, facts(signature("one"), signature("two"))).policy_name == "narrow+test"


@pytest.mark.parametrize("mode", ["warn", "audit"])
def test_warn_and_audit_report_and_do_not_decide(mode: str) -> None:
    decision = evaluate(spec(f"  enforcement: {{mode: {mode}}}\n" + SIGNED), facts())
    assert (decision.verdict, decision.mode, decision.deciding) == (ALLOW, mode, None)
    assert [(finding.verdict, finding.enforced) for finding in decision.findings] == [(DENY, False)]


def test_a_warning_section_does_not_soften_an_enforcing_one() -> None:
    one = HEAD + "spec:" + KEYS + SIGNED
    two = one.replace("name: test", "name: soft") + "  enforcement: {mode: audit}\n"
    decision = evaluate(read(one + "---\n" + two), facts())
    assert (decision.verdict, decision.mode) == (DENY, "enforce")


def test_a_tag_is_denied_where_a_digest_is_required() -> None:
    policy = spec("  enforcement: {digest: {require: true}}\n" + SIGNED)
    assert verdict(policy, facts(signature("one"))) == (DENY, "test/enforcement.digest.require")
    assert verdict(policy, facts(signature("one"), reference=f"{NAME}@sha256:{'11' * 32}"))[0] == ALLOW


@pytest.mark.parametrize(
    ("pattern", "reference", "expected"),
    [
        ("registry.corp.example", NAME, ALLOW),
        ("*.corp.example", NAME, ALLOW),
        ("registry.corp.example/team/*", NAME, ALLOW),
        ("registry.corp.example/other/*", NAME, DENY),
        ("registry.corp.example", "registry.corp.example.evil.example/app", DENY),
        ("registry.corp.example", "registry.corp.example:5000/app", DENY),
        ("*", "oci:/srv/image", DENY),
        ("oci:/srv/*", "oci:/srv/image", ALLOW),
    ],
)
def test_only_listed_registries_are_allowed(pattern: str, reference: str, expected: str) -> None:
    policy = spec(f"  require: {{image: {{registries: ['{pattern}']}}}}\n" + SIGNED)
    assert verdict(policy, facts(signature("one"), reference=reference))[0] == expected


@pytest.mark.parametrize(
    "user", ["", "0", "root", "0:10", "root:root", "00", ":5", "nginx", "-1", "+0", "\u0660", "4294967296"]
)
@pytest.mark.parametrize("where", ["image", "runtime"])
def test_a_user_that_may_be_root_is_denied(user: str, where: str) -> None:
    policy = spec(f"  require: {{{where}: {{denyRootUser: true}}}}\n" + SIGNED)
    assert verdict(policy, facts(signature("one"), user=user)) == (DENY, f"test/require.{where}.denyRootUser")


@pytest.mark.parametrize("user", ["1", "10001", "10001:0"])
def test_a_numeric_user_is_allowed(user: str) -> None:
    policy = spec("  require: {image: {denyRootUser: true}, runtime: {denyRootUser: true}}\n" + SIGNED)
    assert verdict(policy, facts(signature("one"), user=user))[0] == ALLOW


@pytest.mark.parametrize(
    ("allowed", "found", "expected"),
    [
        ("linux/amd64", Platform("linux", "amd64"), ALLOW),
        ("linux/arm64", Platform("linux", "arm64", "v8"), ALLOW),
        ("linux/arm/v7", Platform("linux", "arm", "v6"), DENY),
        ("linux/amd64", Platform("windows", "amd64"), DENY),
    ],
)
def test_only_listed_platforms_are_allowed(allowed: str, found: Platform, expected: str) -> None:
    policy = spec(f"  require: {{image: {{platforms: [{allowed}]}}}}\n" + SIGNED)
    assert verdict(policy, facts(signature("one"), platform=found))[0] == expected


@pytest.mark.parametrize(
    ("rule", "bad"),
    [
        ("denyPrivileged: true", {"privileged": True}),
        ("denyHostNamespaces: true", {"host_network": True}),
        ("denyHostNamespaces: true", {"host_pid": True}),
        ("denyHostPath: true", {"host_mounts": ("/etc",)}),
        ("denyHostPath: true", {"devices": ("/dev/sda",)}),
        ("capabilities: {add: []}", {"capabilities_added": ("NET_RAW",)}),
        ("capabilities: {add: [NET_BIND_SERVICE]}", {"capabilities_added": ("SYS_ADMIN",)}),
        ("capabilities: {add: [NET_BIND_SERVICE]}", {"capabilities_added": ("ALL",)}),
        ("capabilities: {add: [NET_BIND_SERVICE]}", {"privileged": True}),
        ("readOnlyRoot: true", {"read_only": False}),
        ("seccomp: [RuntimeDefault]", {"seccomp": "unconfined"}),
        ("seccomp: [RuntimeDefault]", {"seccomp": "/profile.json"}),
        ("seccomp: [RuntimeDefault]", {"privileged": True}),
    ],
)
def test_a_run_that_asks_for_too_much_is_denied_and_looking_at_the_image_is_not(
    rule: str, bad: dict[str, object]
) -> None:
    policy = spec(f"  require: {{runtime: {{{rule}}}}}\n" + SIGNED)
    request = RUN._replace(read_only=True)
    assert verdict(policy, facts(signature("one"), request=request))[0] == ALLOW
    found = verdict(policy, facts(signature("one"), request=request._replace(**bad)))
    assert (found[0], found[1].startswith("test/require.runtime.")) == (DENY, True)
    looking = request._replace(**bad, purpose="verify")
    assert verdict(policy, facts(signature("one"), request=looking))[0] == ALLOW


def test_an_unknown_purpose_is_judged_as_a_run() -> None:
    policy = spec("  require: {runtime: {denyPrivileged: true}}\n" + SIGNED)
    request = RUN._replace(privileged=True, purpose="later")
    assert verdict(policy, facts(signature("one"), request=request))[0] == DENY


@pytest.mark.parametrize("name", ["NET_BIND_SERVICE", "CAP_NET_BIND_SERVICE", "net_bind_service"])
def test_a_listed_capability_may_be_added_however_it_is_written(name: str) -> None:
    policy = spec("  require: {runtime: {capabilities: {add: [NET_BIND_SERVICE]}}}\n" + SIGNED)
    assert verdict(policy, facts(signature("one"), request=RUN._replace(capabilities_added=(name,))))[0] == ALLOW


def test_a_policy_without_sections_denies() -> None:
    assert verdict(Policy("none", digest_of(b""), ()), facts(signature("one"))) == (DENY, "none/match")


def built(*names: str) -> Policy:
    keys = {name: f"{name}.pub".encode() for name in names}
    return builtin(keys, digest=digest_of, fingerprint=lambda pem: digest_of(pem).hex)


def test_the_built_in_policy_admits_what_one_of_the_users_keys_signed() -> None:
    assert verdict(built("one", "two"), facts(signature("two"), user=""))[0] == ALLOW


@pytest.mark.parametrize(
    ("names", "evidence"), [((), (signature("one"),)), (("one",), ()), (("one",), (signature("two"),))]
)
def test_the_built_in_policy_denies_everything_else(
    names: tuple[str, ...], evidence: tuple[VerifiedSignature, ...]
) -> None:
    assert verdict(built(*names), facts(*evidence))[0] == DENY


@pytest.mark.parametrize(
    ("mode", "evidence", "expected"),
    [
        ("enforce", (signature("one"),), "test/verify.signatures: signed by one, on evidence "),
        ("enforce", (), "test/verify.signatures: requires a signature by one"),
        ("audit", (), "mode audit reports only; test/verify.signatures would deny: "),
        ("warn", (signature("one"),), "mode warn reports only, and every rule is satisfied"),
    ],
)
def test_the_reason_names_the_rule_and_the_evidence(
    mode: str, evidence: tuple[VerifiedSignature, ...], expected: str
) -> None:
    about = facts(*evidence)
    decision = evaluate(spec(f"  enforcement: {{mode: {mode}}}\n" + SIGNED), about)
    assert because(Judgement(None, about, decision)).startswith(expected)
