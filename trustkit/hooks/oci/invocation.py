"""The command line of an OCI runtime, as runc and crun take it, read strictly.

Only spellings that every runtime reads alike pass: a long option has two dashes and its whole name, a short one a
single dash, each comes once, and nothing follows a container's id. What is not known here could mean anything.
"""

from collections.abc import Sequence

from trustkit.hooks.errors import HookRefusedError, HookRequestError
from trustkit.model.values import NamedTuple

CREATE, RUN, EXEC, HOOK = "create", "run", "exec", "hook"
# Options of our own, taken out before the runtime is called.
HOME_OPTION, RUNTIME_OPTION = "trustkit-home", "trustkit-runtime"
_OWN = frozenset({HOME_OPTION, RUNTIME_OPTION})
_GLOBAL_VALUES = frozenset({"log", "log-format", "log-level", "root", "criu", "rootless", "cgroup-manager"})
_GLOBAL_FLAGS = frozenset({"debug", "systemd-cgroup", "version", "help"})
# They start nothing, and add nothing to what runs.
_HARMLESS = frozenset(
    {"start", "state", "kill", "delete", "pause", "resume", "ps", "list", "events", "update", "features", "spec",
     "checkpoint"}
)  # fmt: skip
_CREATE_VALUES = frozenset({"bundle", "console-socket", "pidfd-socket", "pid-file", "preserve-fds"})
_CREATE_FLAGS = frozenset({"no-pivot", "no-new-keyring", "detach", "keep", "no-subreaper"})
_EXEC_VALUES = frozenset(
    {"console-socket", "pidfd-socket", "cwd", "env", "user", "additional-gids", "process", "pid-file", "preserve-fds"}
)
_EXEC_FLAGS = frozenset({"tty", "detach", "no-new-privs", "ignore-paused"})
_SHORT = {"b": "bundle", "d": "detach", "p": "process", "t": "tty", "e": "env", "u": "user", "g": "additional-gids"}
_REPEATABLE = frozenset({"env", "additional-gids"})


class Invocation(NamedTuple):
    """What the caller wants: the command, the container, the options that matter, and the words to pass on.

    `own` are the options for us; `known` the global ones, `given` the command's; `words` is everything but `own`.
    """

    command: str
    container: str
    own: dict[str, str]
    known: dict[str, str]
    given: dict[str, str]
    words: tuple[str, ...]


def read(arguments: Sequence[str]) -> Invocation:
    """Return what is asked. Raises HookRequestError, HookRefusedError."""
    words = list(arguments)
    taken, at = _options(words, 0, _GLOBAL_VALUES | _OWN, _GLOBAL_FLAGS)
    own = {name: value for name, value in taken.items() if name in _OWN}
    known = {name: value for name, value in taken.items() if name not in _OWN}
    passed = tuple(word for name, value in known.items() for word in _written(name, value))
    command = words[at] if at < len(words) else ""
    whole = (*passed, *words[at:])
    if command in _HARMLESS or (not command and known.keys() & {"version", "help"}):
        return Invocation(command, "", own, known, {}, whole)
    if command == HOOK:
        if len(words) > at + 1:
            raise HookRequestError(f"hook takes no {words[at + 1][:40]!r}", next_step="it reads standard input")
        return Invocation(command, "", own, known, {}, ())
    if command in (CREATE, RUN):
        given, after = _options(words, at + 1, _CREATE_VALUES, _CREATE_FLAGS)
        return Invocation(command, _only_id(words, after), own, known, given, whole)
    if command == EXEC:
        given, after = _options(words, at + 1, _EXEC_VALUES, _EXEC_FLAGS)
        return Invocation(command, _id(words, after), own, known, given, whole)
    raise _unknown(command)


def _unknown(command: str) -> HookRefusedError | HookRequestError:
    if command == "restore":
        message = "a checkpoint restores processes and memory that nobody judged"
        return HookRefusedError(message, next_step="start the container anew")
    if not command:
        return HookRequestError("no command is given", next_step="engines call this program; see docs/hooks.md")
    return HookRequestError(f"the command {command[:40]!r} is not known here, so what it starts is not either")


def _options(
    words: list[str], start: int, with_value: frozenset[str], flags: frozenset[str]
) -> tuple[dict[str, str], int]:
    """Return options and the index of the first word that is none. Raises HookRequestError."""
    found: dict[str, str] = {}
    at = start
    while at < len(words) and words[at].startswith("-"):
        name, equals, value = _name(words[at])
        if name in with_value and not equals:
            at += 1
            if at >= len(words):
                raise HookRequestError(f"--{name} needs a value")
            value = words[at]
        elif name not in with_value and (name not in flags or equals):
            raise HookRequestError(f"the option {words[at][:60]!r} is not known here")
        if name in found and name not in _REPEATABLE:
            raise HookRequestError(f"--{name} is given twice")
        found[name] = value
        at += 1
    return found, at


def _name(word: str) -> tuple[str, bool, str]:
    if word.startswith("--"):
        name, equals, value = word[2:].partition("=")
        return name, bool(equals), value
    if len(word) == 2 and word[1] in _SHORT:  # noqa: PLR2004  (a dash and a letter)
        return _SHORT[word[1]], False, ""
    raise HookRequestError(f"the option {word[:60]!r} is not known here", next_step="write --NAME VALUE")


def _written(name: str, value: str) -> tuple[str, ...]:
    return (f"--{name}", value) if name in _GLOBAL_VALUES else (f"--{name}",)


def _id(words: list[str], at: int) -> str:
    if at >= len(words) or not words[at]:
        raise HookRequestError("no container is named")
    return words[at]


def _only_id(words: list[str], at: int) -> str:
    name = _id(words, at)
    if len(words) > at + 1:
        raise HookRequestError(f"{words[at + 1][:60]!r} follows the container's id")
    return name
