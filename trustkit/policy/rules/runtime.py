"""`require.runtime`: what a run may ask for. Looking at or pulling an image asks for nothing.

Each check takes the request and returns what is wrong with it, or nothing.
"""

from collections.abc import Callable, Mapping

from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import Facts, RequestFacts
from trustkit.model.values import NamedTuple
from trustkit.policy.document import CONFIGURATION, Outcome
from trustkit.policy.user import root_problem

# Nothing is started for these; every other purpose, known or not, is judged as a run.
NOT_A_RUN = ("verify", "pull")
SECCOMP_NAMES = {"default": "RuntimeDefault", "unconfined": "Unconfined", "unset": "Unset"}
_SELINUX_PARTS = 3
_KUBERNETES = "kubernetes"


class RuntimeRule(NamedTuple):
    """One field of `require.runtime`; `allowed` is its list, for fields that have one."""

    field: str
    allowed: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return f"require.runtime.{self.field}"

    @property
    def demands_evidence(self) -> bool:
        """It looks at the request only."""
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """The image's configuration, which names the user."""
        return (CONFIGURATION,)

    def judge(self, facts: Facts) -> Outcome:
        """Apply the field's check to the request."""
        if facts.request.purpose in NOT_A_RUN:
            return Outcome(ALLOW, f"nothing runs for {facts.request.purpose}")
        check = CHECKS.get(self.field)
        problem = check(facts.request, self.allowed) if check else "this version does not know the rule"
        if problem:
            return Outcome(DENY, f"refuses the request: {problem}", (), STEPS.get(self.field, ""))
        return Outcome(ALLOW, "the request keeps to it")


def capability(name: str) -> str:
    """Return a capability's name as Docker and Kubernetes write it: upper case, without CAP_."""
    return name.upper().removeprefix("CAP_")


def _privileged(request: RequestFacts, _allowed: tuple[str, ...]) -> str:
    return "it is privileged" if request.privileged else ""


def _host_namespaces(request: RequestFacts, _allowed: tuple[str, ...]) -> str:
    used = (("network", request.host_network), ("pid", request.host_pid), ("ipc", request.host_ipc))
    shared = [name for name, is_used in used if is_used]
    return f"it shares the host's {' and '.join(shared)} namespace" if shared else ""


def _host_path(request: RequestFacts, _allowed: tuple[str, ...]) -> str:
    reached = request.host_mounts + request.devices
    return f"it reaches {', '.join(reached[:8])} of the host" if reached else ""


def _capabilities(request: RequestFacts, allowed: tuple[str, ...]) -> str:
    extra = sorted({capability(name) for name in request.capabilities_added} - set(allowed))
    if request.privileged:
        extra.insert(0, "ALL (privileged)")
    if not extra:
        return ""
    return f"it adds {', '.join(extra[:8])}; allowed: {', '.join(allowed) or 'none'}"


def _root_user(request: RequestFacts, _allowed: tuple[str, ...]) -> str:
    return root_problem(request.user)


def _read_only(request: RequestFacts, _allowed: tuple[str, ...]) -> str:
    return "" if request.read_only else "its root file system is writable"


def _seccomp(request: RequestFacts, allowed: tuple[str, ...]) -> str:
    name = SECCOMP_NAMES.get(request.seccomp, "Localhost")
    if request.privileged:
        name = "Unconfined"
    return "" if name in allowed else f"its seccomp profile is {name}; allowed: {', '.join(allowed)}"


def _host_process(request: RequestFacts, _allowed: tuple[str, ...]) -> str:
    return "it is a process of the host" if request.host_process else ""


def _host_ports(request: RequestFacts, _allowed: tuple[str, ...]) -> str:
    return f"it takes the host's ports {', '.join(request.host_ports[:8])}" if request.host_ports else ""


def _new_privileges(request: RequestFacts, _allowed: tuple[str, ...]) -> str:
    return "its processes may gain privileges" if request.new_privileges or request.privileged else ""


