"""`trustkit-runtime`: stands before the OCI runtime of an engine, and lets it make only what the policy admits.

Engines call it as they call runc. `create` and `run` are judged, `exec` is where it asks for more than its container
has; other commands pass. As `trustkit-runtime hook` it is an OCI hook (createRuntime). Whatever goes wrong is a
refusal: standard error, and the log that the engine reads, say why.
"""

import os
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from trustkit.cli.asking import Asker, leave
from trustkit.errors import TrustkitError, UsageError
from trustkit.hooks.oci.bound import Ruled
from trustkit.hooks.oci.bundle import read_bundle
from trustkit.hooks.oci.invocation import CREATE, EXEC, HOME_OPTION, HOOK, RUN, RUNTIME_OPTION, Invocation, read
from trustkit.hooks.oci.judging import Judge
from trustkit.model.facts import RequestFacts

# Engines wait minutes for a runtime; a registry that says nothing is given up much earlier.
_SECONDS = 60.0
_PROGRAM = "trustkit-runtime"
_HOME = "TRUSTKIT_HOME"


def main() -> NoReturn:
    """Judge, then become the runtime; or refuse."""
    arguments = sys.argv[1:]
    signal.signal(signal.SIGALRM, lambda *_: _refuse(arguments, f"no decision within {_SECONDS:.0f} seconds"))
    signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    try:
        asked = read(arguments)
        environment = dict(os.environ)
        if HOME_OPTION in asked.own:
            environment[_HOME] = asked.own[HOME_OPTION]
        judge(asked, environment)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if asked.command == HOOK:
            os._exit(0)
        runtime = program(asked, environment)
        os.execv(runtime, [runtime, *asked.words])  # noqa: S606
    except TrustkitError as error:
        _refuse(arguments, f"{error.message}; next: {error.next_step}" if error.next_step else error.message)
    except Exception as error:  # noqa: BLE001  (whatever happens, the engine is told no)
        _refuse(arguments, f"a fault of ours: {type(error).__name__}: {error}")


def judge(asked: Invocation, environment: Mapping[str, str]) -> None:
    """Return if the runtime may go on. Raises TrustkitError."""
    if asked.command in (CREATE, RUN):
        bundle = read_bundle(Path(asked.given.get("bundle") or ".").absolute())
        _judge(environment).run(bundle, asked.container)
    elif asked.command == EXEC:
        from trustkit.cli.oci_exec import process_of, running_bundle

        bundle = running_bundle(program(asked, environment), asked)
        _judge(environment).join(bundle, asked.container, process_of(asked))
    elif asked.command == HOOK:
        from trustkit.hooks.oci.state import STATE_BYTES, read_state

        state = read_state(sys.stdin.buffer.read(STATE_BYTES + 1))
        _judge(environment).run(read_bundle(state.bundle), state.container)


def _judge(environment: Mapping[str, str]) -> Judge:
    asker = Asker(environment)

    def ask(image: str, request: RequestFacts) -> Ruled:
        answer = asker.ask(image, request)
        return Ruled(answer.allowed, answer.reason, answer.config, answer.layers, answer.chain)

    return Judge(ask, os.getppid())


def program(asked: Invocation, environment: Mapping[str, str]) -> str:
    """Return the real runtime: the option's, else the configured one. Raises UsageError, ConfigError."""
    from trustkit.config import load

    name = asked.own.get(RUNTIME_OPTION) or load(environment).text("engine.runtime")
    # engines' own search path may leave out the folders of system programs
    found = shutil.which(name, path=f"{environment.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin")
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
