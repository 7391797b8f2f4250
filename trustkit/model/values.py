"""Named tuples that are made eight times faster than the standard library's.

`typing.NamedTuple` compiles a constructor for every class: 0.14 ms each, and a verification loads seventy of
them before it starts to work. Type checkers see `typing.NamedTuple`; at run time the class below has its
members: fields, defaults, keyword arguments, `_replace`, `_asdict`, `_make`, equality and hash of a tuple.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any  # noqa: TID251  (one name for two makers of the same thing)

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414  (exported)
else:
    from _collections import _tuplegetter

    _MISSING = object()

    class _Meta(type):
        """Turns annotations into fields, for classes that name NamedTuple as their base."""

        def __new__(meta, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> type:
            if _Tuple in bases or NamedTuple not in bases:
                return super().__new__(meta, name, bases, namespace)
            fields = tuple(namespace.get("__annotations__", ()))
            defaults = {field: namespace.pop(field) for field in fields if field in namespace}
            if list(defaults) != list(fields[len(fields) - len(defaults) :]):
                raise TypeError(f"{name}: a field without a default follows one with")
            namespace |= {field: _tuplegetter(at, None) for at, field in enumerate(fields)}
            required = len(fields) - len(defaults)
            tail = tuple(defaults.values())
            # what completes values that are given by place alone, by how many they are
            namespace["_tails"] = {required + at: tail[at:] for at in range(len(tail))}
            namespace["_required"], namespace["_blank"] = required, (_MISSING,) * required + tail
            namespace["_places"] = {field: at for at, field in enumerate(fields)}
            namespace |= {"_fields": fields, "_field_defaults": defaults, "__match_args__": fields}
            namespace.setdefault("__slots__", ())
            return super().__new__(meta, name, bases, namespace)

    class _Tuple(tuple):
        """What every named tuple can do."""

        __slots__ = ()
        _fields = ()
        _field_defaults = {}  # noqa: RUF012  (each class gets its own)
        _tails = {}  # noqa: RUF012
        _places = {}  # noqa: RUF012
        _blank, _required = (), 0

        def __new__(cls, *values: Any, **named: Any) -> "NamedTuple":
            """Take values by place or by name; those left out have their defaults."""
            if named:
                return tuple.__new__(cls, _completed(cls, values, named))
            if len(values) != len(cls._fields):
                tail = cls._tails.get(len(values))
                return tuple.__new__(cls, values + tail if tail else _completed(cls, values, named))
            return tuple.__new__(cls, values)

        @classmethod
        def _make(cls, values: Iterable[Any]) -> "NamedTuple":
            """Return one of these values, in order."""
            return cls(*values)

        def _replace(self, **named: Any) -> "NamedTuple":
            """Return a copy with other values."""
            whole, places = list(self), self._places
            for name, value in named.items():
                at = places.get(name)
                if at is None:
                    raise ValueError(f"Got unexpected field names: {sorted(named.keys() - places.keys())!r}")
                whole[at] = value
            return tuple.__new__(type(self), whole)

        def _asdict(self) -> dict[str, Any]:
            """Return names and values."""
            return dict(zip(self._fields, self, strict=True))

        def __getnewargs__(self) -> tuple[Any, ...]:
            """Let copies and pickles be made through the constructor."""
            return tuple(self)

        def __repr__(self) -> str:
            """Return it as it would be written."""
            shown = ", ".join(f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({shown})"

    def _completed(cls: type, values: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
        """Return a value for every field, as a function's arguments are bound."""
        fields, count = cls._fields, len(values)
        if count > len(fields):
            raise TypeError(f"{cls.__name__} takes {len(fields)} values but {count} were given")
        whole, places = [*values, *cls._blank[count:]], cls._places
        for name, value in named.items():
            at = places.get(name, -1)
            if at < count:
                raise TypeError(f"{cls.__name__} got unexpected or repeated fields: {name}")
            whole[at] = value
        missing = [name for name, value in zip(fields[: cls._required], whole, strict=False) if value is _MISSING]
        if missing:
            raise TypeError(f"{cls.__name__} misses: {', '.join(missing)}")
        return whole

    NamedTuple = _Meta("NamedTuple", (_Tuple,), {"__slots__": (), "__doc__": _Tuple.__doc__})
