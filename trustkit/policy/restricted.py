"""`require.crypto.algorithms`, `minimumStrength` and `approved`: other signatures do not count, whoever made them."""

from trustkit.model.facts import Facts
from trustkit.model.signature import VerifiedSignature
from trustkit.model.values import NamedTuple
from trustkit.policy.trusted import Demand, PolicyKey, Signer


class Restricted(NamedTuple):
    """A party whose signatures count by some algorithms only, and if they meet a demand; none asks nothing."""

    signer: Signer
    algorithms: tuple[str, ...]
    demand: Demand = Demand()

    @property
    def name(self) -> str:
        """The policy's name for it."""
        return self.signer.name

    @property
    def reads_labels(self) -> bool:
        """Whether it compares with the labels of the image's configuration."""
        return self.signer.reads_labels

    def fits(self, item: VerifiedSignature, facts: Facts) -> bool:
        """Whether this party made the item."""
        return self.signer.fits(item, facts)

    def problem(self, item: VerifiedSignature, facts: Facts) -> str:
        """Return that the algorithm is not allowed, or what else keeps the item from counting."""
        if self.algorithms and item.algorithm not in self.algorithms:
            return f"signed by {self.name} with {item.algorithm}, allowed are {', '.join(self.algorithms)}"
        if unmet := self.demand.unmet(item, facts):
            return f"signed by {self.name} {unmet}"
        return self.signer.problem(item, facts)


def restrict(signer: Signer, algorithms: tuple[str, ...], demand: Demand) -> Signer:
    """Return the party, bound to these algorithms; a key that can do none of them counts for nothing."""
    if not isinstance(signer, PolicyKey):
        return Restricted(signer, algorithms, demand)
    signer = signer._replace(demand=demand)
    if not algorithms:
        return signer
    # an empty list would mean every algorithm: the key's own list stays beside the wrapper
    common = tuple(name for name in signer.algorithms if name in algorithms) if signer.algorithms else algorithms
    return signer._replace(algorithms=common) if common else Restricted(signer, algorithms)
