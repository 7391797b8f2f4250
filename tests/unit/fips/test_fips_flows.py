"""The rows for an assessor: docs/fips.md, `trustkit fips status` and the code say the same."""

import re
from pathlib import Path

from trustkit.fips import describe, flows
from trustkit.fips.flows import Doer

DOCUMENT = (Path(__file__).parents[3] / "docs" / "fips.md").read_text()
ASSESSOR = DOCUMENT.split("## For an assessor (SC-13)", 1)[1].split("\n## ", 1)[0]
OURS = Doer("Module", "1", "9999", "validated", "debian-12")
INSIDE = {"module": describe.ModuleReport, "tls": describe.Tls}
OF_A_ROW = {"service", "module", "version", "certificate", "standing", "environment"}


def test_the_document_has_a_row_for_every_service() -> None:
    table = re.findall(r"^\| ([^|`]+) \| [^|]+ \| [^|]+ \|$", ASSESSOR, re.MULTILINE)
    assert table == [row.service for row in flows.flows(OURS, OURS)]


def test_every_field_the_document_names_is_in_the_report() -> None:
    named = set(re.findall(r"`([a-z_.0-9]+)`", ASSESSOR.split("| Question | Answer |", 1)[1]))
    named -= {"fips", "environments"}
    for name in named:
        outer, _, inner = name.partition(".")
        assert outer in describe.Report._fields, name
        assert not inner or inner in INSIDE[outer]._fields, name
    assert len(named) > 25


def test_every_column_the_document_names_is_one_of_a_row() -> None:
    assert set(flows.Flow._fields) >= OF_A_ROW
    heading = ASSESSOR.split("| Service ", 1)[1].splitlines()[0]
    assert set(re.findall(r"`([a-z_]+)`", heading)) == OF_A_ROW


def test_every_row_has_a_standing_and_no_row_of_others_claims_a_certificate() -> None:
    rows = flows.flows(OURS, OURS)
    assert {row.standing for row in rows} == {"validated", "none"}
    assert all(row.certificate == "" for row in rows if row.environment == flows.NOT_OURS)
    assert sum(row.module == "Module" for row in rows) == 6
