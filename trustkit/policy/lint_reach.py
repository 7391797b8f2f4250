"""What a policy says that can never matter: documents that match nothing, rules that always or never allow."""

from collections.abc import Iterator, Sequence

from trustkit.policy.document import Section
from trustkit.policy.lint_finding import ERROR, WARNING, Lint
from trustkit.policy.pattern import Pattern
from trustkit.policy.rules.covering import bare
from trustkit.policy.rules.image import ImagePlatform
from trustkit.policy.rules.runtime import RuntimeRule

_KUBERNETES = "kubernetes"
_CONTAINERD = ("containerd",)
_OWN = ("trustkit",)
# Go's names of what images are made for.
_SYSTEMS = frozenset(
    ["linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "solaris", "illumos", "aix", "plan9", "wasip1", "js"]
)
_ARCHITECTURES = frozenset(
    [
        "amd64",
        "386",
        "arm",
        "arm64",
        "ppc64le",
        "ppc64",
        "s390x",
        "riscv64",
        "mips64le",
        "mips64",
        "mipsle",
        "mips",
        "loong64",
        "wasm",
    ]
)
_KINDS = frozenset(
    [
        "Pod",
        "PodTemplate",
        "ReplicationController",
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
    ]
)


def unreached(section: Section) -> Iterator[Lint]:
    """Yield what can never matter."""
    for check in (_engines, _kinds, _patterns, _exemptions, _platforms, _runtime, _constants):
        yield from check(section)


def _engines(section: Section) -> Iterator[Lint]:
    match = section.match
    if not match.engines or _KUBERNETES in match.engines:
        return
    named = f"engines are {', '.join(match.engines)}, and only Kubernetes has"
    nowhere = bool(match.namespaces) and not any(pattern.matches("") for pattern in match.namespaces)
    if nowhere or match.selector:
        yield Lint(ERROR, "never-matches", section.name, "spec.match", f"{named} namespaces")
    if match.kinds or match.slots or section.means.paths:
        yield Lint(WARNING, "no-effect", section.name, "spec.match", f"{named} kinds, slots and custom paths")


def _kinds(section: Section) -> Iterator[Lint]:
    known = _KINDS | {path.kind for path in section.means.paths}
    for kind in section.match.kinds:
        if kind not in known:
            yield Lint(WARNING, "unknown-kind", section.name, "spec.match.kinds",
                       f"{kind} bears no pods, and no customPaths say where it keeps any")  # fmt: skip


def _patterns(section: Section) -> Iterator[Lint]:
    images = section.match.images
    for one in images:
        wider = next((other for other in images if other.text != one.text and _covers(other, one)), None)
        if wider is not None:
            yield Lint(WARNING, "shadowed-pattern", section.name, "spec.match.images",
                       f"{one.text} is covered by {wider.text}")  # fmt: skip


def _exemptions(section: Section) -> Iterator[Lint]:
    match = section.match
    for one in section.exemptions:
        where = f"spec.exceptions.exemptions {one.id}"
        if match.images and not any(_meet(image.pattern, match.images) for image in one.images):
            yield Lint(WARNING, "dead-exemption", section.name, where, "the section is about none of its images")
        named = [name for name in one.namespaces if any(pattern.matches(name) for pattern in match.namespaces)]
        if one.namespaces and match.namespaces and not named:
            yield Lint(WARNING, "dead-exemption", section.name, where, "the section is about none of its namespaces")


def _platforms(section: Section) -> Iterator[Lint]:
    for rule in section.rules:
        if not isinstance(rule, ImagePlatform):
            continue
        odd = [one for one in rule.platforms if one.os not in _SYSTEMS or one.architecture not in _ARCHITECTURES]
        if len(odd) == len(rule.platforms):
            yield Lint(ERROR, "never-allows", section.name, rule.id, "no image is made for any of these platforms")
        else:
            for one in odd:
                yield Lint(WARNING, "unknown-platform", section.name, rule.id, f"no image is made for {one}")


def _runtime(section: Section) -> Iterator[Lint]:
    rules = [rule for rule in section.rules if isinstance(rule, RuntimeRule)]
    if section.match.engines == _CONTAINERD and rules:
        yield Lint(WARNING, "asked-at-pulls", section.name, "spec.require.runtime",
                   "containerd asks about runs only where trustkit-runtime is its runtime")  # fmt: skip
    if section.match.engines == _OWN and any(rule.field == "denyNewPrivileges" for rule in rules):
        yield Lint(ERROR, "never-allows", section.name, "spec.require.runtime.denyNewPrivileges",
                   "trustkit's own engine sets no no-new-privileges; write denyNewPrivileges: false")  # fmt: skip


def _constants(section: Section) -> Iterator[Lint]:
    conditions = [("spec.match.when", section.match.when)]
    conditions += [(rule.id, getattr(bare(rule), "condition", None)) for rule in section.rules]
    if not any(condition is not None for _, condition in conditions):
        return
    from trustkit.policy.expressions.constant import constant

    for where, condition in conditions:
        value = constant(condition) if condition is not None else None
        if value is True:
            yield Lint(WARNING, "always-true", section.name, where, "the expression is true whatever the facts are")
        elif value is False and where == "spec.match.when":
            yield Lint(ERROR, "never-matches", section.name, where, "the condition is false whatever is asked")
        elif value is False:
            yield Lint(WARNING, "always-false", section.name, where, "the rule denies whatever the facts are")


def _covers(wide: Pattern, narrow: Pattern) -> bool:
    """Whether every name that `narrow` matches is surely matched by `wide`."""
    if "*" not in narrow.text:
        return wide.matches(narrow.text)
    head = wide.text.removesuffix("**")
    return wide.text == f"{head}**" and "*" not in head and narrow.text.startswith(head)


def _meet(one: Pattern, others: Sequence[Pattern]) -> bool:
    """Whether a name could be matched by both; where nobody can tell, it could."""
    return any(("*" in one.text and "*" in other.text) or other.matches(one.text) or one.matches(other.text)
               for other in others)  # fmt: skip
