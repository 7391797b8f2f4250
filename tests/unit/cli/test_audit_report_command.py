"""`trustkit audit report` on a period: break-glass as it stands now, whatever else the filters leave out."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trustkit import app
from trustkit.audit import events
from trustkit.audit.log import DecisionLog
from trustkit.cli.main import run
from trustkit.fips.select import provider
from trustkit.model.audit import AuditEvent
from trustkit.model.digest import Digest
from trustkit.model.grant import GrantUse

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
IMAGE, OTHER = Digest("sha256", "ab" * 32), Digest("sha256", "cd" * 32)
Report = Callable[..., list[tuple[str, int, str]]]


def used(at: datetime, grant: str = "one", image: Digest = IMAGE, within: timedelta | None = HOUR) -> AuditEvent:
    use = GrantUse(grant, ("require.sbom",), "dev", ("oncall",), "INC-7", NOON + DAY, review_within=within)
    return events.grant_used(at, use=use, image=image, reference="web:v1", actor="ada")


def reviewed(at: datetime, grant: str = "one") -> AuditEvent:
    return events.grant_reviewed(at, grant=grant, note="looked at", actor="eve")


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Report:
    """Put events on record, and return each listed grant with its uses and its state, ten days later."""
    monkeypatch.setenv("TRUSTKIT_HOME", str(tmp_path))
    monkeypatch.setattr(app, "now", lambda: NOON + 10 * DAY)

    def listed(what: list[AuditEvent], *words: str) -> list[tuple[str, int, str]]:
        with DecisionLog(tmp_path / "audit", provider()) as log:
            log.append_many(what)
        assert run(["audit", "report", *words]) == 0
        found = json.loads(capsys.readouterr().out)["break_glass"]
        return [(one["grant"], one["uses"], one["state"]) for one in found]

    return listed


def test_a_use_that_was_reviewed_after_the_period_is_not_overdue(report: Report) -> None:
    what = [used(NOON), reviewed(NOON + HOUR / 2)]
    assert report(what, "--until", "2026-01-31T12:15:00Z") == [("one", 1, "reviewed")]


def test_an_overdue_use_from_before_the_period_is_listed(report: Report) -> None:
    assert report([used(NOON)], "--since", "2026-02-01") == [("one", 1, "overdue")]


@pytest.mark.parametrize("words", [("--kind", "decision"), ("--outcome", "deny"), ("--kind", "breakglass.used")])
def test_kind_and_outcome_leave_break_glass_as_it_is(report: Report, words: tuple[str, str]) -> None:
    assert report([used(NOON), reviewed(NOON + HOUR / 2)], *words) == [("one", 1, "reviewed")]


@pytest.mark.parametrize(
    "what",
    [
        [used(NOON), reviewed(NOON + HOUR)],
        [used(NOON, within=None)],
    ],
    ids=["reviewed before", "no review is due"],
)
def test_what_was_over_before_the_period_is_not_listed(report: Report, what: list[AuditEvent]) -> None:
    assert report(what, "--since", "2026-02-01") == []


def test_what_began_after_the_period_is_not_listed(report: Report) -> None:
    assert report([used(NOON)], "--until", "2026-01-31T12:00:00Z") == []


def test_a_review_in_the_period_of_an_earlier_use_is_listed(report: Report) -> None:
    assert report([used(NOON), reviewed(NOON + DAY)], "--since", "2026-02-01") == [("one", 1, "reviewed")]


def test_a_report_on_one_image_knows_the_reviews_of_its_grants(report: Report) -> None:
    what = [used(NOON), reviewed(NOON + HOUR / 2), used(NOON, "two", OTHER)]
    assert report(what, "--digest", str(IMAGE)) == [("one", 1, "reviewed")]
    assert report([], "--digest", str(OTHER)) == [("two", 1, "overdue")]
