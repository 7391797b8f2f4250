"""Two commands timed turn by turn, so that both meet the same machine; the medians are compared."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Command(NamedTuple):
    """A whole process to time, and what has to be done (untimed) before each run."""

    args: Sequence[str]
    env: Mapping[str, str]
    before: Callable[[], None] = lambda: None

    def seconds(self) -> float:
        """Run it to its end and return the wall time. Raises RuntimeError when it fails."""
        self.before()
        started = time.perf_counter()
        done = subprocess.run(self.args, env=self.env, capture_output=True, check=False)
        taken = time.perf_counter() - started
        if done.returncode != 0:
            said = (done.stdout + done.stderr).decode(errors="replace")
            raise RuntimeError(f"{' '.join(self.args)} failed with {done.returncode}:\n{said}")
        return taken


class Pair(NamedTuple):
    """Medians in milliseconds of ours and the peer's, and the most that ours / peer may be."""

    name: str
    ours: float
    peer: float
    limit: float

    @property
    def ratio(self) -> float:
        """Ours over the peer's."""
        return self.ours / self.peer

    @property
    def holds(self) -> bool:
        """Whether the ratio is within its limit."""
        return self.ratio <= self.limit


def compare(name: str, ours: Command, peer: Command, *, limit: float, rounds: int) -> Pair:
    """Time both `rounds` times, alternating who goes first, after one warm-up each."""
    ours.seconds()
    peer.seconds()
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        order = (0, 1) if number % 2 == 0 else (1, 0)
        for which in order:
            times[which].append((ours, peer)[which].seconds())
    return Pair(name, statistics.median(times[0]) * 1e3, statistics.median(times[1]) * 1e3, limit)


def clean_environment(**more: str) -> dict[str, str]:
    """Return a small environment; byte code may be used, as on a user's machine."""
    kept = {name: os.environ[name] for name in ("TERM", "TZ") if name in os.environ}
    return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **kept, **more}
