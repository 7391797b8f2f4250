"""The runtime part of a policy as Kubernetes' ValidatingAdmissionPolicy, which needs no webhook.

It speaks about Pods and their ephemeral containers. Signatures, attestations and facts of images cannot be said in it:
they are listed as left out, and need the webhook or an engine that verifies.
"""

from collections.abc import Callable, Iterator, Mapping

from trustkit.model.values import NamedTuple
from trustkit.policy.document import ENFORCE, Policy, Section
from trustkit.policy.exporting.exported import Exported
from trustkit.policy.rules.pinned import Pinned
from trustkit.policy.rules.runtime import RuntimeRule

_CONTAINERS = (
    "object.spec.containers + (has(object.spec.initContainers) ? object.spec.initContainers : []) + "
    "(has(object.spec.ephemeralContainers) ? object.spec.ephemeralContainers : [])"
)
_EACH = "variables.containers.all(c, {})"
_CONTEXT = "has(c.securityContext) && has(c.securityContext.{0}) && "
_SPEC_CONTEXT = "has(object.spec.securityContext) && has(object.spec.securityContext.{0}) && "
_VOLUMES = "(!has(object.spec.volumes) || object.spec.volumes.all(v, {}))"


class _Validation(NamedTuple):
    expression: str
    message: str


def export(policy: Policy) -> Exported:
    """Return a list of policies and bindings, and what they do not enforce."""
    left_out: list[str] = []
    items: list[dict[str, object]] = []
    for section in policy.sections:
        validations = [one for rule in section.rules for one in _validations(rule, section, left_out)]
        if section.match.images or section.match.when is not None or section.match.selector:
            left_out.append(f"{section.name}: images and conditions are left out: it is about every Pod")
        if section.exemptions:
            left_out.append(f"{section.name}: exemptions are left out")
        if section.break_glass:
            left_out.append(f"{section.name}: break-glass grants are left out")
        if validations:
            items += [_policy(section, validations), _binding(section)]
    return Exported({"apiVersion": "v1", "kind": "List", "items": items}, tuple(left_out))


def _validations(rule: object, section: Section, left_out: list[str]) -> Iterator[_Validation]:
    name = str(getattr(rule, "id", ""))
    if isinstance(rule, RuntimeRule) and rule.field in _RUNTIME:
        expression = _RUNTIME[rule.field](rule.allowed)
    elif isinstance(rule, Pinned):
        expression = _EACH.format("c.image.contains('@sha256:')")
    else:
        left_out.append(f"{section.name}/{name}: cannot be said there")
        return
    yield _Validation(expression, f"{section.name}/{name} refuses the Pod")


def _policy(section: Section, validations: list[_Validation]) -> dict[str, object]:
    resources = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
                 "resources": ["pods", "pods/ephemeralcontainers"]}  # fmt: skip
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": _name(section)},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [resources]},
            "variables": [{"name": "containers", "expression": _CONTAINERS}],
            "validations": [one._asdict() for one in validations],
        },
    }


def _binding(section: Section) -> dict[str, object]:
    actions = ["Deny", "Audit"] if section.mode == ENFORCE else ["Warn", "Audit"]
    spec: dict[str, object] = {"policyName": _name(section), "validationActions": actions}
    names = [pattern.text for pattern in section.match.namespaces]
    # a pattern cannot be said in a selector: then it holds in every namespace
    if names and not any("*" in name for name in names):
        expression = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": names}
        spec["matchResources"] = {"namespaceSelector": {"matchExpressions": [expression]}}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": _name(section)},
        "spec": spec,
    }


def _name(section: Section) -> str:
    """Return a name for the objects of a document; none of a namespace can be taken for one of the cluster."""
    return f"trustkit.{section.name.replace('/', '.')}" if section.namespace else f"trustkit-{section.name}"


def _listed(allowed: tuple[str, ...]) -> str:
    return "[" + ", ".join("'" + one.replace("\\", "\\\\").replace("'", "\\'") + "'" for one in allowed) + "]"


