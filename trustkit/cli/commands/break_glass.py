"""Let named rules of the policy give way for one image and some hours, by a grant that others approve.

request IMAGE  write and sign a grant as the one who asks
approve FILE   sign it too, as somebody else
add FILE       check it by the policy in force and put it on this machine, or with --push beside the image
show FILE      what a grant says, who signed it, and whether the policy in force takes it; ID: one of this machine
list           the grants of this machine, and uses that somebody has to look at
remove ID      take a grant from this machine
review ID      say that its uses were looked at, and what came of it

The policy says on which terms a grant counts: spec.exceptions.breakGlass, docs/break-glass.md. KEY is as for `sign`.
"""

import argparse
from importlib import import_module

from trustkit.cli.keyless_options import add_signer_arguments

# action → the module of trustkit.cli.break_glass that does it
_ACTIONS = {
    "request": "asking",
    "approve": "asking",
    "add": "keeping",
    "show": "keeping",
    "list": "keeping",
    "remove": "keeping",
    "review": "reviewing",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="|".join(_ACTIONS))
    request = actions.add_parser("request", help="write and sign a grant")
    request.add_argument("image", metavar="IMAGE", help="pinned by digest, no registry is asked")
    request.add_argument("--rule", action="append", required=True, metavar="RULE",
                         help="what is to give way, such as require.vulnerabilities; may repeat")  # fmt: skip
    request.add_argument("--reason", required=True, metavar="TEXT")
    request.add_argument("--for", dest="span", required=True, metavar="SPAN", help="how long: 30m, 4h")
    request.add_argument("--from", dest="start", metavar="TIME", help="from when on (default: now)")
    request.add_argument(
        "--namespace", default="", metavar="NAME", help="Kubernetes' namespace; absent: engines without"
    )
    request.add_argument("-o", "--out", required=True, metavar="FILE", help="write the grant here")
    approve = actions.add_parser("approve", help="sign a grant that somebody else asks for")
    approve.add_argument("file", metavar="FILE")
    for action in (request, approve):
        add_signer_arguments(action, key_help="your private key")
    add = actions.add_parser("add", help="check a grant and put it in force")
    add.add_argument("file", metavar="FILE")
    add.add_argument("--push", metavar="IMAGE", help="put it beside the image in this repository, for every machine")
    show = actions.add_parser("show", help="show a grant")
    show.add_argument("file", metavar="FILE|ID")
    listing = actions.add_parser("list", help="list grants, and uses to be looked at")
    listing.add_argument("--check", action="store_true", help="end with status 1 if a review is overdue")
    remove = actions.add_parser("remove", help="take a grant from this machine")
    remove.add_argument("id", metavar="ID")
    review = actions.add_parser("review", help="say that the uses of a grant were looked at")
    review.add_argument("id", metavar="ID")
    review.add_argument("--note", required=True, metavar="TEXT", help="what came of it")
    for action in (request, approve, add, show, listing, remove, review):
        action.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked, and return the exit status. Raises TrustkitError."""
    module = import_module(f"trustkit.cli.break_glass.{_ACTIONS[arguments.action]}")
    status: int = getattr(module, arguments.action)(arguments)
    return status
