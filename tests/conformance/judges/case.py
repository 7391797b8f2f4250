"""A case as a judge sees it: its inputs, and never its answer."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

# What a label says of the answer, or about it.
_ANSWERS = frozenset({"expect", "why", "code", "note", "tools", "disagreement", "strictness"})
_FALLBACK_NOW = "2026-11-24T00:00:00Z"


class Case(NamedTuple):
    """One case: its name, its folder, and what `expected.json` gives as input."""

    name: str
    folder: Path
    inputs: Mapping[str, object]

    @property
    def format(self) -> str:
        """The format the case says it is of."""
        return self.text("format")

    @property
    def now(self) -> datetime:
        """The moment of verification."""
        return datetime.fromisoformat(self.text("verify_at") or _FALLBACK_NOW).astimezone(UTC)

    def text(self, name: str) -> str:
        """Return an input that is text, else nothing."""
        value = self.inputs.get(name)
        return value if isinstance(value, str) else ""

    def content(self, name: str) -> bytes:
        """Return the content of the file that an input names."""
        return (self.folder / self.text(name)).read_bytes()


class Verdict(NamedTuple):
    """What was decided of a case, and by which check."""

    name: str
    verdict: str
    code: str

    def __str__(self) -> str:
        """Return the line that is printed."""
        return f"{self.name} {self.verdict} {self.code}"


class Judge(NamedTuple):
    """Takes the cases of one family; errors of the product that it raises mean `invalid`."""

    takes: Callable[[Case], bool]
    judge: Callable[[Case], Verdict]


def cases(folder: Path) -> Iterator[Path]:
    """Yield the case folders in order of their names."""
    return (file.parent for file in sorted(folder.glob("*/expected.json")))


def read_case(folder: Path) -> Case:
    """Return the inputs of a case."""
    document = json.loads((folder / "expected.json").read_bytes())
    return Case(folder.name, folder, {name: value for name, value in document.items() if name not in _ANSWERS})
