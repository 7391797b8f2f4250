"""What was given up after it was signed: keys by fingerprint, images by digest. Lists only ever grow."""

from collections.abc import Iterable

from trustkit.model.keys import KeyRevocation
from trustkit.model.values import NamedTuple

KEY = "key"
IMAGE = "image"


class Revocation(NamedTuple):
    """One key or image: which (the text of a fingerprint or digest), its name, who gave it up, from when on and why."""

    kind: str
    what: str
    name: str
    by: str
    lost: KeyRevocation

    def __str__(self) -> str:
        """Return why it is refused, in words."""
        return f"revoked from {self.lost.at.isoformat()} by {self.by}: {self.lost.reason}"


class Revocations(NamedTuple):
    """All that was given up, each once, in the order of kind and name."""

    items: tuple[Revocation, ...] = ()

    def joined(self, others: Iterable[Revocation]) -> "Revocations":
        """Return these and others; of one thing given up twice the earlier and stricter word counts."""
        found = {(one.kind, one.what): one for one in self.items}
        for other in others:
            known = found.get((other.kind, other.what))
            found[other.kind, other.what] = other if known is None else _stricter(known, other)
        return Revocations(tuple(found[key] for key in sorted(found)))

    def of(self, kind: str) -> dict[str, Revocation]:
        """Return those of one kind by fingerprint or digest."""
        return {one.what: one for one in self.items if one.kind == kind}


def _stricter(one: Revocation, other: Revocation) -> Revocation:
    # compared as text too, so that every node chooses the same of two
    first = min(one, other, key=lambda found: (found.lost.at, found.lost.reason, found.by, found.name))
    allow = one.lost.allow_before and other.lost.allow_before
    return first._replace(lost=first.lost._replace(allow_before=allow))
