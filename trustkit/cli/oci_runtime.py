"""`trustkit-runtime`: stands before the OCI runtime of an engine, and lets it make only what the policy admits.

Engines call it as they call runc. `create` and `run` are judged, `exec` is where it asks for more than its container
has; other commands pass. As `trustkit-runtime hook` it is an OCI hook (createRuntime). Whatever goes wrong is a
refusal: standard error, and the log that the engine reads, say why.

Engines call a runtime five times for one container, and four of them pass: what judges is loaded for the fifth.
"""

import os
import sys
from collections.abc import Mapping
from typing import NoReturn

from trustkit.cli.leaving import leave
from trustkit.errors import TrustkitError, UsageError
from trustkit.hooks.oci.invocation import CREATE, EXEC, HOME_OPTION, HOOK, RUN, RUNTIME_OPTION, Invocation, read

# Engines wait minutes for a runtime; a registry that says nothing is given up much earlier.
_SECONDS = 60.0
_JUDGED = (CREATE, RUN, EXEC, HOOK)
# Engines' own search paths may leave out the folders of system programs.
_FOLDERS = "/usr/sbin:/usr/bin:/sbin:/bin"
_HOME = "TRUSTKIT_HOME"


def main() -> NoReturn:
    """Judge, then become the runtime; or refuse."""
    arguments = sys.argv[1:]
    try:
        asked = read(arguments)
        environment = dict(os.environ)
        if HOME_OPTION in asked.own:
            environment[_HOME] = asked.own[HOME_OPTION]
        if asked.command in _JUDGED:
            _judge_in_time(asked, environment, arguments)
        if asked.command == HOOK:
            os._exit(0)
        runtime = program(asked, environment)
        os.execv(runtime, [runtime, *asked.words])  # noqa: S606
    except TrustkitError as error:
        _refuse(arguments, f"{error.message}; next: {error.next_step}" if error.next_step else error.message)
    except Exception as error:  # noqa: BLE001  (whatever happens, the engine is told no)
        _refuse(arguments, f"a fault of ours: {type(error).__name__}: {error}")


def _judge_in_time(asked: Invocation, environment: Mapping[str, str], arguments: list[str]) -> None:
    import signal

    signal.signal(signal.SIGALRM, lambda *_: _refuse(arguments, f"no decision within {_SECONDS:.0f} seconds"))
    signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    judge(asked, environment)
    # the clock would go on in the runtime
    signal.setitimer(signal.ITIMER_REAL, 0)


def judge(asked: Invocation, environment: Mapping[str, str]) -> None:
    """Return if the runtime may go on. Raises TrustkitError."""
    from pathlib import Path

    from trustkit.cli.asking import Asker
    from trustkit.hooks.oci.bundle import read_bundle
    from trustkit.hooks.oci.judging import Judge

    judging = Judge(Asker(environment).ask, os.getppid())
    if asked.command == EXEC:
        from trustkit.cli.oci_exec import process_of, running_bundle

        bundle = running_bundle(program(asked, environment), asked)
        judging.join(bundle, asked.container, process_of(asked))
    elif asked.command == HOOK:
        from trustkit.hooks.oci.state import STATE_BYTES, read_state

        state = read_state(sys.stdin.buffer.read(STATE_BYTES + 1))
        judging.run(read_bundle(state.bundle), state.container)
    else:
        judging.run(read_bundle(Path(asked.given.get("bundle") or ".").absolute()), asked.container)


def program(asked: Invocation, environment: Mapping[str, str]) -> str:
    """Return the real runtime: the option's, else the configured one. Raises UsageError, ConfigError."""
    name = asked.own.get(RUNTIME_OPTION, "")
    if not name:
        from trustkit.config import load

        name = load(environment).text("engine.runtime")
    folders = f"{environment.get('PATH', '')}:{_FOLDERS}".split(":")
    places = [name] if "/" in name else [f"{folder}/{name}" for folder in folders if folder.startswith("/")]
    # pathlib would double the time to start
    found = next((place for place in places if os.path.isfile(place) and os.access(place, os.X_OK)), None)  # noqa: PTH113
    if found is None:
        raise UsageError(f"there is no runtime {name!r}", next_step=f"name one with --{RUNTIME_OPTION}")
    if os.path.realpath(found) == os.path.realpath(sys.argv[0]):
        raise UsageError(f"{name!r} is this program itself", next_step=f"name runc or crun with --{RUNTIME_OPTION}")
    return found


def _refuse(arguments: list[str], reason: str) -> NoReturn:
    from trustkit.cli.oci_log import write_refusal

    text = f"trustkit: {reason}"
    write_refusal(arguments, text)
    leave(1, text, 2)
