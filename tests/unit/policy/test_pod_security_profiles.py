"""Pod Security Standards: what each profile refuses, by which rule, and what deltas change."""

import pytest

from policy_facts import facts, refused, signature, spec
from trustkit.errors import PolicySyntaxError
from trustkit.model.decision import ALLOW
from trustkit.model.facts import RequestFacts
from trustkit.policy.document import Policy
from trustkit.policy.evaluate import evaluate

POD = RequestFacts(
    purpose="run",
    engine="kubernetes",
    user="10001",
    non_root=True,
    new_privileges=False,
    capabilities_dropped=("ALL",),
    capabilities_added=("NET_BIND_SERVICE",),
    volumes=("configMap", "emptyDir", "secret"),
    sysctls=("net.ipv4.tcp_syncookies",),
)
PLAIN_POD = RequestFacts(purpose="run", engine="kubernetes", seccomp="unset")


def profile(name: str, deltas: str = "") -> Policy:
    return spec(f"  verify: {{signatures: {{key: one}}}}\n  require: {{runtime: {{profile: {name}{deltas}}}}}\n")


def about(request: RequestFacts, **changes: object):
    return facts(signature("one"), request=request._replace(**changes))  # type: ignore[arg-type]


BASELINE = [
    ("denyHostProcess", {"host_process": True}),
    ("denyHostNamespaces", {"host_network": True}),
    ("denyHostNamespaces", {"host_pid": True}),
    ("denyHostNamespaces", {"host_ipc": True}),
    ("denyPrivileged", {"privileged": True}),
    ("capabilities.add", {"capabilities_added": ("NET_ADMIN",)}),
    ("capabilities.add", {"capabilities_added": ("cap_sys_admin",)}),
    ("capabilities.add", {"capabilities_added": ("ALL",)}),
    ("capabilities.add", {"capabilities_added": ("NET_RAW",)}),
    ("denyHostPath", {"host_mounts": ("/etc",)}),
    ("denyHostPath", {"devices": ("/dev/kvm",)}),
    ("denyHostPorts", {"host_ports": ("80/tcp",)}),
    ("apparmor", {"apparmor": "unconfined"}),
    ("selinuxTypes", {"selinux": "::spc_t"}),
    ("selinuxTypes", {"selinux": "system_u:"}),
    ("selinuxTypes", {"selinux": ":sysadm_r:container_t"}),
    ("procMount", {"proc_mount": "Unmasked"}),
    ("seccomp", {"seccomp": "unconfined"}),
    ("sysctls", {"sysctls": ("kernel.msgmax",)}),
    ("sysctls", {"sysctls": ("net.ipv4.tcp_syncookies", "net/core/somaxconn")}),
]
RESTRICTED = [
    ("volumes", {"volumes": ("hostPath",)}),
    ("volumes", {"volumes": ("configMap", "nfs")}),
    ("denyNewPrivileges", {"new_privileges": True}),
    ("requireNonRoot", {"non_root": False, "user": ""}),
    ("requireNonRoot", {"non_root": False, "user": "app"}),
    ("requireNonRoot", {"non_root": True, "user": "0"}),
    ("requireNonRoot", {"non_root": True, "user": "root:root"}),
    ("requireNonRoot", {"non_root": True, "pod_root": True}),
    ("requireNonRoot", {"non_root": False, "user": "10001"}),
    ("seccomp", {"seccomp": "unset"}),
    ("capabilities.drop", {"capabilities_dropped": ()}),
    ("capabilities.drop", {"capabilities_dropped": ("NET_RAW",)}),
    ("capabilities.add", {"capabilities_added": ("CHOWN",)}),
]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"capabilities_added": ("CHOWN", "CAP_KILL")},
        {"apparmor": "my-profile"},
        {"seccomp": "profiles/audit.json"},
        {"selinux": "::container_t:s0"},
        {"volumes": ("nfs",)},
        {"user": "root"},
        {"pod_root": True},
    ],
)
def test_baseline_admits_an_ordinary_pod(changes: dict[str, object]) -> None:
    assert evaluate(profile("baseline"), about(PLAIN_POD, **changes)).verdict == ALLOW


