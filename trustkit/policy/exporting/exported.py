"""What an export came to."""

from trustkit.model.values import NamedTuple


class Exported(NamedTuple):
    """The document, and what the other tool will not enforce."""

    document: object
    left_out: tuple[str, ...]
