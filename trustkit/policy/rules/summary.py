"""`require.verificationSummary`: somebody the policy trusts verified the image already (SLSA VSA)."""

import re
from datetime import timedelta

from trustkit.codec.predicates.summary import PASSED, VerificationSummary
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import Facts
from trustkit.model.values import NamedTuple
from trustkit.policy.document import ATTESTATIONS, PREDICATES, Outcome
from trustkit.policy.statements import Source, age_problem, unread

_LEVEL = re.compile(r"([A-Z_]+_LEVEL_)([0-9])\Z")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:(//)?")


class Summarised(NamedTuple):
    """One counted summary that passed and satisfies everything suffices.

    Its resource must be this image by name, or begin with one of `resources`.
    """

    source: Source
    verifiers: tuple[str, ...]
    levels: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    max_age: timedelta | None = None

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return "require.verificationSummary"

    @property
    def demands_evidence(self) -> bool:
        """It denies when nothing was verified."""
        return True

    @property
    def reads(self) -> tuple[str, ...]:
        """What it looks at."""
        return (ATTESTATIONS, PREDICATES)

    def judge(self, facts: Facts) -> Outcome:
        """Look for one summary without a problem."""
        counted = self.source.counted(facts)
        if not counted:
            return Outcome(DENY, self.source.missing(facts), (), "have the verifier attest its summary")
        problems = []
        for one in counted:
            if not isinstance(one.said, VerificationSummary):
                problems.append(f"it cannot be read: {unread((one,), VerificationSummary)}")
                continue
            problem = self._problem(one.said, facts)
            if not problem:
                return Outcome(ALLOW, f"verified by {one.said.verifier_id[:200]}", one.evidence)
            problems.append(problem)
        return Outcome(DENY, f"refuses the verification summary: {problems[0]}", counted[0].evidence)

    def _problem(self, said: VerificationSummary, facts: Facts) -> str:
        if said.result != PASSED:
            return f"its result is {said.result}"
        if said.verifier_id not in self.verifiers:
            return f"its verifier is {said.verifier_id[:200]!r}"
        if not self._about(said.resource_uri, facts.image.ref.name):
            return f"it is about {said.resource_uri[:200]!r}"
        if self.policies and said.policy.uri not in self.policies:
            return f"it was verified by the policy {said.policy.uri[:200]!r}"
        missing = [level for level in self.levels if not any(_reaches(found, level) for found in said.levels)]
        if missing:
            return f"it does not reach {', '.join(missing)}"
        return age_problem(said.verified_at, self.max_age, facts.now, "the summary")

    def _about(self, uri: str, name: str) -> bool:
        if self.resources:
            return any(uri.startswith(prefix) for prefix in self.resources)
        written = _SCHEME.sub("", uri, count=1) if "://" in uri else uri
        return written == name or written.startswith((f"{name}@", f"{name}:"))


def _reaches(found: str, wanted: str) -> bool:
    one, other = _LEVEL.match(found), _LEVEL.match(wanted)
    if one is None or other is None:
        return found == wanted
    return one[1] == other[1] and one[2] >= other[2]