@pytest.mark.parametrize("changes", [{}, {"user": ""}, {"capabilities_added": ()}, {"seccomp": "profiles/x.json"}])
def test_restricted_admits_a_hardened_pod(changes: dict[str, object]) -> None:
    assert evaluate(profile("restricted"), about(POD, **changes)).verdict == ALLOW


@pytest.mark.parametrize(("rule", "changes"), BASELINE)
def test_baseline_refuses(rule: str, changes: dict[str, object]) -> None:
    decision = evaluate(profile("baseline"), about(PLAIN_POD, **changes))
    denied = [finding.rule for finding in decision.findings if finding.verdict != ALLOW]
    assert f"test/require.runtime.{rule}" in denied


@pytest.mark.parametrize(("rule", "changes"), [*BASELINE, *RESTRICTED])
def test_restricted_refuses(rule: str, changes: dict[str, object]) -> None:
    decision = evaluate(profile("restricted"), about(POD, **changes))
    denied = [finding.rule for finding in decision.findings if finding.verdict != ALLOW]
    assert f"test/require.runtime.{rule}" in denied


@pytest.mark.parametrize("name", ["baseline", "restricted"])
def test_a_docker_request_is_judged_by_the_same_profile(name: str) -> None:
    docker = RequestFacts(purpose="run", engine="docker", host_mounts=("/",), new_privileges=False, user="1",
                          capabilities_dropped=("ALL",))  # fmt: skip
    assert refused(profile(name), about(docker), "test/require.runtime.denyHostPath")
    assert evaluate(profile(name), about(docker, host_mounts=())).verdict == ALLOW


@pytest.mark.parametrize(
    ("deltas", "changes"),
    [
        (", capabilities: {add: [NET_ADMIN]}", {"capabilities_added": ("NET_ADMIN",)}),
        (", capabilities: {drop: [NET_RAW]}", {"capabilities_dropped": ("NET_RAW",)}),
        (", denyHostPorts: false", {"host_ports": ("80/tcp",)}),
        (", seccomp: [Unset, RuntimeDefault]", {"seccomp": "unset"}),
        (", volumes: [nfs]", {"volumes": ("nfs",)}),
        (", sysctls: [kernel.msgmax]", {"sysctls": ("kernel.msgmax",)}),
        (", denyNewPrivileges: false", {"new_privileges": True}),
        (", requireNonRoot: false", {"pod_root": True}),
    ],
)
def test_a_delta_changes_one_control_and_no_other(deltas: str, changes: dict[str, object]) -> None:
    assert evaluate(profile("restricted", deltas), about(POD, **changes)).verdict == ALLOW
    assert evaluate(profile("restricted"), about(POD, **changes)).verdict != ALLOW
    assert evaluate(profile("restricted", deltas), about(POD, **changes, privileged=True)).verdict != ALLOW


@pytest.mark.parametrize(
    "deltas", [", readOnlyRoot: true", ", denyRootUser: true", ", capabilities: {add: []}", ", seccomp: [Localhost]"]
)
def test_a_delta_tightens(deltas: str) -> None:
    request = POD._replace(user="") if "denyRootUser" in deltas else POD
    assert evaluate(profile("restricted"), about(request)).verdict == ALLOW
    assert evaluate(profile("restricted", deltas), about(request)).verdict != ALLOW


@pytest.mark.parametrize(
    "body",
    ["profile: privileged", "profile: [restricted]", "profile: restricted, volumes: []", "capabilities: {}",
     "profile: baseline, denyHostIpc: true", "seccomp: [unset]"],
)  # fmt: skip
def test_an_unknown_profile_or_control_is_refused(body: str) -> None:
    with pytest.raises(PolicySyntaxError):
        spec(f"  verify: {{signatures: {{key: one}}}}\n  require: {{runtime: {{{body}}}}}\n")
