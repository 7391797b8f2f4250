"""`require.image.registries`: the image comes from one of these places."""

from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import Facts
from trustkit.model.values import NamedTuple
from trustkit.policy.document import Outcome
from trustkit.policy.pattern import Pattern


class FromRegistry(NamedTuple):
    """A pattern with a slash is matched on the whole normalised name, one without on the registry host."""

    patterns: tuple[Pattern, ...]

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return "require.image.registries"

    @property
    def demands_evidence(self) -> bool:
        """It looks at the reference only."""
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """Nothing that costs a fetch."""
        return ()

    def judge(self, facts: Facts) -> Outcome:
        """Match the normalised reference; layouts and archives have no registry and need a full pattern."""
        ref = facts.image.ref
        for pattern in self.patterns:
            subject = ref.name if "/" in pattern.text else ref.registry
            if subject and pattern.matches(subject):
                return Outcome(ALLOW, f"{ref.name} is in {pattern.text}")
        allowed = ", ".join(pattern.text for pattern in self.patterns)
        message = f"requires an image from {allowed}; found {ref.name}"
        return Outcome(DENY, message, (), "copy the image to an allowed registry, sign it there, and use it from there")
