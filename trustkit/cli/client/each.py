"""The same call for several names: go on after an error, and end with the worst status."""

from collections.abc import Callable, Iterable

from trustkit.cli.output import fail
from trustkit.engine.errors import DaemonUnreachableError
from trustkit.errors import TrustkitError


def each(names: Iterable[str], call: Callable[[str], str]) -> int:
    """Print what `call` returns for each name, or its error; return the highest exit status.

    Raises DaemonUnreachableError: the next name would only say the same.
    """
    worst = 0
    for name in names:
        try:
            print(call(name), flush=True)
        except DaemonUnreachableError:
            raise
        except TrustkitError as error:
            worst = max(worst, fail(error))
    return worst
