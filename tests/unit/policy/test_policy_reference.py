"""The reference names every fact, and every document field the parser knows."""

import re
from pathlib import Path

import pytest

from trustkit.model.crypto import ModuleStatus
from trustkit.model.facts import Facts, ImageFacts, RequestFacts
from trustkit.model.signature import VerificationReport

REFERENCE = (Path(__file__).parents[3] / "docs" / "policy.md").read_text()
PARTS = {"image": ImageFacts, "report": VerificationReport, "crypto": ModuleStatus, "request": RequestFacts}
PATHS = {f"{part}.{name}" for part, kind in PARTS.items() for name in kind._fields}
PATHS |= {name for name in Facts._fields if name not in PARTS}


def test_the_reference_lists_exactly_the_facts() -> None:
    table = REFERENCE.split("## Facts", 1)[1]
    assert set(re.findall(r"^\| `([a-z0-9_.]+)` \|", table, re.MULTILINE)) == PATHS


@pytest.mark.parametrize("field", ["denyPrivileged", "registries", "onNoMatch", "annotations", "notAfter", "distinct"])
def test_the_reference_lists_the_field(field: str) -> None:
    assert field in REFERENCE.split("## Facts", 1)[0]
