"""The page of attacks names tests that exist, and every attack has one."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in (ROOT / "docs" / "attacks.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("|")
][2:]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_attack_is_tried() -> None:
    assert len(ROWS) > 20
    assert [row[0] for row in ROWS if not NAMED.search(row[2])] == []


def test_every_test_that_is_named_is_there() -> None:
    named = [found.groups() for row in ROWS for found in NAMED.finditer(row[2])]
    assert [f"{file}::{name}" for file, name in named if name not in names_in(file)] == []
