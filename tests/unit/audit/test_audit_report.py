"""The report: what it counts, what it joins, and that no image can write into it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from trustkit.audit import events
from trustkit.audit.break_glass import grant_reviews
from trustkit.audit.compile import compile_report
from trustkit.audit.report import Report
from trustkit.audit.verify import LogReport, Problem
from trustkit.audit.words import about
from trustkit.audit.writers.html import HtmlWriter
from trustkit.audit.writers.json import JsonWriter
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.digest import Digest
from trustkit.model.grant import GrantUse

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
IMAGE = Digest("sha256", "ab" * 32)
LEAF = Digest("sha256", "00" * 32)
LOG = LogReport("log", 6, b"\1" * 32, 2, 6, ("log+00000000+AA==",), False, ())
HOSTILE = '<script>document.title="owned"</script><img src=x onerror=alert(1)>\u202e'
SIGNED = {
    "trust_root": "key:release",
    "fingerprint": "cd" * 32,
    "algorithm": "ecdsa-p256-sha256",
    "format": "cosign",
}
COMMON = {
    "policy": {"name": "production", "digest": str(LEAF)},
    "mode": "enforce",
    "crypto": {"provider": "pyca", "version": "50", "library": "OpenSSL", "mode": "off", "validated": False},
    "request": {"actor": "ada", "purpose": "run"},
}


def decision(outcome: str, **body: object) -> AuditEvent:
    return AuditEvent(NOON, "decision", outcome, IMAGE, {"name": "registry.example/web:v1", **COMMON, **body})


ALLOWED = decision("allow", accepted=[SIGNED])
REFUSED = decision("deny", rule="web/verify.signatures", reason="no signature was accepted")


def made(*what: AuditEvent, log: LogReport = LOG) -> Report:
    records = [AuditRecord(number, event, LEAF) for number, event in enumerate(what)]
    return compile_report(records, log, now=NOON)


def page(report: Report) -> str:
    return HtmlWriter().write(report).decode()


def started(decided: int | None) -> AuditEvent:
    return events.container_started(NOON, IMAGE, "c1", name="web", reference="web:v1", actor="ada", decision=decided)


def test_a_run_is_joined_with_the_signers_its_decision_accepted() -> None:
    assert made(ALLOWED, started(0)).runs[0].signers == ("key:release",)


def test_a_run_without_a_decision_counts_as_unsigned() -> None:
    assert made(ALLOWED, started(None)).unsigned_runs == 1


def test_a_run_pointing_at_a_record_that_is_no_decision_has_no_signers() -> None:
    assert made(started(0)).runs[0].signers == ()


def test_an_exit_ends_the_run_of_its_container() -> None:
    later = events.container_exited(NOON + timedelta(seconds=5), IMAGE, "c1", exit_code="3")
    assert made(ALLOWED, started(0), later).runs[0].exit_code == "3"


def test_an_exit_of_another_container_ends_nothing() -> None:
    later = events.container_exited(NOON, IMAGE, "c2", exit_code="3")
    assert made(ALLOWED, started(0), later).runs[0].ended_at is None


def test_a_refusal_names_rule_and_reason() -> None:
    refusal = made(REFUSED).refusals[0]
    assert (refusal.rule, refusal.message) == ("web/verify.signatures", "no signature was accepted")


def test_a_refused_start_is_a_refusal() -> None:
    event = events.container_refused(NOON, IMAGE, "c1", code="verification.digest", message="layer altered")
    assert made(event).refusals[0].rule == "verification.digest"


def test_an_inconclusive_decision_is_no_refusal() -> None:
    report = made(decision("unknown", error={"code": "source.unreachable", "message": "no answer"}))
    assert (len(report.refusals), report.unknown[0].message) == (0, "no answer")


def test_a_finding_that_was_not_enforced_is_shown_as_a_warning() -> None:
    finding = {"rule": "web/pinned", "verdict": "deny", "enforced": False, "message": "not pinned"}
    assert [warning.rule for warning in made(decision("allow", findings=[finding])).warnings] == ["web/pinned"]


def test_policies_are_counted_by_digest_and_mode() -> None:
    report = made(ALLOWED, REFUSED, REFUSED)
    assert [(use.name, use.allowed, use.refused) for use in report.policies] == [("production", 1, 2)]


def test_no_module_is_called_validated_unless_the_record_says_so() -> None:
    assert not made(ALLOWED).modules[0].validated


def used(at: datetime, grant: str = "ab" * 8, reason: str = "INC-7") -> AuditEvent:
    use = GrantUse(grant, ("require.sbom",), "dev", ("oncall",), reason, NOON, review_within=timedelta(hours=24))
    return events.grant_used(at, use=use, image=IMAGE, reference="web:v1", actor="ada")


def reviewed(at: datetime, grant: str = "ab" * 8) -> AuditEvent:
    return events.grant_reviewed(at, grant=grant, note="looked at", actor="eve")


def states(*what: AuditEvent, now: datetime) -> list[tuple[int, str]]:
    records = [AuditRecord(number, event, LEAF) for number, event in enumerate(what)]
    return [(one.uses, one.state) for one in grant_reviews(records, now)]


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("what", "now", "expected"),
    [
        ((used(NOON),), NOON + DAY, [(1, "open")]),
        ((used(NOON),), NOON + DAY + timedelta(seconds=1), [(1, "overdue")]),
        ((used(NOON), used(NOON + DAY)), NOON + DAY + timedelta(hours=1), [(2, "overdue")]),
        ((used(NOON), reviewed(NOON + DAY)), NOON + 9 * DAY, [(1, "reviewed")]),
        ((used(NOON), reviewed(NOON), used(NOON + DAY)), NOON + DAY, [(2, "open")]),
        ((used(NOON), reviewed(NOON), used(NOON + DAY)), NOON + 3 * DAY, [(2, "overdue")]),
        ((used(NOON), reviewed(NOON, "cd" * 8)), NOON + 3 * DAY, [(1, "overdue")]),
        ((reviewed(NOON), used(NOON)), NOON, [(1, "open")]),
        ((used(NOON), used(NOON, "cd" * 8)), NOON, [(1, "open"), (1, "open")]),
    ],
)
def test_a_use_of_a_grant_is_open_until_it_is_reviewed_and_overdue_when_that_is_late(
    what: tuple[AuditEvent, ...], now: datetime, expected: list[tuple[int, str]]
) -> None:
    assert states(*what, now=now) == expected


def test_the_report_shows_each_grant_that_was_used_and_its_review() -> None:
    shown = page(made(used(NOON - 2 * DAY, reason=HOSTILE)))
    assert "overdue" in shown
    assert "approved by oncall" in shown
    assert "<script>" not in shown
    assert "No grant was used." in page(made(ALLOWED))
    told = json.loads(JsonWriter().write(made(used(NOON - 2 * DAY))))["break_glass"][0]
    assert (told["grant"], told["state"], told["requester"]) == ("ab" * 8, "overdue", "dev")


def test_quiet_days_have_their_place_in_the_chart() -> None:
    report = made(ALLOWED, ALLOWED._replace(at=NOON + timedelta(days=5)))
    assert [bar.allowed for bar in report.intervals] == [1, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("body", [{}, {"accepted": 5}, {"findings": ["x"], "policy": [], "crypto": 1, "error": "x"}])
def test_a_record_with_missing_or_odd_members_still_has_its_place(body: dict[str, object]) -> None:
    event = AuditEvent(NOON, "decision", "deny", None, body)
    assert made(event).totals.refused == 1


def test_html_keeps_hostile_text_as_text() -> None:
    written = page(made(decision("deny", name=HOSTILE, rule=HOSTILE, reason=HOSTILE)))
    assert "<script" not in written
    assert "<img" not in written


def test_html_shows_direction_controls_instead_of_obeying_them() -> None:
    assert "\u202e" not in page(made(decision("deny", name=HOSTILE)))


def test_html_fetches_nothing() -> None:
    written = page(made(ALLOWED, REFUSED))
    assert "http://" not in written
    assert "https://" not in written


def test_html_never_says_compliant() -> None:
    assert "complian" not in page(made(ALLOWED, started(0))).lower()


def test_html_of_a_broken_log_says_not_to_rely_on_it() -> None:
    broken = LOG._replace(problems=(Problem("entry.altered", "entry 3 was altered", 3),))
    assert "Do not rely on this report" in page(made(ALLOWED, log=broken))


def test_html_of_an_empty_log_is_still_a_report() -> None:
    assert "No container was started" in page(made())


def test_html_of_the_same_report_is_the_same() -> None:
    assert page(made(ALLOWED, REFUSED)) == page(made(ALLOWED, REFUSED))


def test_json_names_its_schema_and_whether_the_log_is_intact() -> None:
    document = json.loads(JsonWriter().write(made(ALLOWED)))
    assert (document["schema"], document["intact"]) == ("trustkit.audit.report/v1", True)


def test_words_about_a_refusal_carry_the_reason_on_one_line() -> None:
    event = decision("deny", reference="web:v1", reason="no\nsignature")
    assert about(event) == "web:v1: no signature"


def test_words_about_a_revocation_say_what_was_given_up_and_why() -> None:
    event = events.revocation_published(NOON, kind="key", what="cd" * 32, name="", reason="stolen laptop", actor="ada")
    assert about(event) == f"key {'cd' * 32}: stolen laptop"
    assert about(event._replace(body={**event.body, "name": "release"})) == "key release: stolen laptop"


def test_words_about_content_trust_say_of_which_repository_and_what() -> None:
    event = events.content_trust_published(
        NOON, gun="registry.example/app", what="sign v2", versions={}, signers={}, actor="ada"
    )
    assert about(event) == "registry.example/app: sign v2"


def test_a_revocation_and_changes_of_trust_are_changes() -> None:
    lost = events.revocation_published(NOON, kind="key", what="cd" * 32, name="release", reason="lost", actor="ada")
    root = events.trust_updated(NOON, root=3, files={}, until=NOON, actor="ada")
    flip = events.scan_flipped(NOON, image=IMAGE, body={"reference": "web:v1", "reason": "revoked"})
    told = [change.words for change in made(lost, root, flip).changes]
    assert told == [f"key release: lost {'cd' * 32}", "root version 3", "web:v1: revoked"]


@pytest.mark.parametrize("kind", ["revocation.published", "content_trust.published", "trust.updated", "key.revoked"])
def test_a_change_with_missing_members_still_has_its_place(kind: str) -> None:
    assert made(AuditEvent(NOON, kind, "ok", None, {})).changes[0].kind == kind
