"""Names of containers must not change their meaning between the judgement on a start and the start itself.

dockerd looks a name up after it has been answered. While it does, nobody may give the name to another container.
"""

import re
from collections.abc import Callable

from trustkit.errors import TrustkitError
from trustkit.hooks.docker.question import Question
from trustkit.hooks.docker.routes import CREATE, RENAME, RESTART, START, Matched
from trustkit.hooks.errors import HookRefusedError
from trustkit.model.values import NamedTuple

_FULL_ID = re.compile(r"[0-9a-f]{64}\Z")
# dockerd reports the end of every request; one that it never reports is forgotten.
_SECONDS = 120.0
_MOST = 4096


class _Held(NamedTuple):
    method: str
    path: str
    starts: str
    gives: str
    renames: bool
    until: float


class Names:
    """Requests under way that start containers by name, or give names."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Forget by this clock, which never goes back."""
        self._clock = clock
        self._held: list[_Held] = []

    def begin(self, matched: Matched, question: Question) -> None:
        """Hold the names of a request. Raises HookRefusedError: another one is under way that it does not go with."""
        wanted = self._of(matched, question)
        if wanted is None:
            return
        now = self._clock()
        self._held = [one for one in self._held if one.until > now][-_MOST:]
        if any(_clash(one, wanted) or _clash(wanted, one) for one in self._held):
            raise HookRefusedError("a container of that name is just being started or named", next_step="try again")
        self._held.append(wanted)

    def end(self, method: str, path: str) -> None:
        """Forget one request of that kind, which dockerd has finished or was refused."""
        for one in self._held:
            if (one.method, one.path) == (method, path):
                self._held.remove(one)
                return

    def _of(self, matched: Matched, question: Question) -> _Held | None:
        until = self._clock() + _SECONDS
        name = matched.route.name
        try:
            given = question.fields().get("name", "").removeprefix("/")
        except TrustkitError:
            given = ""  # refused later on
        if name in (START, RESTART) and not _FULL_ID.match(matched.target):
            return _Held(question.method, question.path, matched.target, "", False, until)
        if name == RENAME:
            return _Held(question.method, question.path, "", given, True, until)
        if name == CREATE and given:
            return _Held(question.method, question.path, "", given, False, until)
        return None


def _clash(starting: _Held, other: _Held) -> bool:
    """Whether one starts a container by a name that the other gives away: a rename frees a name that is not told."""
    return bool(starting.starts) and (other.renames or other.gives == starting.starts)
