"""`demo/run`, the story that `make demo` tells, on real parts."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Told(NamedTuple):
    """What one telling of the demo left: its output, its duration, its temporary folder, the report it made."""

    done: subprocess.CompletedProcess[str]
    seconds: float
    folder: Path
    report: Path


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """One telling in a temporary folder of its own: another worker, or a user, may be telling it too."""
    report = tmp_path_factory.mktemp("demo") / "report.html"
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with tempfile.TemporaryDirectory(prefix="tk-") as folder:  # short: unix socket addresses end at 108 bytes
        started = time.monotonic()
        done = subprocess.run(
            [str(ROOT / "demo" / "run")],
            env={**env, "TRUSTKIT_DEMO_KEEP": str(report), "TMPDIR": folder},
            capture_output=True,
            text=True,
            check=False,
            timeout=170,
        )
        yield Told(done, time.monotonic() - started, Path(folder), report)


@pytest.mark.timeout(180)
def test_the_demo_tells_its_story_to_the_end(told: Told) -> None:
    assert told.done.returncode == 0, told.done.stdout + told.done.stderr


def test_the_demo_refuses_three_times(told: Told) -> None:
    assert told.done.stdout.count("(exit status 1)") == 3


def test_the_demo_ends_in_under_two_minutes(told: Told) -> None:
    assert told.seconds < 120


def test_the_demo_leaves_nothing_behind(told: Told) -> None:
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8")
    assert (list(told.folder.iterdir()), str(told.folder) in mounts) == ([], False)


def test_the_demo_makes_the_auditors_report(told: Told) -> None:
    assert "<html" in told.report.read_text(encoding="utf-8")
