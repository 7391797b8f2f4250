"""An image that was found somewhere: what runs, or lies in a registry."""

from trustkit.model.reference import ImageRef
from trustkit.model.values import NamedTuple


class Found(NamedTuple):
    """Where it is, under which name, what it was called, and whether it runs.

    `ref` is None if nobody can be asked about the image; `problem` says why. `engine` is the policy's word.
    """

    place: str
    name: str
    image: str
    engine: str
    running: bool
    ref: ImageRef | None = None
    problem: str = ""
