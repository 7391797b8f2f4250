"""A judgement: an image, the facts established about it, and the decision on them."""

from trustkit.model.decision import Decision
from trustkit.model.facts import Facts
from trustkit.model.image import ResolvedImage
from trustkit.model.values import NamedTuple


class Judgement(NamedTuple):
    """A refusal is a value here; it becomes an exception only when somebody wants to act."""

    image: ResolvedImage
    facts: Facts
    decision: Decision
