"""The schema draft of the issue loads as it is written, and every field that says how decisions are reached counts."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from policy_facts import HEAD, KEYS, facts, read, refused, signature, spec, verdict
from trustkit import limits
from trustkit.errors import PolicySyntaxError
from trustkit.fips.hashing import digest_of
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import RequestFacts
from trustkit.policy.document import AS_CONFIGURED, Policy, means_of
from trustkit.policy.means import IMAGE, POD_SPEC, Discovery, Kept, Means, ObjectPath, Registry
from trustkit.policy.parse import combine
from trustkit.policy.tenancy import of_namespace
from trustkit.policy.trusted import REMOTE
from trustkit.signing.key_providers.remote import SCHEMES

DRAFT = (Path(__file__).parent / "data" / "policy-draft.yaml").read_text()
# The draft names an approver that it does not define; a reference to nobody is refused, there as everywhere.
DEFINED = DRAFT.replace(
    "    identities:\n",
    "    identities:\n      sre-oncall: {issuer: https://accounts.corp.example, subject: sre@corp.example}\n",
)
SIGNED = "  verify: {signatures: {key: one}}\n"
RULE = "test/verify.signatures"


def means(body: str) -> Means:
    return means_of(spec(body))


def test_the_draft_loads_with_the_approver_it_forgot_to_define() -> None:
    found = read(DEFINED).sections[0]
    assert (found.name, found.revision, len(found.rules)) == ("production-images", 14, 28)


def test_the_draft_as_it_is_names_one_unknown_approver_and_nothing_else_is_wrong() -> None:
    with pytest.raises(PolicySyntaxError, match=r"approvers.*unknown identity 'sre-oncall'"):
        read(DRAFT)


def test_the_draft_says_how_decisions_are_reached() -> None:
    rollout = ObjectPath("argoproj.io", "Rollout", POD_SPEC, ("spec", "template", "spec"))
    assert means_of(read(DEFINED)) == Means(
        deadline=4.0,
        registry=Registry(private_networks=False, same_site=True, seconds=2.0),
        discovery=Discovery(most_bytes=8 * 1024 * 1024),
        kept=Kept(3600.0, 30.0, limits.CACHED_IMAGES),
        paths=(rollout,),
    )


def test_the_keys_of_services_are_read_by_their_uri() -> None:
    keys = {key.name: key.pem for key in read(DEFINED).sections[0].keys}
    assert keys["release-3"] == b"awskms:///alias/release-3"
    assert set(REMOTE) == set(SCHEMES)


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("{kms: b}", "no key of a service"),
        ("{kms: 'https://kms.example/k'}", "no key of a service"),
        ("{kms: 'awskms:///a', pem: b}", "exactly one of"),
        ("{pem: 'awskms:///a'}", "is no file"),
    ],
)
def test_a_key_of_a_service_is_written_as_one(key: str, why: str) -> None:
    with pytest.raises(PolicySyntaxError, match=why):
        read(HEAD + f"spec: {{trust: {{keys: {{k: {key}}}}}}}\n")


def test_what_a_document_does_not_say_is_as_configured() -> None:
    assert means(SIGNED) == AS_CONFIGURED


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("enforcement: {deadline: 4s}", "enforcement: {deadline: 2s}", Means(deadline=2.0)),
        ("enforcement: {deadline: 4s}", "enforcement: {mode: warn}", Means(deadline=4.0)),
        ("registry: {timeout: 9s}", "registry: {timeout: 2s}", Means(registry=Registry(seconds=2.0))),
        ("registry: {auth: [node]}", "registry: {auth: [static]}", Means(registry=Registry(auth=()))),
        (
            "registry: {allowPrivateNetworks: true}",
            "registry: {allowPrivateNetworks: false}",
            Means(registry=Registry(private_networks=False)),
        ),
        (
            "registry: {followRedirects: sameSite}",
            "registry: {followRedirects: blobs}",
            Means(registry=Registry(same_site=True)),
        ),
        (
            "registry: {mirrors: {docker.io: [a.example]}}",
            "registry: {mirrors: {docker.io: ['https://b.example/p', a.example]}}",
            Means(registry=Registry(mirrors=(("docker.io", ("a.example", "https://b.example/p")),))),
        ),
        (
            "verify: {discovery: {cosignTag: false, maxSignatures: 3}}",
            "verify: {discovery: {referrers: false, maxSignatures: 5, maxAttestations: 0, maxBytes: 1MiB}}",
            Means(
                discovery=Discovery(cosign_tag=False, referrers=False, signatures=3, attestations=0, most_bytes=2**20)
            ),
        ),
        (
            "cache: {positiveTtl: 10m, maxEntries: 9}",
            "cache: {negativeTtl: 0s, staleWhileError: 0s}",
            Means(kept=Kept(600.0, 0.0, 9)),
        ),
        ("enforcement: {onUpdate: always}", "enforcement: {onUpdate: changedOnly}", Means(judges_unchanged=True)),
        (
            "enforcement: {digest: {require: false, mutateTags: false}}",
            "enforcement: {digest: {require: false, mutateTags: true}}",
            Means(pins_tags=False),
        ),
    ],
)
def test_of_two_documents_the_stricter_word_holds(one: str, other: str, expected: Means) -> None:
    sections = [
        read(HEAD.replace("name: test", f"name: {name}") + f"spec:{KEYS}  {body}\n").sections[0]
        for name, body in (("a", one), ("b", other))
    ]
    assert means_of(combine(sections, digest_of)) == expected
    assert means_of(combine(reversed(sections), digest_of)) == expected


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("cache: {staleWhileError: 30s}", "what is too old is never used"),
        ("cache: {maxEntries: 0}", "must be between 1"),
        ("cache: {positiveTtl: 1}", "must be text"),
        ("cache: {ttl: 1h}", "unknown field"),
        ("registry: {auth: [anybody]}", "not one of podPullSecrets"),
        ("registry: {followRedirects: anywhere}", "not one of sameSite"),
        ("registry: {timeout: 0s}", "no duration"),
        ("registry: {mirrors: {docker.io: ['file:///x']}}", "is no mirror"),
        ("registry: {mirrors: {'docker.io/library': [a.example]}}", "is no registry host"),
        ("registry: {allowPrivateNetworks: 'no'}", "must be true or false"),
        ("verify: {discovery: {maxSignatures: 65}}", "must be between 1 and 64"),
        ("verify: {discovery: {cosignTags: true}}", "unknown field"),
        ("enforcement: {deadline: soon}", "no duration"),
        ("enforcement: {onUpdate: never}", "not one of changedOnly"),
        ("match: {kinds: pods}", "not one of podBearing"),
        ("match: {slots: [sidecars]}", "not one of initContainers"),
        ("match: {customPaths: [{group: example.com, kind: W, podSpec: spec.pod}]}", "is no path"),
        ("match: {customPaths: [{group: example.com, kind: W, podSpec: '$..spec'}]}", "is no path"),
        ("match: {customPaths: [{group: example.com, kind: W, podSpec: '$.a[?@.b]'}]}", "is no path"),
        ("match: {customPaths: [{group: example.com, kind: W, podSpec: '$'}]}", "is no path"),
        ("match: {customPaths: [{group: example.com, kind: W}]}", "exactly one of podSpec, image"),
        ("match: {customPaths: [{group: 'a b', kind: W, image: $.a}]}", "is no custom kind"),
        ("enforcement: {onError: allow}", "nobody could look at"),
        ("enforcement: {onError: warn}", "nobody could look at"),
        ("enforcement: {onError: deny, acknowledgeFailOpen: me}", "nothing to acknowledge"),
        ("enforcement: {acknowledgeFailOpen: me}", "nothing to acknowledge"),
        ("enforcement: {onError: allow, acknowledgeFailOpen: ''}", "empty"),
        ("verify: {signedIdentity: matchRepository}", "no signatures whose name"),
        ("verify: {signatures: {key: one}, signedIdentity: anything}", "no signed identity is called"),
        ("trust: {transparency: {required: false, minLogs: 2}}", "no log is required"),
    ],
)
def test_a_field_that_says_nothing_clear_is_refused(body: str, why: str) -> None:
    with pytest.raises(PolicySyntaxError, match=why):
        read(HEAD + f"spec:{'' if body.startswith('trust') else KEYS}\n  {body}\n")


def test_paths_name_an_image_or_each_element_of_a_list() -> None:
    body = "  match: {customPaths: [{group: e.com, kind: W, image: \"$.spec.steps[*]['my-image']\"}]}\n"
    assert means(body).paths == (ObjectPath("e.com", "W", IMAGE, ("spec", "steps", "[*]", "my-image")),)


@pytest.mark.parametrize(
    "body",
    [
        "cache: {positiveTtl: 1s}",
        "registry: {timeout: 1s}",
        "enforcement: {deadline: 1s}",
        "verify: {discovery: {cosignTag: false}}",
    ],
)
def test_a_namespace_does_not_say_how_images_are_found(body: str) -> None:
    with pytest.raises(PolicySyntaxError, match="is the cluster's"):
        of_namespace(spec(f"  {body}\n").sections[0], "team-a", digest_of)


@pytest.mark.parametrize(
    ("match", "kind", "slot", "expected"),
    [
        ("{kinds: podBearing}", "Pod", "containers", ALLOW),
        ("{kinds: [Pod, Job]}", "Job", "containers", ALLOW),
        ("{kinds: [Pod]}", "Deployment", "containers", DENY),
        ("{slots: [containers]}", "Pod", "containers", ALLOW),
        ("{slots: [containers]}", "Pod", "ephemeralContainers", DENY),
        ("{kinds: [Pod], slots: [containers]}", "", "", ALLOW),
    ],
)
def test_kinds_and_slots_say_what_a_document_is_about(match: str, kind: str, slot: str, expected: str) -> None:
    request = RequestFacts(purpose="run", engine="kubernetes", kind=kind, slot=slot)
    rule = RULE if expected == ALLOW else "test/match"
    assert verdict(spec(f"  match: {match}\n{SIGNED}"), facts(signature("one"), request=request)) == (expected, rule)


@pytest.mark.parametrize(
    ("rule", "claimed", "expected"),
    [
        ("matchRepository", "registry.corp.example/team/app", ALLOW),
        ("matchRepository", "registry.corp.example/team/other", DENY),
        ("matchRepository", "", DENY),
        ("exactRepository=registry.corp.example/prod/app", "registry.corp.example/prod/app", ALLOW),
        ("exactRepository=registry.corp.example/prod/app", "registry.corp.example/team/app", DENY),
    ],
)
def test_a_signature_counts_under_the_name_it_carries(rule: str, claimed: str, expected: str) -> None:
    found = spec(f"  verify: {{signatures: {{key: one}}, signedIdentity: '{rule}'}}\n")
    about = facts(signature("one")._replace(claimed_name=claimed))
    assert verdict(found, about) == (expected, RULE)
    if expected == DENY:
        assert "a signature does not count, for it names" in refused(found, about, RULE)


@pytest.mark.parametrize(("logs", "expected"), [(0, DENY), (1, DENY), (2, ALLOW), (3, ALLOW)])
def test_so_many_logs_must_show_a_signature(logs: int, expected: str) -> None:
    text = HEAD + f"spec:{KEYS}    transparency: {{required: true, minLogs: 2}}\n{SIGNED}"
    about = facts(signature("one")._replace(log="https://log.example:1", logs=logs))
    assert verdict(read(text), about) == (expected, RULE)


def test_the_moment_of_the_draft_decides_whether_it_warns() -> None:
    found: Policy = read(DEFINED)
    assert found.sections[0].warn_until == datetime(2026, 12, 1, tzinfo=UTC)