def _context(name: str, test: str) -> str:
    """Return that a field of a container's context, if it is set, passes the test."""
    return _EACH.format(f"!({_CONTEXT.format(name)}!({test}))")


def _effective(name: str, container: str, pod: str) -> str:
    """Return that a container's own setting passes, or else the Pod's."""
    own, shared = _CONTEXT.format(name), _SPEC_CONTEXT.format(name)
    return _EACH.format(f"({own}true) ? ({container}) : ({shared}{pod})")


def _capabilities(field: str, test: str, *, required: bool) -> str:
    has = (
        f"has(c.securityContext) && has(c.securityContext.capabilities) && has(c.securityContext.capabilities.{field})"
    )
    return _EACH.format(f"{has} && {test}" if required else f"!({has}) || {test}")


def _seccomp(allowed: tuple[str, ...]) -> str:
    names = _listed(allowed)
    found = _effective(
        "seccompProfile",
        f"c.securityContext.seccompProfile.type in {names}",
        f"object.spec.securityContext.seccompProfile.type in {names}",
    )
    if "Unset" not in allowed:
        return found
    unset = f"!({_SPEC_CONTEXT.format('seccompProfile')}true)"
    own = _context("seccompProfile", f"c.securityContext.seccompProfile.type in {names}")
    return f"{own} && ({unset} || object.spec.securityContext.seccompProfile.type in {names})"


_HOST = ("hostNetwork", "hostPID", "hostIPC")
_RUNTIME: Mapping[str, Callable[[tuple[str, ...]], str]] = {
    "denyPrivileged": lambda _: _context("privileged", "!c.securityContext.privileged"),
    "denyHostNamespaces": lambda _: " && ".join(f"!(has(object.spec.{one}) && object.spec.{one})" for one in _HOST),
    "denyHostPath": lambda _: _VOLUMES.format("!has(v.hostPath)"),
    "denyHostPorts": lambda _: _EACH.format("!has(c.ports) || c.ports.all(p, !has(p.hostPort) || p.hostPort == 0)"),
    "denyNewPrivileges": lambda _: _EACH.format(
        f"{_CONTEXT.format('allowPrivilegeEscalation')}!c.securityContext.allowPrivilegeEscalation"
    ),
    "readOnlyRoot": lambda _: _EACH.format(
        f"{_CONTEXT.format('readOnlyRootFilesystem')}c.securityContext.readOnlyRootFilesystem"
    ),
    "requireNonRoot": lambda _: (
        _effective("runAsNonRoot", "c.securityContext.runAsNonRoot", "object.spec.securityContext.runAsNonRoot")
        + " && "
        + _context("runAsUser", "c.securityContext.runAsUser != 0")
        + f" && !({_SPEC_CONTEXT.format('runAsUser')}object.spec.securityContext.runAsUser == 0)"
    ),
    "capabilities.add": lambda allowed: _capabilities(
        "add", f"c.securityContext.capabilities.add.all(one, one in {_listed(allowed)})" if allowed
        else "c.securityContext.capabilities.add.size() == 0", required=False
    ),
    "capabilities.drop": lambda allowed: _capabilities(
        "drop", f"('ALL' in c.securityContext.capabilities.drop || {_listed(allowed)}"
        ".all(one, one in c.securityContext.capabilities.drop))", required=True
    ),
    "procMount": lambda allowed: _context("procMount", f"c.securityContext.procMount in {_listed(allowed)}"),
    "seccomp": _seccomp,
    "sysctls": lambda allowed: (
        f"!({_SPEC_CONTEXT.format('sysctls')}!object.spec.securityContext.sysctls.all(s, s.name in {_listed(allowed)}))"
    ),
    "volumes": lambda allowed: _VOLUMES.format(
        " || ".join(f"has(v.{one})" for one in allowed if one.isalpha()) or "false"
    ),
}  # fmt: skip
