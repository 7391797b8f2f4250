"""What another tool's policy says without looking at a signature: it rejects, or it lets pass unverified.

As a rule it always denies. Where that tool lets pass, it stands in a section of mode audit, which reports and never
decides: so the record says that nothing was verified.
"""

from trustkit.model.decision import DENY
from trustkit.model.facts import Facts
from trustkit.model.values import NamedTuple
from trustkit.policy.document import Outcome


class Said(NamedTuple):
    """`field` of the other tool's file, what it says of an image, and what would help."""

    field: str
    says: str
    step: str

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return self.field

    @property
    def demands_evidence(self) -> bool:
        """It denies whatever was verified, so also nothing."""
        return True

    @property
    def reads(self) -> tuple[str, ...]:
        """Nothing that costs a fetch."""
        return ()

    def judge(self, facts: Facts) -> Outcome:
        """Deny, and say why."""
        return Outcome(DENY, f"{facts.image.ref.name}: {self.says}", (), self.step)
