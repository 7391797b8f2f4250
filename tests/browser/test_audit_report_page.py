"""The report in a real browser: hostile labels stay text, and the page asks nobody for anything."""

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trustkit.audit.compile import compile_report
from trustkit.audit.verify import LogReport
from trustkit.audit.writers.html import HtmlWriter
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.digest import Digest

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
LEAF = Digest("sha256", "00" * 32)
LOG = LogReport("log", 1, b"\1" * 32, 1, 1, ("log+00000000+AA==",), False, ())
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium")
    if found is None:
        pytest.fail("the Debian package chromium is missing; `make test` installs it")
    return found


@pytest.fixture
def page(tmp_path: Path) -> Path:
    body = {"name": HOSTILE, "rule": HOSTILE, "reason": HOSTILE, "request": {"actor": HOSTILE}}
    event = AuditEvent(NOON, "decision", "deny", None, body)
    path = tmp_path / "report.html"
    path.write_bytes(HtmlWriter().write(compile_report([AuditRecord(0, event, LEAF)], LOG, now=NOON)))
    return path


def browse(chromium: str, profile: Path, *arguments: str) -> str:
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    return done.stdout


def test_a_hostile_label_runs_no_script(chromium: str, page: Path, tmp_path: Path) -> None:
    dom = browse(chromium, tmp_path / "profile", "--virtual-time-budget=2000", "--dump-dom", page.as_uri())
    assert "<title>Image trust report" in dom
    assert "owned</title>" not in dom


def test_a_hostile_label_becomes_no_element(chromium: str, page: Path, tmp_path: Path) -> None:
    dom = browse(chromium, tmp_path / "profile", "--dump-dom", page.as_uri())
    assert "&lt;script&gt;" in dom
    assert "<script" not in dom
    assert "<img" not in dom


def test_the_page_draws_something(chromium: str, page: Path, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    browse(chromium, tmp_path / "profile", f"--screenshot={picture}", "--window-size=1280,1600", page.as_uri())
    blank = 20_000
    assert picture.stat().st_size > blank


def test_the_content_policy_alone_stops_a_script(chromium: str, page: Path, tmp_path: Path) -> None:
    """Even if escaping failed, nothing would run."""
    hostile = page.read_text().replace("</main>", "<script>document.title='owned'</script></main>")
    page.write_text(hostile)
    dom = browse(chromium, tmp_path / "profile", "--virtual-time-budget=2000", "--dump-dom", page.as_uri())
    assert "owned</title>" not in dom
