"""trustkit's named tuples do what the standard library's do."""

import copy
import pickle
import typing

import pytest

from trustkit.model.values import NamedTuple


class Ours(NamedTuple):
    """A value."""

    name: str
    size: int = 3
    tags: tuple[str, ...] = ()

    @property
    def loud(self) -> str:
        return self.name.upper()


class Theirs(typing.NamedTuple):
    """The same value."""

    name: str
    size: int = 3
    tags: tuple[str, ...] = ()


class Checked(Ours):
    """A value with a checking constructor."""

    __slots__ = ()

    def __new__(cls, name: str) -> typing.Self:
        if not name:
            raise ValueError("empty")
        return super().__new__(cls, name)


CALLS = [(("a",), {}), (("a", 1), {}), ((), {"name": "a", "tags": ("x",)}), (("a",), {"size": 9})]
WRONG = [((), {}), (("a", 1, (), 4), {}), (("a",), {"name": "b"}), (("a",), {"colour": 1}), ((), {"size": 1})]


@pytest.mark.parametrize(("values", "named"), CALLS)
def test_construction_binds_as_theirs_does(values: tuple[object, ...], named: dict[str, object]) -> None:
    assert tuple(Ours(*values, **named)) == tuple(Theirs(*values, **named))


@pytest.mark.parametrize(("values", "named"), WRONG)
@pytest.mark.parametrize("kind", [Ours, Theirs])
def test_what_does_not_bind_is_a_type_error(kind: type, values: tuple[object, ...], named: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        kind(*values, **named)


def test_fields_defaults_and_matching_are_theirs() -> None:
    assert (Ours._fields, Ours._field_defaults, Ours.__match_args__) == (
        Theirs._fields,
        Theirs._field_defaults,
        Theirs.__match_args__,
    )


def test_replacing_and_listing_are_theirs() -> None:
    assert Ours("a")._replace(size=5)._asdict() == Theirs("a")._replace(size=5)._asdict()


@pytest.mark.parametrize("kind", [Ours, Theirs])
def test_replacing_an_unknown_field_is_refused(kind: type) -> None:
    with pytest.raises(ValueError, match="unexpected field"):
        kind("a")._replace(colour=1)


def test_equality_hash_and_order_are_a_tuples() -> None:
    assert Ours("a") == ("a", 3, ())
    assert hash(Ours("a")) == hash(("a", 3, ()))
    assert Ours("a") < Ours("b")


def test_it_is_shown_as_it_would_be_written() -> None:
    assert repr(Ours("a")) == "Ours(name='a', size=3, tags=())"


@pytest.mark.parametrize("name", ["name", "colour"])
def test_it_cannot_be_changed(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(Ours("a"), name, "b")


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_are_equal_and_of_the_same_type(again: typing.Callable[[Ours], Ours]) -> None:
    made = again(Ours("a", 1))
    assert (made, type(made)) == (Ours("a", 1), Ours)


def test_members_beside_fields_are_kept() -> None:
    assert Ours("a").loud == "A"


def test_a_subclass_may_check_its_construction() -> None:
    with pytest.raises(ValueError, match="empty"):
        Checked("")


def test_a_field_without_default_after_one_with_is_refused() -> None:
    with pytest.raises(TypeError):
        type(NamedTuple)("Wrong", (NamedTuple,), {"__annotations__": {"a": int, "b": int}, "a": 1})
