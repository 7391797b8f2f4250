"""`enforcement.digest.require`: the reference itself names the digest."""

from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import Facts
from trustkit.model.values import NamedTuple
from trustkit.policy.document import Outcome


class Pinned(NamedTuple):
    """A tag may point elsewhere tomorrow; a digest may not."""

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return "enforcement.digest.require"

    @property
    def demands_evidence(self) -> bool:
        """It looks at the reference only."""
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """Nothing that costs a fetch."""
        return ()

    def judge(self, facts: Facts) -> Outcome:
        """Look whether the reference as given carried a digest."""
        if facts.image.pinned:
            return Outcome(ALLOW, "the reference names the digest")
        message = f"requires a reference with a digest; found {facts.image.ref.given!r}"
        return Outcome(DENY, message, (), f"use {facts.image.ref.name}@{facts.image.digest}")