def _non_root(request: RequestFacts, _allowed: tuple[str, ...]) -> str:
    # an engine that refuses root itself need not know the user; uid 0 is refused all the same
    problem = root_problem(request.user)
    declared = request.non_root and request.user.partition(":")[0] not in ("0", "root")
    if problem and not declared:
        return problem
    # the standard's words are fields of pods: a user's number does not stand in for runAsNonRoot there
    if request.engine == _KUBERNETES and not request.non_root:
        return "it does not say runAsNonRoot: true"
    # the standard restricts the pod's own field too, whatever its containers say
    return "its pod asks for root (runAsUser: 0)" if request.pod_root else ""


def _dropped(request: RequestFacts, allowed: tuple[str, ...]) -> str:
    dropped = {capability(name) for name in request.capabilities_dropped}
    missing = [] if "ALL" in dropped else [name for name in allowed if name not in dropped]
    return f"it does not drop {', '.join(missing)}" if missing else ""


def _beyond(what: str, found: tuple[str, ...], allowed: tuple[str, ...]) -> str:
    extra = [one for one in found if one not in allowed]
    return f"its {what} {', '.join(extra[:8])} are not among {', '.join(allowed)}" if extra else ""


def _volumes(request: RequestFacts, allowed: tuple[str, ...]) -> str:
    # engines without kinds of volumes name host paths only
    reached = "hostPath" not in allowed and (request.host_mounts or request.devices)
    return _beyond("volumes", request.volumes, allowed) or ("its volumes reach the host" if reached else "")


def _sysctls(request: RequestFacts, allowed: tuple[str, ...]) -> str:
    return _beyond("sysctls", tuple(name.replace("/", ".") for name in request.sysctls), allowed)


def _proc_mount(request: RequestFacts, allowed: tuple[str, ...]) -> str:
    name = "Default" if request.proc_mount in ("", "default") else request.proc_mount
    return "" if name in allowed else f"its /proc is {name}"


def _apparmor(request: RequestFacts, allowed: tuple[str, ...]) -> str:
    names = {"default": "RuntimeDefault", "": "RuntimeDefault", "unconfined": "Unconfined"}
    name = "Unconfined" if request.privileged else names.get(request.apparmor, "Localhost")
    return "" if name in allowed else f"its AppArmor profile is {name}"


def _selinux(request: RequestFacts, allowed: tuple[str, ...]) -> str:
    user, role, kind = (request.selinux.split(":") + [""] * _SELINUX_PARTS)[:_SELINUX_PARTS]
    if user or role:
        return "it chooses an SELinux user or role"
    # Kubernetes' pods and containers may each say one
    return "" if not kind or set(kind.split(",")) <= set(allowed) else f"its SELinux type is {kind}"


CHECKS: Mapping[str, Callable[[RequestFacts, tuple[str, ...]], str]] = {
    "denyPrivileged": _privileged,
    "denyHostNamespaces": _host_namespaces,
    "denyHostPath": _host_path,
    "capabilities.add": _capabilities,
    "denyRootUser": _root_user,
    "readOnlyRoot": _read_only,
    "seccomp": _seccomp,
    "denyHostProcess": _host_process,
    "denyHostPorts": _host_ports,
    "denyNewPrivileges": _new_privileges,
    "requireNonRoot": _non_root,
    "capabilities.drop": _dropped,
    "volumes": _volumes,
    "sysctls": _sysctls,
    "procMount": _proc_mount,
    "apparmor": _apparmor,
    "selinuxTypes": _selinux,
}
STEPS: Mapping[str, str] = {
    "denyPrivileged": "run it without --privileged; add single capabilities if the policy allows them",
    "denyHostNamespaces": "run it with --network bridge or none",
    "denyHostPath": "mount a named volume in place of the host path",
    "capabilities.add": "drop the --cap-add options the policy does not list",
    "denyRootUser": "run it with a numeric user, such as -u 10001",
    "readOnlyRoot": "run it with --read-only",
    "seccomp": "run it with the default seccomp profile",
    "denyHostPorts": "reach it through a service",
    "denyNewPrivileges": "set allowPrivilegeEscalation: false, or --security-opt no-new-privileges",
    "requireNonRoot": "set runAsNonRoot: true, or without pods a numeric user; no pod's user may be 0",
    "capabilities.drop": "drop ALL capabilities and add the few that are needed",
}
