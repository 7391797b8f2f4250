"""Verify images, record the decision, and show the evidence.

Without --key the policy decides; with --key an image passes if one of those keys signed it. KEY is a
name in the key ring or a file with a public key. With --certificate-identity and --certificate-oidc-issuer
it passes if a certificate for that identity signed it; with --gpg-key, if an OpenPGP key of that keyring did.
With --trust-policy, notation's trustpolicy.json decides with its levels, as `notation verify` does; with
--containers-policy, the policy.json of podman, skopeo and CRI-O does.
Each of the three policies stands alone: beside keys or identities it is refused.
No daemon is needed and nothing is run.
"""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from trustkit.cli.identities import (
    TRUSTED,
    add_identity_arguments,
    require_only,
    require_root_is_used,
    trusted_by,
)
from trustkit.cli.judging import Opens, by_policy, judge_images
from trustkit.cli.openpgp import add_gpg_arguments, gpg_trusted_by
from trustkit.cli.words import annotations_of, platform_of
from trustkit.errors import UsageError
from trustkit.policy.trusted import Signer

if TYPE_CHECKING:
    from trustkit.config import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare cosign's names where cosign has one."""
    parser.add_argument("image", nargs="+", metavar="IMAGE")
    parser.add_argument("--key", action="append", default=[], metavar="KEY", help="trust this public key; may repeat")
    parser.add_argument("-a", "--annotations", action="append", default=[], metavar="NAME=VALUE",
                        help="the signature must carry this annotation; may repeat")  # fmt: skip
    parser.add_argument("--policy", metavar="FILE", help="use this policy instead of the configured one")
    parser.add_argument("--trust-policy", metavar="FILE", help="notation's trustpolicy.json decides, and nothing else")
    parser.add_argument("--containers-policy", metavar="FILE", help="or podman's policy.json decides, and nothing else")
    parser.add_argument("--trust-store", metavar="DIR", help="its trust store; default: truststore beside the file")
    add_identity_arguments(parser)
    add_gpg_arguments(parser)
    parser.add_argument("--platform", metavar="OS/ARCH[/VARIANT]", help="which image of an index")
    parser.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Judge and record every image; return the status that matters most."""
    from trustkit.config import load

    config = load(os.environ)
    theirs = arguments.trust_policy or arguments.containers_policy
    opens = _by_their_policy(arguments, config) if theirs else _by_policy(arguments, config)
    return judge_images(config, opens, arguments.image, platform_of(arguments.platform), arguments.output)


def _by_their_policy(arguments: argparse.Namespace, config: "Config") -> Opens:
    from trustkit.cli.trust_policies import by_their_policy

    return by_their_policy(arguments, config)


def _by_policy(arguments: argparse.Namespace, config: "Config") -> Opens:
    from trustkit.app import keys_policy, load_policy

    if arguments.trust_store:
        raise UsageError("--trust-store goes with a trust policy", next_step="give --trust-policy too")
    if arguments.policy:
        require_only(arguments, ("policy", *TRUSTED))
    wanted = annotations_of(arguments.annotations)
    identities, roots = trusted_by(arguments, config)
    require_root_is_used(arguments, identities)
    rings, ring_roots = gpg_trusted_by(arguments)
    signers: tuple[Signer, ...] = (*identities, *rings)
    if arguments.key or wanted or signers:
        every_root = (*roots, *ring_roots)
        policy = keys_policy(config, arguments.key, annotations=wanted, identities=signers, roots=every_root)
    else:
        policy = load_policy(config, Path(arguments.policy) if arguments.policy else None)
    return by_policy(config, policy)
