"""Our policies in other tools' words, judged by those words' own meaning."""

import base64
import json

import pytest
from cel_expr_python import cel

from policy_facts import facts, read, signature, spec
from trustkit.model.decision import ALLOW
from trustkit.model.facts import RequestFacts
from trustkit.policy.evaluate import evaluate
from trustkit.policy.exporting import admission_policy, containers, notation
from trustkit.policy.exporting.exported import Exported

SIGNED = "  verify: {signatures: {key: one}}\n"
KEY = {"type": "sigstoreSigned", "keyData": base64.b64encode(b"one.pub").decode(),
       "signedIdentity": {"type": "matchRepository"}}  # fmt: skip
REJECT = [{"type": "reject"}]


def exported(body: str) -> Exported:
    return containers.export(spec(body))


@pytest.mark.parametrize(
    ("match", "scopes", "default"),
    [
        ("", {}, [KEY]),
        ("  match: {images: ['r.example/**']}\n", {"r.example": [KEY]}, REJECT),
        (
            "  match: {images: ['r.example/app', '*.example/**']}\n",
            {"r.example/app": [KEY], "*.example": [KEY]},
            REJECT,
        ),
    ],
)
def test_a_key_becomes_a_requirement_of_its_scopes(match: str, scopes: object, default: object) -> None:
    document = exported(match + SIGNED).document
    assert document == {"default": default, "transports": {"docker": scopes}}


@pytest.mark.parametrize(
    "verify",
    [
        "verify: {signatures: {threshold: {count: 1, of: [one, two]}}}",
        "verify: {signatures: {key: one, annotations: {a: b}}}",
        "verify: {attestations: {p: {type: t, by: {key: one}}}}",
        "verify: {signatures: {key: one}, attestations: {p: {type: t, by: {key: one}}}}",
    ],
)
def test_a_demand_that_cannot_be_said_there_rejects_and_is_listed(verify: str) -> None:
    found = exported(f"  match: {{images: ['r.example/**']}}\n  {verify}\n")
    document = json.loads(json.dumps(found.document))
    assert document["transports"]["docker"]["r.example"] == REJECT
    assert any("rejected" in what for what in found.left_out)


def test_all_of_n_becomes_n_requirements() -> None:
    found = exported("  verify: {signatures: {threshold: {count: 2, of: [one, two]}}}\n")
    assert len(json.loads(json.dumps(found.document))["default"]) == 2


def test_a_narrower_scope_keeps_the_requirements_of_the_wider_ones() -> None:
    one = "apiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {name: NAME}\nspec:\n  trust: {keys: {k: {pem: PEM}}}\n"
    wide = one.replace("NAME", "wide").replace("PEM", "wide.pub") + "  verify: {signatures: {key: k}}\n"
    narrow = one.replace("NAME", "narrow").replace("PEM", "narrow.pub") + (
        "  match: {images: ['r.example/app/**']}\n  verify: {signatures: {key: k}}\n"
    )
    document = json.loads(json.dumps(containers.export(read(wide + "---\n" + narrow)).document))
    assert len(document["transports"]["docker"]["r.example/app"]) == 2
    assert len(document["default"]) == 1


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (SIGNED + "  require: {runtime: {denyPrivileged: true}}\n", "not enforced there"),
        ("  enforcement: {mode: audit}\n" + SIGNED, "only reports"),
        ("  match: {engines: [podman]}\n" + SIGNED, "about every request"),
        ("  match: {images: ['r.example/app']}\n" + SIGNED, "also covers what lies below"),
        ("  match: {images: ['r*.example/**']}\n" + SIGNED, "is no scope"),
    ],
)
def test_what_is_left_out_is_listed(body: str, word: str) -> None:
    assert any(word in what for what in exported(body).left_out)


def test_a_pattern_that_is_no_scope_rejects_everything_it_might_mean() -> None:
    document = json.loads(json.dumps(exported("  match: {images: ['r*.example/**']}\n" + SIGNED).document))
    assert document["default"] == REJECT


# --- ValidatingAdmissionPolicy --------------------------------------------------------------------

ENV = cel.NewEnv(variables={"object": cel.Type.DYN, "variables": cel.Type.DYN})
GOOD = {
    "spec": {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "a",
                "image": f"r.example/app@sha256:{'11' * 32}",
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
                },
            }
        ],
        "volumes": [{"name": "v", "configMap": {"name": "c"}}],
    }
}
RESTRICTED = (
    SIGNED
    + "  require: {runtime: {profile: restricted, readOnlyRoot: true}}\n  enforcement: {digest: {require: true}}\n"
)


