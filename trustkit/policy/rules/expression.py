"""`require.expressions`: what the typed fields cannot say. An error in an expression denies."""

from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import Facts
from trustkit.model.signature import SIGNATURE
from trustkit.model.values import NamedTuple
from trustkit.policy.document import ATTESTATIONS, CONFIGURATION, PREDICATES, SIGNATURES, Outcome
from trustkit.policy.expressions.compile import Condition
from trustkit.policy.expressions.schema import CONFIGURED
from trustkit.policy.signers import about_image
from trustkit.policy.statements import Source


class Expression(NamedTuple):
    """One expression; `sources` are the attestations it looks at."""

    name: str
    condition: Condition
    message: str
    sources: tuple[Source, ...] = ()

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return f"require.expressions.{self.name}"

    @property
    def demands_evidence(self) -> bool:
        """Nobody can tell in general, so it is not counted as a demand."""
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """What the facts it names come from."""
        stated: tuple[str, ...] = (ATTESTATIONS, PREDICATES) if self.sources else ()
        if ("", "signatures") in self.condition.uses:
            stated = (*stated, SIGNATURES)
        configured = CONFIGURED & self.condition.uses or any(source.reads_labels for source in self.sources)
        return (*stated, CONFIGURATION) if configured else stated

    def judge(self, facts: Facts) -> Outcome:
        """Evaluate the expression."""
        statements: dict[str, object] = {source.name: source.counted(facts) for source in self.sources}
        if ("", "signatures") in self.condition.uses:
            statements[""] = about_image(facts, SIGNATURE)
        holds, problem = self.condition.holds(facts, statements)
        if holds:
            return Outcome(ALLOW, "the expression is true")
        reason = f"the expression has no result: {problem}" if problem else "the expression is false"
        return Outcome(DENY, f"{self.message}; {reason}" if self.message else reason)
