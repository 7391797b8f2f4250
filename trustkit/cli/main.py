"""`trustkit`: the table of commands, the exit status.

A command's module is imported only when that command is used, and the whole of `--help` comes from
this table: start-up time is a feature. Exit statuses: 0 ok, 1 refused, 2 usage, 3 could not find
out, 4 our or the machine's fault; `run` and `exec` pass a started container's status through.
"""

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from trustkit import __version__
from trustkit.cli.output import fail
from trustkit.errors import TrustkitError

# A command lives for a tenth of a second: collecting cycles costs more than it frees.
gc.set_threshold(100_000)

# group → command → one line
COMMANDS: dict[str, dict[str, str]] = {
    "Content trust": {
        "sign": "sign an image",
        "verify": "verify images against the policy, or against keys",
        "attest": "sign a statement about an image",
        "verify-attestation": "verify the statements about an image",
        "copy": "copy an image, with all its signatures, between registries, layouts and archives",
        "verify-blob": "verify a file against a sigstore bundle",
        "trust": "Docker Content Trust: sign, inspect, migrate, serve; trust roots of your own",
        "trusted-root": "show and refresh the root that certificates are trusted by",
        "key": "generate, list, show, import, export, rotate and revoke keys",
    },
    "Containers": {
        "run": "verify an image, then run it in a new container",
        "pull": "verify an image, then fetch and unpack it",
        "create": "verify an image, then make a container without starting it",
        "start": "start stopped containers, after checking them again",
        "ps": "list containers",
        "logs": "show what a container wrote",
        "attach": "attach to a running container",
        "exec": "run a command in a running container",
        "wait": "wait until containers stop",
        "stop": "stop containers",
        "kill": "send containers a signal",
        "rm": "remove containers",
        "images": "list images",
        "rmi": "remove images",
        "inspect": "show everything about a container or an image",
        "info": "show the engine's state",
        "daemon": "run the daemon: gate, engine and log behind one socket",
        "serve": "serve an admission hook of another engine",
    },
    "Decisions": {
        "admit": "ask whether an image may be used: for scripts, and engines without a hook",
        "policy": "check, test and compare policies, explain a decision",
        "break-glass": "let rules give way for some hours, by a grant that others approve",
        "audit": "read, prove and report the decision log",
        "scan": "judge again what runs, or lies in a registry: revocations, expiry, new policies",
        "fleet": "revoke keys and images for all nodes, and see what nodes share",
    },
    "This program": {
        "doctor": "look whether everything is there that trustkit needs",
        "fips": "install, show, test and prove the FIPS module",
        "config": "show the configuration and where each value came from",
        "completion": "print the completion script for bash, zsh or fish",
    },
}
# What must work to install a module, to see why one fails, and to learn of settings; none of it does maths that counts.
_OUTSIDE_FIPS_MODE = frozenset({"fips", "config", "completion"})
USAGE = "usage: trustkit COMMAND [OPTIONS] [ARGUMENTS]"


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        status = run(arguments)
        sys.stdout.flush()
    except TrustkitError as error:
        status = fail(error)
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        # The reader went away (`| head`): end quietly, as other tools do.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 141
    except Exception as error:  # noqa: BLE001  (the last line of defence: no traceback reaches a user)
        status = _bug(error)
    _leave(status)


def _leave(status: int) -> NoReturn:
    """End at once: taking a hundred modules apart costs 8 ms, and whatever had to be closed is closed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            status = status or 141
    os._exit(status)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status. Raises TrustkitError."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(help_text())
        return 0 if arguments else 2
    name = arguments[0]
    if name in ("--version", "version"):
        print(f"trustkit {__version__}")
        return 0
    if not any(name in group for group in COMMANDS.values()):
        print(f"trustkit: {name!r} is not a command\n  next: `trustkit --help` lists them", file=sys.stderr)
        return 2
    if name not in _OUTSIDE_FIPS_MODE:
        from trustkit.cli import fips_start

        fips_start.enter(arguments)
        status = _command(name, arguments[1:])
        fips_start.require_alone()
        return status
    return _command(name, arguments[1:])


def _command(name: str, arguments: list[str]) -> int:
    module = import_module(module_of(name))
    # not before: entering FIPS mode starts this process again, and argparse takes a third of the time until then
    from trustkit.cli.parser import Parser

    parser = Parser(prog=f"trustkit {name}", description=_sentence(name, module.__doc__))
    module.add_arguments(parser)
    status: int = module.run(parser.parse_args(arguments))
    return status


def module_of(name: str) -> str:
    """Return the module that holds a command."""
    return "trustkit.cli.commands." + name.replace("-", "_")


def help_text() -> str:
    """Return what `trustkit --help` prints."""
    lines = [USAGE, "", "The trusted container engine: nothing runs that your policy did not admit.", ""]
    for group, commands in COMMANDS.items():
        lines.append(f"{group}:")
        lines += [f"  {name:<20}{line}" for name, line in commands.items()]
        lines.append("")
    lines += [
        "`trustkit COMMAND --help` explains a command.",
        "Exit status: 0 ok, 1 refused, 2 usage, 3 could not find out, 4 our or the machine's fault.",
    ]
    return "\n".join(lines)


def _sentence(name: str, document: str | None) -> str:
    if document:
        return document.strip()
    return next(group[name] for group in COMMANDS.values() if name in group)


def _bug(error: Exception) -> int:
    if os.environ.get("TRUSTKIT_DEBUG"):
        raise error
    print(
        f"trustkit: a fault of ours: {type(error).__name__}: {error}\n"
        "  next: run it again with TRUSTKIT_DEBUG=1 and report what it prints",
        file=sys.stderr,
    )
    return 4
