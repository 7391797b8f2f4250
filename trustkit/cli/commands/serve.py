"""Serve an admission hook: another engine asks, and the gate decides.

Each hook explains itself: `trustkit serve HOOK --help`.
"""

import argparse
from importlib import import_module

# hook → one line; trustkit/cli/serve/HOOK.py declares its arguments and serves it
HOOKS = {
    "docker-authz": "authorization plugin of Docker",
    "webhook": "validating and mutating admission webhook of Kubernetes",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the hooks, with their own arguments."""
    hooks = parser.add_subparsers(dest="hook", required=True, metavar="|".join(HOOKS))
    for name, line in HOOKS.items():
        module = import_module(_module_of(name))
        module.add_arguments(hooks.add_parser(name, help=line, description=module.__doc__))


def run(arguments: argparse.Namespace) -> int:
    """Serve what was asked for, and return the exit status. Raises TrustkitError."""
    status: int = import_module(_module_of(arguments.hook)).run(arguments)
    return status


def _module_of(hook: str) -> str:
    return "trustkit.cli.serve." + hook.replace("-", "_")
