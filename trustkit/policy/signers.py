"""Who must have signed: alternatives of n-of-m over distinct keys, and which evidence satisfies them.

Keys are told apart by fingerprint: one key under two names, or one signature stored twice, counts once.
"""

from collections.abc import Iterable

from trustkit.model.digest import Digest
from trustkit.model.facts import Facts
from trustkit.model.signature import VerifiedSignature
from trustkit.model.values import NamedTuple
from trustkit.policy.document import PolicyKey

# Rejections and unusable signatures that a message lists.
_LISTED = 3


class Signers(NamedTuple):
    """At least `needed` distinct keys of `keys`."""

    needed: int
    keys: tuple[PolicyKey, ...]

    def __str__(self) -> str:
        """Return it as a sentence has it: `release-1`, or `2 of release-1, release-2`."""
        names = ", ".join(key.name for key in self.keys)
        return names if len(self.keys) == 1 else f"{self.needed} of {names}"


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
    return tuple(item for item in facts.report.accepted if item.kind == kind and item.subject == facts.image.digest)


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


def _count_one(option: Signers, items: tuple[VerifiedSignature, ...], facts: Facts) -> Count:
    signed: dict[str, VerifiedSignature] = {}
    names: list[str] = []
    unusable: list[str] = []
    for key in option.keys:
        for item in items:
            if item.signer.fingerprint != key.fingerprint or key.fingerprint in signed:
                continue
            problem = _unusable(item, key, facts)
            if problem:
                unusable.append(problem)
                continue
            signed[key.fingerprint] = item
            names.append(key.name)
    evidence = tuple(item.evidence for item in signed.values())
    # `needed` below one would grant on absence; the parser refuses it, and so does this line
    satisfied = len(signed) >= max(option.needed, 1)
    return Count(satisfied, option, tuple(names), evidence, tuple(unusable))


def _unusable(item: VerifiedSignature, key: PolicyKey, facts: Facts) -> str:
    """Return why this section's bounds on the key exclude the item, or nothing."""
    if key.algorithms and item.algorithm not in key.algorithms:
        return f"signed by {key.name} with {item.algorithm}, allowed are {', '.join(key.algorithms)}"
    if key.not_before and facts.now < key.not_before:
        return f"signed by {key.name}, which is not trusted before {key.not_before.isoformat()}"
    if key.not_after and facts.now > key.not_after:
        return f"signed by {key.name}, which is not trusted after {key.not_after.isoformat()}"
    return ""
