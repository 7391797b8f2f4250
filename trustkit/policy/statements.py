"""What counted attestations say: the typed predicates that verification carried, by the signers a policy asks for.

A statement counts when one of the alternatives of `verify.attestations.NAME.by` is satisfied for this very
content: with a threshold, so many signers must have signed the same bytes.
"""

from datetime import UTC, datetime, timedelta

from trustkit import limits
from trustkit.model.digest import Digest
from trustkit.model.facts import Facts
from trustkit.model.signature import ATTESTATION, VerifiedSignature
from trustkit.model.values import NamedTuple
from trustkit.policy.signers import Signers, about_image, count, options_text, reads_labels, why_not

# Where predicates say when they were made.
_TIMES = ("finished_at", "verified_at", "created_at", "at")
_NEVER = datetime(1, 1, 1, tzinfo=UTC)
_SKEW = timedelta(seconds=limits.CLOCK_SKEW_SECONDS)


class Said(NamedTuple):
    """One counted statement: its typed predicate, or why there is none, and the evidence."""

    said: object
    problem: str
    evidence: tuple[Digest, ...]
    signed_at: datetime | None = None


class Source(NamedTuple):
    """`verify.attestations.NAME`, as other rules refer to it.

    With `newest`, only the statement of the latest time counts: a newer one replaces what older ones said.
    """

    name: str
    predicate_type: str
    options: tuple[Signers, ...]
    newest: bool = False

    @property
    def reads_labels(self) -> bool:
        """Whether a signer is compared with the image's labels."""
        return reads_labels(self.options)

    def counted(self, facts: Facts) -> tuple[Said, ...]:
        """Return each counted statement once, the newest alone if so asked."""
        groups: dict[bytes, list[VerifiedSignature]] = {}
        for item in about_image(facts, ATTESTATION):
            if item.statement is not None and item.statement.predicate_type == self.predicate_type:
                groups.setdefault(item.statement.predicate, []).append(item)
        found = []
        for items in groups.values():
            counted = count(self.options, tuple(items), facts)
            statement = items[0].statement
            if counted.satisfied and statement is not None:
                times = [item.signed_at for item in items if item.signed_at]
                at = max(times) if times else None
                found.append(Said(statement.said, statement.problem, counted.evidence, at))
        return self._newest(found, facts.now) if self.newest else tuple(found)

    def missing(self, facts: Facts) -> str:
        """Return what a rule says when nothing counts."""
        whom = options_text(self.options)
        return f"requires an attestation of type {self.predicate_type} by {whom}; found none{why_not(facts)}"

    @staticmethod
    def _newest(found: list[Said], now: datetime) -> tuple[Said, ...]:
        times = [time_of(one.said) or _NEVER for one in found]
        # what claims to be from the future could otherwise never be replaced
        real = [at for at in times if at <= now + _SKEW]
        if not real:
            return ()
        return tuple(one for one, at in zip(found, times, strict=True) if at == max(real))


def time_of(said: object) -> datetime | None:
    """Return when a predicate says it was made."""
    found = (getattr(said, name, None) for name in _TIMES)
    return next((at for at in found if isinstance(at, datetime)), None)


def age_problem(at: datetime | None, most: timedelta | None, now: datetime, what: str) -> str:
    """Return why something of this time is too old, or from the future, or nothing."""
    if at is None:
        return f"{what} does not say when it was made" if most is not None else ""
    if at > now + _SKEW:
        return f"{what} claims to be from the future, {at.isoformat()}"
    if most is not None and now - at > most:
        return f"{what} is of {at.isoformat()}"
    return ""


def unread(found: tuple[Said, ...], kind: type) -> str:
    """Return why none of the statements is of the kind, for a message."""
    problems = [one.problem for one in found if not isinstance(one.said, kind)]
    return next((problem for problem in problems if problem), "its content is of another kind")
