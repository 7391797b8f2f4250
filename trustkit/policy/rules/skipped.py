"""Level `skip` of a Notary Project trust policy: nothing is verified, and the record says so.

It stands in sections of mode audit only, which report and never decide.
"""

from trustkit.model.decision import DENY
from trustkit.model.facts import Facts
from trustkit.model.values import NamedTuple
from trustkit.policy.document import Outcome


class Skipped(NamedTuple):
    """The trust policy of that name looks at no signature."""

    name: str

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return "signatureVerification.level"

    @property
    def demands_evidence(self) -> bool:
        """It denies whatever was verified, so also nothing."""
        return True

    @property
    def reads(self) -> tuple[str, ...]:
        """Nothing that costs a fetch."""
        return ()

    def judge(self, facts: Facts) -> Outcome:
        """Say that nothing was looked at."""
        message = f"trust policy {self.name} has level skip for {facts.image.ref.name}: no signature was looked at"
        return Outcome(DENY, message, (), "give the trust policy a level that verifies")
