"""Verify what was stated about images: attestations of one type, by a trusted key.

TYPE is a URI or one of cosign's names: custom, slsaprovenance, slsaprovenance1, spdx, spdxjson,
cyclonedx, vuln, openvex, link. The decision is recorded. What a known type says is summed up; with --output json
the whole predicate is printed. With --threshold, several different signers must have attested the type.
"""

import argparse
import os

from trustkit.cli.identities import add_identity_arguments, require_root_is_used, trusted_by
from trustkit.cli.judging import by_policy, judge_images
from trustkit.cli.words import platform_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare cosign's names."""
    parser.add_argument("image", nargs="+", metavar="IMAGE")
    parser.add_argument("--key", action="append", default=[], metavar="KEY",
                        help="trust this public key; may repeat; without it, those of the key ring")  # fmt: skip
    parser.add_argument("--type", default="custom", metavar="TYPE", help="the predicate's type")
    parser.add_argument("--threshold", metavar="N", type=int, default=1,
                        help="how many different signers must have attested it")  # fmt: skip
    add_identity_arguments(parser)
    parser.add_argument("--platform", metavar="OS/ARCH[/VARIANT]", help="which image of an index")
    parser.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Judge and record every image; return the status that matters most."""
    from trustkit.app import keys_policy
    from trustkit.config import load
    from trustkit.signing.predicates import predicate_type_of

    config = load(os.environ)
    identities, roots = trusted_by(arguments, config)
    require_root_is_used(arguments, identities)
    wanted = predicate_type_of(arguments.type)
    policy = keys_policy(config, arguments.key, attested=wanted, identities=identities, roots=roots,
                         threshold=arguments.threshold)  # fmt: skip
    return judge_images(
        config, by_policy(config, policy), arguments.image, platform_of(arguments.platform), arguments.output
    )