def admits(pod: dict[str, object], body: str = RESTRICTED) -> bool:
    found = admission_policy.export(spec(body))
    policy = json.loads(json.dumps(found.document))["items"][0]
    everything = {"object": pod, "variables": {}}
    variable = policy["spec"]["variables"][0]["expression"]
    everything["variables"] = {"containers": ENV.compile(variable).eval(data=everything).plain_value()}
    results = [ENV.compile(one["expression"]).eval(data=everything) for one in policy["spec"]["validations"]]
    # an expression with an error denies: failurePolicy Fail
    return all(result.type() == cel.Type.BOOL and result.plain_value() is True for result in results)


def changed(path: str, value: object) -> dict[str, object]:
    pod = json.loads(json.dumps(GOOD))
    holder = pod["spec"]
    *names, last = path.split(".")
    for name in names:
        holder = holder[int(name)] if name.isdigit() else holder.setdefault(name, {})
    if value is None:
        del holder[last]
    else:
        holder[last] = value
    return pod


def test_a_hardened_pod_is_admitted() -> None:
    assert admits(GOOD)
    assert admits(changed("volumes", None))
    assert admits(changed("initContainers", json.loads(json.dumps(GOOD))["spec"]["containers"]))


BAD = {"name": "b", "image": f"r.example/b@sha256:{'22' * 32}"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("hostNetwork", True),
        ("hostPID", True),
        ("hostIPC", True),
        ("volumes", [{"name": "h", "hostPath": {"path": "/"}}]),
        ("volumes", [{"name": "h", "nfs": {"path": "/"}}]),
        ("containers.0.securityContext.privileged", True),
        ("containers.0.securityContext.allowPrivilegeEscalation", True),
        ("containers.0.securityContext.allowPrivilegeEscalation", None),
        ("containers.0.securityContext.readOnlyRootFilesystem", False),
        ("containers.0.securityContext.capabilities.add", ["NET_ADMIN"]),
        ("containers.0.securityContext.capabilities.drop", ["NET_RAW"]),
        ("containers.0.securityContext.capabilities", None),
        ("containers.0.securityContext", None),
        ("containers.0.securityContext.runAsNonRoot", False),
        ("containers.0.securityContext.runAsUser", 0),
        ("containers.0.securityContext.procMount", "Unmasked"),
        ("containers.0.securityContext.seccompProfile", {"type": "Unconfined"}),
        ("containers.0.ports", [{"containerPort": 80, "hostPort": 80}]),
        ("containers.0.image", "r.example/app:1"),
        ("securityContext.runAsNonRoot", None),
        ("securityContext.seccompProfile", None),
        ("securityContext.seccompProfile.type", "Unconfined"),
        ("securityContext.runAsUser", 0),
        ("securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}]),
        ("initContainers", [BAD]),
        ("ephemeralContainers", [BAD]),
    ],
)
def test_a_pod_that_asks_for_more_is_refused(path: str, value: object) -> None:
    assert not admits(changed(path, value))


def test_baseline_leaves_an_unset_seccomp_profile_alone_and_refuses_unconfined() -> None:
    baseline = SIGNED + "  require: {runtime: {profile: baseline}}\n"
    plain = {"spec": {"containers": [{"name": "a", "image": "x"}]}}
    assert admits(plain, baseline)
    assert not admits(
        {"spec": {**plain["spec"], "securityContext": {"seccompProfile": {"type": "Unconfined"}}}}, baseline
    )
    assert evaluate(spec(baseline), facts(signature("one"), request=RequestFacts(seccomp="unset"))).verdict == ALLOW


def test_what_no_admission_policy_can_say_is_listed() -> None:
    found = admission_policy.export(spec("  match: {images: ['r.example/**']}\n" + RESTRICTED))
    assert "test/verify.signatures: cannot be said there" in found.left_out
    assert any("about every Pod" in what for what in found.left_out)


@pytest.mark.parametrize(
    ("enforcement", "actions"), [("", ["Deny", "Audit"]), ("  enforcement: {mode: warn}\n", ["Warn", "Audit"])]
)
def test_the_binding_says_whether_it_denies(enforcement: str, actions: list[str]) -> None:
    body = SIGNED + "  require: {runtime: {denyPrivileged: true}}\n  match: {namespaces: [shop]}\n" + enforcement
    binding = json.loads(json.dumps(admission_policy.export(spec(body)).document))["items"][1]
    assert binding["spec"]["validationActions"] == actions
    assert binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"][0]["values"] == ["shop"]


