"""Who must have signed: alternatives of n-of-m over distinct signers, and which evidence satisfies them.

A signer under two names, or one signature stored twice, counts once (`trusted.told_apart`). Names and
signers are paired so that as many as possible count: a further signature never lowers the number.
"""

from collections.abc import Iterable

from trustkit.model.digest import Digest
from trustkit.model.facts import Facts
from trustkit.model.signature import VerifiedSignature
from trustkit.model.values import NamedTuple
from trustkit.policy.trusted import PolicyKey, Signer, told_apart

# Rejections and unusable signatures that a message lists.
_LISTED = 3


class Signers(NamedTuple):
    """At least `needed` distinct signers, each another of `of`."""

    needed: int
    of: tuple[Signer, ...]

    def __str__(self) -> str:
        """Return it as a sentence has it: `release-1`, or `2 of release-1, release-2`."""
        names = ", ".join(signer.name for signer in self.of)
        return names if len(self.of) == 1 else f"{self.needed} of {names}"


class Count(NamedTuple):
    """The best a set of alternatives came to: whether one is satisfied, by whom, on which evidence."""

    satisfied: bool
    option: Signers
    signed: tuple[str, ...]
    evidence: tuple[Digest, ...]
    unusable: tuple[str, ...]


def count(options: tuple[Signers, ...], items: tuple[VerifiedSignature, ...], facts: Facts) -> Count:
    """Return the first satisfied alternative, else the one nearest to it."""
    best: Count | None = None
    for option in options:
        found = _count_one(option, items, facts)
        if found.satisfied:
            return found
        if best is None or _missing(found) < _missing(best):
            best = found
    return best or Count(False, Signers(1, ()), (), (), ())


def about_image(facts: Facts, kind: str) -> tuple[VerifiedSignature, ...]:
    """Return the verified items of one kind that speak of the very digest that was asked for."""
    digest = facts.image.digest
    return tuple([item for item in facts.report.accepted if item.kind == kind and item.subject == digest])


def why_not(facts: Facts, unusable: Iterable[str] = ()) -> str:
    """Return the part of a message that says what was found instead."""
    parts = list(unusable)
    rejected = facts.report.rejected
    parts += [f"rejected {item.evidence.short} ({item.code}): {item.message}" for item in rejected]
    if not parts:
        return "" if facts.report.complete else "; not all evidence was read"
    more = f"; and {len(parts) - _LISTED} more" if len(parts) > _LISTED else ""
    return "; " + "; ".join(parts[:_LISTED]) + more


def options_text(options: tuple[Signers, ...]) -> str:
    """Return the alternatives as a sentence has them."""
    return " or ".join(str(option) for option in options)


def _missing(found: Count) -> int:
    return found.option.needed - len(found.signed)


def missing_key(found: Count) -> str:
    """Return the name of a key that has not signed yet, for a next step; `NAME` if only others are missing."""
    missing = (one.name for one in found.option.of if isinstance(one, PolicyKey) and one.name not in found.signed)
    return next(missing, "NAME")


def reads_labels(options: tuple[Signers, ...]) -> bool:
    """Whether a signer is compared with the labels of the image's configuration."""
    return any(signer.reads_labels for option in options for signer in option.of)


def _count_one(option: Signers, items: tuple[VerifiedSignature, ...], facts: Facts) -> Count:
    unusable: list[str] = []
    # for each name: the distinct signers it could stand for, with one item of each
    found: list[dict[tuple[str, ...], VerifiedSignature]] = []
    for signer in option.of:
        theirs: dict[tuple[str, ...], VerifiedSignature] = {}
        for item in items:
            if not signer.fits(item, facts):
                continue
            problem = signer.problem(item, facts)
            if problem:
                unusable.append(problem)
            else:
                theirs.setdefault(told_apart(item), item)
        found.append(theirs)
    pairs = sorted(_paired(found).items())
    names = tuple([option.of[at].name for at, _ in pairs])
    evidence = tuple([found[at][who].evidence for at, who in pairs])
    # `needed` below one would grant on absence; the parser refuses it, and so does this line
    return Count(len(pairs) >= max(option.needed, 1), option, names, evidence, tuple(unusable))


def _paired(found: list[dict[tuple[str, ...], VerifiedSignature]]) -> dict[int, tuple[str, ...]]:
    """Return a largest pairing of names with signers, no signer twice (augmenting paths)."""
    if len(found) == 1:
        return {0: next(iter(found[0]))} if found[0] else {}
    holder: dict[tuple[str, ...], int] = {}

    def place(at: int, tried: set[tuple[str, ...]]) -> bool:
        for who in found[at]:
            if who in tried:
                continue
            tried.add(who)
            if who not in holder or place(holder[who], tried):
                holder[who] = at
                return True
        return False

    for at in range(len(found)):
        place(at, set())
    return {at: who for who, at in holder.items()}
