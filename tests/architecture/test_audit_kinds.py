"""Every kind of record that the code makes has its place in the auditor's report, or is listed here as having none."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import trustkit
from trustkit.audit.compile import CHANGES
from trustkit.server import ledger

ROOT = Path(trustkit.__file__).parent
JUDGED = {"decision", "container.refused"}
# What they are about is in the report by another record: the runs, the decisions they name, the images that flipped.
NEITHER = {
    "container.started", "container.exited", "container.failed", "container.removed", "container.exec",
    "review", "review.many", "docker", "facts.judged", "scan.finished",
}  # fmt: skip
LEDGER = {ledger.STARTED, ledger.EXITED, ledger.REFUSED, ledger.FAILED, ledger.REMOVED, ledger.EXECUTED}
# The kind is a parameter there: of the ledger's constants, or of an entry's bytes.
GIVEN = {"trustkit.server.ledger", "trustkit.audit.entry"}


def kinds_of(file: Path) -> Iterator[str]:
    """Yield the kind of each AuditEvent that a module makes."""
    name = ".".join(("trustkit", *file.relative_to(ROOT).with_suffix("").parts))
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.Call) or name in GIVEN:
            continue
        if isinstance(node.func, ast.Name) and node.func.id == "AuditEvent":
            yield value_of(node.args[1], name)
        elif name == "trustkit.audit.events" and isinstance(node.func, ast.Attribute) and node.func.attr == "_replace":
            yield from (value_of(one.value, name) for one in node.keywords if one.arg == "kind")


def value_of(node: ast.expr, module: str) -> str:
    """Return a constant, or what a name of the module stands for."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.Name), f"{module} makes records of a kind that cannot be told: {ast.dump(node)}"
    return str(getattr(import_module(module), node.id))


def test_every_kind_of_record_has_its_place_in_the_report() -> None:
    made = LEDGER.union(*(kinds_of(file) for file in ROOT.rglob("*.py") if "AuditEvent(" in file.read_text()))
    assert {"decision", "key.imported", "review.many", "content_trust.published"} <= made
    assert made - JUDGED - NEITHER == {kind for kind in made if kind.startswith(CHANGES)}
    assert made >= NEITHER | JUDGED, "a kind that nothing makes any more"
    assert all(any(kind.startswith(one) for kind in made) for one in CHANGES)
