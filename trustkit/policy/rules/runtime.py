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
SECCOMP_NAMES = {"default": "RuntimeDefault", "unconfined": "Unconfined"}


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
    shared = [name for name, used in (("network", request.host_network), ("pid", request.host_pid)) if used]
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


CHECKS: Mapping[str, Callable[[RequestFacts, tuple[str, ...]], str]] = {
    "denyPrivileged": _privileged,
    "denyHostNamespaces": _host_namespaces,
    "denyHostPath": _host_path,
    "capabilities.add": _capabilities,
    "denyRootUser": _root_user,
    "readOnlyRoot": _read_only,
    "seccomp": _seccomp,
}
STEPS: Mapping[str, str] = {
    "denyPrivileged": "run it without --privileged; add single capabilities if the policy allows them",
    "denyHostNamespaces": "run it with --network bridge or none",
    "denyHostPath": "mount a named volume in place of the host path",
    "capabilities.add": "drop the --cap-add options the policy does not list",
    "denyRootUser": "run it with a numeric user, such as -u 10001",
    "readOnlyRoot": "run it with --read-only",
    "seccomp": "run it with the default seccomp profile",
}
