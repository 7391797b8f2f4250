"""What values an expression handles, and the shape of the facts it may look at."""

from trustkit.model.values import NamedTuple


class Kind(NamedTuple):
    """A kind of value: `name`, and what a list or map holds; maps have text as keys."""

    name: str
    of: "Kind | None" = None

    def __str__(self) -> str:
        """Return it as a message has it."""
        return f"{self.name}({self.of})" if self.of is not None else self.name


BOOL, INT, TEXT = Kind("bool"), Kind("int"), Kind("string")
TIME, SPAN = Kind("timestamp"), Kind("duration")
LIST, MAP = "list", "map"


def list_of(kind: Kind) -> Kind:
    """Return the kind of lists of this."""
    return Kind(LIST, kind)


def map_of(kind: Kind) -> Kind:
    """Return the kind of maps from text to this."""
    return Kind(MAP, kind)


class Member(NamedTuple):
    """A field of an object: its kind, and how Python reads it from `{}`; an optional one may be None."""

    kind: Kind
    read: str
    optional: bool = False


Members = dict[str, Member]


class Schema(NamedTuple):
    """The variables an expression may name, and the members of every object among them."""

    variables: Members
    objects: dict[str, Members]
