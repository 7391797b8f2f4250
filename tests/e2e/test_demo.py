"""`demo/run`, the story that `make demo` tells, on real parts."""

import os
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], float, Path]:
    """The demo's output, its duration, and the report it made."""
    report = tmp_path_factory.mktemp("demo") / "report.html"
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    started = time.monotonic()
    done = subprocess.run(
        [str(ROOT / "demo" / "run")],
        env={**env, "TRUSTKIT_DEMO_KEEP": str(report)},
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    return done, time.monotonic() - started, report


@pytest.mark.timeout(180)
def test_the_demo_tells_its_story_to_the_end(told: tuple[subprocess.CompletedProcess[str], float, Path]) -> None:
    done, _, _ = told
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_demo_refuses_three_times(told: tuple[subprocess.CompletedProcess[str], float, Path]) -> None:
    done, _, _ = told
    assert done.stdout.count("(exit status 1)") == 3


def test_the_demo_ends_in_under_two_minutes(told: tuple[subprocess.CompletedProcess[str], float, Path]) -> None:
    _, seconds, _ = told
    assert seconds < 120


def test_the_demo_leaves_nothing_behind(told: tuple[subprocess.CompletedProcess[str], float, Path]) -> None:
    done, _, _ = told
    assert done.returncode == 0
    assert not list(Path("/tmp").glob("trustkit-demo.*"))
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8")
    assert "trustkit-demo" not in mounts


def test_the_demo_makes_the_auditors_report(told: tuple[subprocess.CompletedProcess[str], float, Path]) -> None:
    _, _, report = told
    assert "<html" in report.read_text(encoding="utf-8")
