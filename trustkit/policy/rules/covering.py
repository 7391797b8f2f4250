"""`verify.subjects.index`: which manifests of an index a rule about evidence must hold for.

    indexOnly       what the reference resolved to; such a rule stands alone
    allReferenced   that, and every manifest the index lists
    platform        the manifest that would run; in Kubernetes, whose nodes choose it later, every one that could

Manifests for the platform `unknown/unknown` (BuildKit's attestations) run nowhere and need no signature of their own.
"""

from trustkit.model.decision import ALLOW, DENY
from trustkit.model.digest import Digest
from trustkit.model.facts import Child, Facts
from trustkit.model.values import NamedTuple
from trustkit.policy.document import CHILDREN, RUNNING, Outcome, Rule

INDEX_ONLY = "indexOnly"
ALL_REFERENCED = "allReferenced"
PLATFORM = "platform"
SUBJECTS = (INDEX_ONLY, ALL_REFERENCED, PLATFORM)
_KUBERNETES = "kubernetes"


class Covering(NamedTuple):
    """A rule about evidence, asked about each manifest in turn; all must pass."""

    rule: Rule
    subjects: str

    @property
    def id(self) -> str:
        """The rule's."""
        return self.rule.id

    @property
    def demands_evidence(self) -> bool:
        """As the rule."""
        return self.rule.demands_evidence

    @property
    def reads(self) -> tuple[str, ...]:
        """What the rule reads, of more manifests."""
        return (*self.rule.reads, CHILDREN if self.subjects == ALL_REFERENCED else RUNNING)

    def judge(self, facts: Facts) -> Outcome:
        """Ask the rule about each manifest that must be covered."""
        nested = next((child for child in facts.image.children if child.nested), None)
        if nested is not None:
            return Outcome(DENY, f"{nested.digest} is an index inside the index, and is not looked into")
        evidence: list[Digest] = []
        message = ""
        for number, (digest, name) in enumerate(self._subjects(facts)):
            about = facts.image._replace(digest=digest)
            outcome = self.rule.judge(facts._replace(image=about))
            if outcome.verdict != ALLOW:
                return outcome._replace(message=f"{name}{outcome.message}")
            evidence += outcome.evidence
            message = message or outcome.message
            if number:
                message = f"{message}; {name.removesuffix(': ')} too"
        return Outcome(ALLOW, message, tuple(dict.fromkeys(evidence)))

    def _subjects(self, facts: Facts) -> list[tuple[Digest, str]]:
        """Return the manifests, each with how a message begins that is about it."""
        image = facts.image
        listed = [(child.digest, f"{child.platform}: ") for child in image.children if runs(child)]
        if self.subjects == ALL_REFERENCED:
            return [(image.digest, ""), *listed]
        if listed and facts.request.engine == _KUBERNETES:
            return listed
        return [(image.manifest_digest, f"{image.platform}: " if image.children else "")]


def runs(child: Child) -> bool:
    """Whether an engine could choose the manifest."""
    return (child.platform.os, child.platform.architecture) != ("unknown", "unknown")


def bare(rule: Rule) -> Rule:
    """Return the rule itself, without the manifests it is asked about."""
    return rule.rule if isinstance(rule, Covering) else rule