CERTIFIED = """
  trust:
    roots: {x509: {corp: corp.pem, other: {pem: other.pem, kind: signingAuthority}}, tsa: {stamp: stamp.pem}}
    certificates:
      release: {root: corp, subjects: ['C=US, ST=WA, O=corp']}
      exact: {root: corp, subjects: ['C=US, ST=WA, O=corp, CN=one']}
      partner: {root: other, subjects: ['C=DE, ST=BE, O=partner']}
      anybody: {root: other, subjects: ['*']}
      vague: {root: corp, subjects: ['O=corp']}
    keys: {one: {pem: one.pub}}
"""
BY = "  verify: {signatures: {x509: release}}\n"
STORES = ["ca:corp", "tsa:stamp"]
DENIED = {"trustStores": [notation.NOBODY], "trustedIdentities": ["*"]}


def statements(body: str) -> list[tuple[list[str], dict[str, object]]]:
    document = json.loads(json.dumps(notation.export(spec(CERTIFIED + body, keys=False)).document))
    return [
        (one["registryScopes"], {name: one[name] for name in ("trustStores", "trustedIdentities")})
        for one in document["trustPolicies"]
    ]


@pytest.mark.parametrize(
    ("verify", "stores", "identities"),
    [
        (BY, STORES, ["x509.subject: C=US, ST=WA, O=corp"]),
        ("  verify: {signatures: {x509: anybody}}\n", ["signingAuthority:other", "tsa:stamp"], ["*"]),
        (
            "  verify: {signatures: {anyOf: [{x509: exact}, {x509: release}]}}\n",
            STORES,
            ["x509.subject: C=US, ST=WA, O=corp"],
        ),
    ],
)
def test_certificates_become_stores_and_identities(verify: str, stores: list[str], identities: list[str]) -> None:
    match = "  match: {images: ['r.example/app', '**', 'r.example/web']}\n"
    said = {"trustStores": stores, "trustedIdentities": identities}
    assert statements(match + verify) == [(["*"], said), (["r.example/app", "r.example/web"], said)]


@pytest.mark.parametrize(
    "verify",
    [
        "{signatures: {anyOf: [{x509: release}, {x509: partner}]}}",
        "{signatures: {threshold: {count: 2, of: [release, partner]}}}",
        "{signatures: {x509: vague}}",
        "{signatures: {key: one}}",
        "{signatures: {x509: release, annotations: {a: b}}}",
        "{signatures: {x509: release}, attestations: {p: {type: t, by: {x509: release}}}}",
        "{attestations: {p: {type: t, by: {x509: release}}}}",
    ],
)
def test_what_a_statement_cannot_say_is_denied_there_and_listed(verify: str) -> None:
    assert statements(f"  match: {{images: ['r.example/app']}}\n  verify: {verify}\n") == [(["r.example/app"], DENIED)]
    found = notation.export(spec(CERTIFIED + f"  verify: {verify}\n", keys=False))
    assert any("denied" in one for one in found.left_out)


def test_a_pattern_that_is_no_scope_closes_what_is_not_named() -> None:
    found = statements("  match: {images: ['r.example/app', '**', 'r.example/prod/**']}\n" + BY)
    assert found[0] == (["*"], DENIED)
    assert found[1][0] == ["r.example/app"]


def test_a_scope_of_two_documents_is_denied_unless_both_say_the_same() -> None:
    wide = "apiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {name: wide}\nspec:" + CERTIFIED + BY
    narrow = wide.replace("wide", "narrow") + "  match: {images: ['r.example/app']}\n"
    same = json.loads(json.dumps(notation.export(read(wide + "---\n" + narrow)).document))
    assert [one["trustStores"] for one in same["trustPolicies"]] == [STORES, STORES]
    other = narrow.replace("x509: release", "x509: anybody")
    split = json.loads(json.dumps(notation.export(read(wide + "---\n" + other)).document))
    assert [one["trustStores"] for one in split["trustPolicies"]] == [STORES, [notation.NOBODY]]
    quiet = narrow.replace(BY, "  require: {runtime: {denyPrivileged: true}}\n")
    kept = json.loads(json.dumps(notation.export(read(wide + "---\n" + quiet)).document))
    assert [one["trustStores"] for one in kept["trustPolicies"]] == [STORES, STORES]


def test_a_policy_that_asks_for_nothing_denies_there() -> None:
    assert statements("  require: {runtime: {denyPrivileged: true}}\n") == [(["*"], DENIED)]
