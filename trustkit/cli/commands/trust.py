"""Docker Content Trust (Notary v1).

Each action explains itself: `trustkit trust ACTION --help`.
"""

import argparse
from importlib import import_module

# action → one line; trustkit/cli/trust/ACTION.py declares its arguments and does it
ACTIONS = {
    "delegate": "let somebody sign tags of a repository with a key of their own, or end it",
    "init": "begin the content trust of a repository",
    "inspect": "show a repository's signed tags, their signers and ends",
    "migrate": "sign anew, as cosign or notation, what content trust says of the tags",
    "revoke": "take the signature of tags back",
    "root": "distribute keys, identities and policies by a TUF repository of your own",
    "rotate": "give a role of a repository another key",
    "serve": "run a trust server that docker trust and notary work against",
    "sign": "sign what tags of a repository stand for",
    "status": "show keys, roots and when they expire",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions, with their own arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="|".join(ACTIONS))
    for name, line in ACTIONS.items():
        module = import_module(_module_of(name))
        module.add_arguments(actions.add_parser(name, help=line, description=module.__doc__))


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked, and return the exit status. Raises TrustkitError."""
    status: int = import_module(_module_of(arguments.action)).run(arguments)
    return status


def _module_of(action: str) -> str:
    return "trustkit.cli.trust." + action.replace("-", "_")
