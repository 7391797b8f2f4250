"""Asking ahead: a question put in a thread, its answer waited for where it is needed."""

from collections.abc import Callable
from threading import Thread
from typing import NoReturn, ParamSpec, TypeVar

from trustkit.errors import UnreachableError

_P = ParamSpec("_P")
_R = TypeVar("_R")


def begin(ask: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> Callable[[], _R]:
    """Ask in a thread; the function returned waits for the answer, or raises what asking raised."""
    answers: list[_R] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(ask(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  (raised again by whoever waits)
            failures.append(error)

    thread = Thread(target=work, daemon=True)
    thread.start()

    def wait() -> _R:
        thread.join()
        if failures:
            raise failures[0]
        return answers[0]

    return wait


def within(seconds: float, ask: Callable[[], _R]) -> _R:
    """Return the answer if it comes in time; what was asked ends by its own time-outs. Raises UnreachableError."""
    answers: list[Callable[[], _R]] = []

    def work() -> None:
        try:
            found = ask()
            answers.append(lambda: found)
        except BaseException as error:  # noqa: BLE001  (raised again by whoever waits)
            failure = error
            answers.append(lambda: _raise(failure))

    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if not answers:
        message = f"nothing was found out within {seconds:g} seconds"
        raise UnreachableError(message, next_step="look whether the registry answers, or give it more time")
    return answers[0]()


def _raise(error: BaseException) -> NoReturn:
    raise error


def later(ask: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> Callable[[], _R]:
    """Ask when the answer is waited for: `begin` for callers that already run beside each other."""
    return lambda: ask(*args, **kwargs)
