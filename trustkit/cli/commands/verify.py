"""Verify images, record the decision, and show the evidence.

Without --key the policy decides; with --key an image passes if one of those keys signed it. KEY is a
name in the key ring or a file with a public key. No daemon is needed and nothing is run.
"""

import argparse
import os
import sys
from pathlib import Path

from trustkit.cli.output import as_json, fail
from trustkit.cli.words import actor, annotations_of, platform_of
from trustkit.errors import TrustkitError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare cosign's names where cosign has one."""
    parser.add_argument("image", nargs="+", metavar="IMAGE")
    parser.add_argument("--key", action="append", default=[], metavar="KEY", help="trust this public key; may repeat")
    parser.add_argument("-a", "--annotations", action="append", default=[], metavar="NAME=VALUE",
                        help="the signature must carry this annotation; may repeat")  # fmt: skip
    parser.add_argument("--policy", metavar="FILE", help="use this policy instead of the configured one")
    parser.add_argument("--platform", metavar="OS/ARCH[/VARIANT]", help="which image of an index")
    parser.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Judge and record every image; return the status that matters most."""
    from trustkit.app import keys_policy, load_policy, open_gate, open_log
    from trustkit.cli.evidence_tree import judgement_json, print_judgement
    from trustkit.config import load
    from trustkit.model.facts import RequestFacts
    from trustkit.model.reference import ImageRef

    config = load(os.environ)
    wanted, platform = annotations_of(arguments.annotations), platform_of(arguments.platform)
    if arguments.key or wanted:
        policy = keys_policy(config, arguments.key, wanted)
    else:
        policy = load_policy(config, Path(arguments.policy) if arguments.policy else None)
    request = RequestFacts(actor=actor(), purpose="verify")
    statuses: list[int] = []
    shown: list[object] = []
    with open_log(config) as log:
        gate = open_gate(config, policy=policy, log=log)
        for given in arguments.image:
            try:
                judgement, record = gate.decide(ImageRef.parse(given), request, platform)
            except TrustkitError as error:
                statuses.append(fail(error))
                shown.append({"image": given, "verdict": "unknown", "error": error.code, "message": error.message})
                continue
            statuses.append(0 if judgement.decision.allowed else 1)
            if arguments.output == "json":
                shown.append(judgement_json(judgement, record))
            else:
                print_judgement(judgement, record, sys.stdout)
    if arguments.output == "json":
        as_json(shown if len(shown) > 1 else shown[0])
    return worst(statuses)


def worst(statuses: list[int]) -> int:
    """Return the status that matters most: our fault, refused, usage, unknown, ok."""
    return next((status for status in (4, 1, 2, 3) if status in statuses), 0)
