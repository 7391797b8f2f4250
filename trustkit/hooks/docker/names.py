"""Names of containers must not change their meaning between the judgement on a start and the start itself.

dockerd looks a name up after it has been answered: as a whole id, else as a name, else as the beginning of an id. Until
it has, nobody may give the name to another container, and when the container is removed it may lead to no other one.
Starts and restarts alone are judged by which container they name; what else names one is not, so it is not held.
"""

import re
from collections.abc import Callable

from trustkit.errors import TrustkitError
from trustkit.hooks.docker.question import Question
from trustkit.hooks.docker.routes import CREATE, RENAME, RESTART, START, Matched
from trustkit.hooks.docker.stored import Dockerd
from trustkit.hooks.errors import HookRefusedError
from trustkit.model.values import NamedTuple

_FULL_ID = re.compile(r"[0-9a-f]{64}\Z")
_BEGINS_IDS = re.compile(r"[0-9a-f]{1,63}\Z")
# dockerd reports the end of every request; one that it never reports is forgotten.
_SECONDS = 120.0
_MOST = 4096


class _Held(NamedTuple):
    question: tuple[str, str, str]
    until: float
    starts: str = ""
    gives: str = ""
    renames: bool = False
    creates: bool = False


class Names:
    """Requests under way that start containers by name, or give names."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Forget by this clock, which never goes back."""
        self._clock = clock
        self._held: list[_Held] = []

    def begin(self, matched: Matched, question: Question) -> None:
        """Hold the names of a request.

        Raises HookRefusedError: another one is under way that it does not go with, or the name could be an id.
        """
        now = self._clock()
        wanted = _held(matched, question, now + _SECONDS)
        if wanted is None:
            return
        if _FULL_ID.match(wanted.gives):
            message = f"the name {wanted.gives} reads like the id of a container"
            raise HookRefusedError(message, next_step="give the container a name that is no 64 hexadecimal digits")
        self._held = [one for one in self._held if one.until > now]
        if any(_clash(one, wanted) or _clash(wanted, one) for one in self._held):
            raise HookRefusedError(
                "a container of that name is just being started or named",
                next_step="try again, or start the container by its whole id",
            )
        if len(self._held) >= _MOST:
            message = f"{_MOST} containers are just being started or named"
            raise HookRefusedError(message, next_step="try again")
        self._held.append(wanted)

    def end(self, question: Question) -> None:
        """Forget one request like this, which dockerd has finished or was refused."""
        for one in self._held:
            if one.question == _key(question):
                self._held.remove(one)
                return


def require_lasting(name: str, found: str, dockerd: Dockerd) -> None:
    """Return if a name leads to the container of this id or, once that is removed, to none.

    New names and new containers are held back meanwhile. Raises HookRefusedError, HookEngineError, MalformedError.
    """
    others = set()
    if _FULL_ID.match(name):
        others = {found, *dockerd.named(name)} - {name}
    elif _BEGINS_IDS.match(name):
        # dockerd's filter by id answers with none if there are several
        others = {one for one in dockerd.containers() if one.startswith(name)} - {found}
    if others:
        raise HookRefusedError(
            f"{name} could name more than one container: its name, or the beginning of its id, is also that of another",
            next_step=f"start it by its whole id, or rename {min(others)}",
        )


def _held(matched: Matched, question: Question, until: float) -> _Held | None:
    name, key = matched.route.name, _key(question)
    try:
        given = question.fields().get("name", "").removeprefix("/")
    except TrustkitError:
        given = ""  # refused later on
    if name in (START, RESTART) and not _FULL_ID.match(matched.target):
        return _Held(key, until, starts=matched.target)
    if name == RENAME:
        return _Held(key, until, gives=given, renames=True)
    if name == CREATE:
        return _Held(key, until, gives=given, creates=True)
    return None


def _key(question: Question) -> tuple[str, str, str]:
    return question.method, question.path, question.query


def _clash(starting: _Held, other: _Held) -> bool:
    """Whether one starts a container by a name that the other may give away.

    A rename frees a name that is not told, and a new container gets an id that nobody knows yet.
    """
    if not starting.starts:
        return False
    new_id = other.creates and _BEGINS_IDS.match(starting.starts) is not None
    return other.renames or other.gives == starting.starts or new_id
