"""A policy as the rest of the package sees it: sections with rules, and the Protocol of a rule.

A document (`kind: Policy`) becomes one Section; a Policy is a set of sections under one digest.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol  # noqa: TID251  (exemptions load on demand)

from trustkit.model.digest import Digest
from trustkit.model.facts import Facts, RequestFacts
from trustkit.model.keys import stricter
from trustkit.model.values import NamedTuple
from trustkit.policy.means import Means, strictest
from trustkit.policy.pattern import Pattern
from trustkit.policy.trusted import PolicyIdentity as PolicyIdentity  # noqa: PLC0414  (exported)
from trustkit.policy.trusted import PolicyKey as PolicyKey  # noqa: PLC0414  (exported)
from trustkit.policy.trusted import PolicyRoot

if TYPE_CHECKING:  # most policies have none
    from trustkit.policy.exemptions import Exemption
    from trustkit.policy.grants import BreakGlass

ENFORCE = "enforce"
WARN = "warn"
AUDIT = "audit"
# What a rule may look at that costs a fetch of its own.
ATTESTATIONS = "attestations"
CONFIGURATION = "configuration"
# What attestations say, as typed values.
PREDICATES = "predicates"
# Signatures, by a rule that does not demand any.
SIGNATURES = "signatures"
# Evidence of every manifest that an index lists, or of the one that would run.
CHILDREN = "children"
RUNNING = "running"
MODES = (ENFORCE, WARN, AUDIT)
# Where a pod keeps an image.
SLOTS = ("initContainers", "containers", "ephemeralContainers", "imageVolumes")
AS_CONFIGURED = Means()


class Outcome(NamedTuple):
    """What a rule found about the facts: ALLOW or DENY, why, on which evidence, and what helps."""

    verdict: str
    message: str
    evidence: tuple[Digest, ...] = ()
    next_step: str = ""


class Rule(Protocol):
    """One requirement. Total and pure; more verified evidence never turns its ALLOW into DENY."""

    @property
    def id(self) -> str:
        """The path of the field in the document that states it, such as `verify.signatures`."""

    @property
    def demands_evidence(self) -> bool:
        """Whether the rule denies an image for which nothing was verified."""

    @property
    def reads(self) -> tuple[str, ...]:
        """What the rule looks at, of the words above; evidence and configuration are fetched if a rule does."""

    def judge(self, facts: Facts) -> Outcome:
        """Return what the rule says about these facts."""


class Condition(Protocol):
    """A compiled expression."""

    def holds(self, facts: Facts, statements: Mapping[str, object]) -> tuple[bool, str]:
        """Return whether it is true, and why it has no result, if so; never raises."""


class Match(NamedTuple):
    """What a section is about; an empty tuple means every engine, every image, every namespace.

    `selector` are labels the namespace must have. `when` is a further condition on the request. `kinds` of objects and
    `slots` of pods tell Kubernetes' requests apart, and no others.
    """

    engines: tuple[str, ...] = ()
    images: tuple[Pattern, ...] = ()
    namespaces: tuple[Pattern, ...] = ()
    selector: tuple[tuple[str, str], ...] = ()
    when: Condition | None = None
    kinds: tuple[str, ...] = ()
    slots: tuple[str, ...] = ()

    def here(self, facts: Facts) -> bool:
        """Whether the section speaks about this engine, namespace and request.

        A condition without a result does not take the section away: an error must not skip rules.
        """
        request = facts.request
        if not self._asked_for(request):
            return False
        if self.namespaces and not any(pattern.matches(request.namespace) for pattern in self.namespaces):
            return False
        if self.selector and not set(self.selector) <= set(request.namespace_labels):
            return False
        if self.when is None:
            return True
        holds, problem = self.when.holds(facts, {})
        return holds or bool(problem)

    def _asked_for(self, request: RequestFacts) -> bool:
        if self.engines and request.engine not in self.engines:
            return False
        told = ((self.kinds, request.kind), (self.slots, request.slot))
        return all(not wanted or not name or name in wanted for wanted, name in told)


class Section(NamedTuple):
    """One document: what it is about, how it is enforced, and its rules in the order they are tried.

    With a `namespace` it is a document of that namespace, which adds to the cluster's and takes nothing away.
    """

    name: str
    match: Match
    mode: str
    on_no_match: str
    rules: tuple[Rule, ...]
    keys: tuple[PolicyKey, ...]
    digest: Digest
    revision: int = 0
    owner: str = ""
    file: str = ""
    roots: tuple[PolicyRoot, ...] = ()
    exemptions: "tuple[Exemption, ...]" = ()
    # until then the mode `enforce` only warns
    warn_until: datetime | None = None
    namespace: str = ""
    means: Means = AS_CONFIGURED
    # who answers for images that could not be looked at; nobody: they are denied
    fail_open: str = ""
    break_glass: "BreakGlass | None" = None


class Policy(NamedTuple):
    """All sections that hold at once; `digest` covers every document and every key."""

    name: str
    digest: Digest
    sections: tuple[Section, ...]


def reads(policy: Policy) -> frozenset[str]:
    """Return what any rule looks at, of the words above."""
    found = {what for section in policy.sections for rule in section.rules for what in rule.reads}
    terms = [section.break_glass for section in policy.sections if section.break_glass is not None]
    # grants are attestations
    found |= {ATTESTATIONS} if terms else set()
    return frozenset(found | {CONFIGURATION} if any(one.reads_labels for one in terms) else found)


def breaks_glass(policy: Policy) -> bool:
    """Whether a break-glass grant could change a decision."""
    return any(section.break_glass is not None for section in policy.sections)


def trusted_keys(policy: Policy) -> tuple[PolicyKey, ...]:
    """Return each key of the policy once, with the widest bounds any section gives it.

    The rules apply the bounds of their own section again. A name that stands for different keys in
    different sections becomes `section/name`, and so does each that only documents of a namespace know.
    """
    meanings: dict[str, set[str]] = {}
    # the cluster's first: no document of a namespace gives its keys other names
    sections = sorted(policy.sections, key=lambda section: section.namespace != "")
    for section in sections:
        for key in () if section.namespace else section.keys:
            meanings.setdefault(key.name, set()).add(key.fingerprint)
    found: dict[str, PolicyKey] = {}
    for section in sections:
        for key in section.keys:
            plain = not section.namespace and len(meanings[key.name]) == 1
            name = key.name if plain else f"{section.name}/{key.name}"
            known = found.get(key.fingerprint)
            found[key.fingerprint] = _widest(known, key) if known else key._replace(name=name)
    return tuple(found.values())


def trusted_roots(policy: Policy) -> tuple[PolicyRoot, ...]:
    """Return each root file of the policy once; `combine` saw to it that a name means one file."""
    return tuple(dict.fromkeys(root for section in policy.sections for root in section.roots))


def _widest(one: PolicyKey, other: PolicyKey) -> PolicyKey:
    algorithms: tuple[str, ...] = ()
    if one.algorithms and other.algorithms:
        algorithms = tuple(sorted({*one.algorithms, *other.algorithms}))
    not_before = not_after = None
    if one.not_before and other.not_before:
        not_before = min(one.not_before, other.not_before)
    if one.not_after and other.not_after:
        not_after = max(one.not_after, other.not_after)
    revoked = stricter(one.revoked, other.revoked)
    return one._replace(algorithms=algorithms, not_before=not_before, not_after=not_after, revoked=revoked)


def means_of(policy: Policy) -> Means:
    """Return how decisions are reached: the strictest of what the documents say."""
    return strictest(section.means for section in policy.sections if section.means != AS_CONFIGURED)
