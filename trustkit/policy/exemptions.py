"""Exemptions: named rules of a section that may fail for named images, with reason, approver and end.

Only one exemption helps an image at a time: it must cover every rule that denies. So two of them never widen
each other (GHSA-gg4x-fgg2-h9w9).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from trustkit.model.facts import Facts
from trustkit.model.values import NamedTuple
from trustkit.policy.pattern import Pattern

# An exemption for longer is a different policy.
LONGEST = timedelta(days=180)


class ExemptImage(NamedTuple):
    """Which image: a pattern over names, and the exact digest if one is given."""

    pattern: Pattern
    digest: str = ""

    def fits(self, facts: Facts) -> bool:
        """Whether the image asked for is meant."""
        about = facts.image
        return self.pattern.matches(about.ref.name) and self.digest in ("", str(about.digest))


class Exemption(NamedTuple):
    """`skip` names rules by their id, or by the beginning of it up to a dot."""

    id: str
    images: tuple[ExemptImage, ...]
    skip: tuple[str, ...]
    reason: str
    approved_by: tuple[str, ...]
    expires: datetime
    namespaces: tuple[str, ...] = ()

    def covers(self, rule: str) -> bool:
        """Whether the rule is named."""
        return any(rule == name or rule.startswith(f"{name}.") for name in self.skip)

    def problem(self, now: datetime) -> str:
        """Return why the exemption does not hold at this moment, or nothing."""
        if now >= self.expires:
            return f"exemption {self.id} ended at {self.expires.isoformat()}"
        if self.expires - now > LONGEST:
            return f"exemption {self.id} would hold for more than {LONGEST.days} days"
        return ""

    def fits(self, facts: Facts) -> bool:
        """Whether the exemption is about this image, here."""
        if self.namespaces and facts.request.namespace not in self.namespaces:
            return False
        return any(image.fits(facts) for image in self.images)


class Exempted(NamedTuple):
    """The exemption that applies, or a note why those about the image do not."""

    found: Exemption | None = None
    note: str = ""


def exemption_for(exemptions: tuple[Exemption, ...], denied: Iterable[str], facts: Facts) -> Exempted:
    """Return the first exemption that covers every denied rule."""
    rules = tuple(denied)
    note = ""
    for one in exemptions if rules else ():
        if not one.fits(facts):
            continue
        uncovered = [rule for rule in rules if not one.covers(rule)]
        problem = one.problem(facts.now)
        if not problem and not uncovered:
            return Exempted(one)
        note = note or problem or f"exemption {one.id} does not cover {uncovered[0]}"
    return Exempted(None, note)
