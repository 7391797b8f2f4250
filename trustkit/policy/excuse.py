"""Why a section's denials do not count: an exemption, or a break-glass grant, that covers all of them."""

from datetime import datetime
from typing import TYPE_CHECKING  # noqa: TID251  (grants load on demand)

from trustkit.model.facts import Facts
from trustkit.model.grant import GrantUse
from trustkit.model.values import NamedTuple

if TYPE_CHECKING:  # most sections have neither
    from trustkit.policy.exemptions import Exemption
    from trustkit.policy.grants import BreakGlass


class Excuse(NamedTuple):
    """Whether the denials are excused, in which words, until when, and the grant if it is one."""

    holds: bool
    words: str = ""
    until: datetime | None = None
    grant: GrantUse | None = None

    def told(self, message: str) -> str:
        """Return the message of a rule that denies, with what became of it."""
        if not self.words:
            return message
        return f"{self.words}: {message}" if self.holds else f"{message}; {self.words}"


def excuse(
    exemptions: "tuple[Exemption, ...]", terms: "BreakGlass | None", denied: tuple[str, ...], facts: Facts
) -> Excuse:
    """Return the excuse for these denied rules; an exemption before a grant, and never the two together."""
    notes = []
    if exemptions:
        from trustkit.policy.exemptions import exemption_for

        exempted = exemption_for(exemptions, denied, facts)
        one = exempted.found
        if one is not None:
            words = f"exempt by {one.id} until {one.expires.isoformat()}, approved by {', '.join(one.approved_by)}"
            return Excuse(True, f"{words} ({one.reason})", one.expires)
        notes.append(exempted.note)
    if terms is not None:
        from trustkit.policy.grants import grant_for

        granted = grant_for(terms, denied, facts)
        use = granted.use
        if use is not None:
            words = f"broken by grant {use.id} until {use.until.isoformat()}, requested by {use.requester}"
            return Excuse(True, f"{words}, approved by {', '.join(use.approvers)} ({use.reason})", use.until, use)
        notes.append(granted.note)
    return Excuse(False, "; ".join(note for note in notes if note))
