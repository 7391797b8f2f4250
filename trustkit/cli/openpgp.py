"""The options that say which OpenPGP keys are trusted, and what they stand for."""

import argparse
from pathlib import Path

from trustkit import limits
from trustkit.cli.identities import bounded_content
from trustkit.errors import PolicySyntaxError, UsageError
from trustkit.policy.signed_identity import DEFAULT, SignedIdentity, read_signed_identity
from trustkit.policy.trusted import OPENPGP, PolicyOpenPgp, PolicyRoot


def add_gpg_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options for GPG signatures."""
    add = parser.add_argument
    add("--gpg-key", action="append", default=[], metavar="FILE",
        help="trust this OpenPGP keyring, as `gpg --export` writes it; may repeat")  # fmt: skip
    add("--signed-identity", metavar="RULE",
        help="which name a GPG signature must carry: matchRepoDigestOrExact (default), matchExact, matchRepository, "
        "exactReference=REFERENCE, exactRepository=REPOSITORY, remapIdentity=PREFIX=SIGNED")  # fmt: skip


def gpg_trusted_by(arguments: argparse.Namespace) -> tuple[tuple[PolicyOpenPgp, ...], tuple[PolicyRoot, ...]]:
    """Return the keyrings the options trust, each as a signer and as a root. Raises UsageError."""
    identity = _identity(arguments)
    signers, roots = [], []
    for given in dict.fromkeys(arguments.gpg_key):
        signers.append(PolicyOpenPgp(given, given, (), identity))
        roots.append(PolicyRoot(OPENPGP, given, bounded_content(Path(given), limits.OPENPGP_KEYRING_BYTES)))
    return tuple(signers), tuple(roots)


def _identity(arguments: argparse.Namespace) -> SignedIdentity:
    if not arguments.signed_identity:
        return DEFAULT
    if not arguments.gpg_key:
        raise UsageError("--signed-identity is about GPG signatures", next_step="give --gpg-key too")
    try:
        return read_signed_identity(arguments.signed_identity)
    except PolicySyntaxError as error:
        raise UsageError(f"--signed-identity: {error.message}", next_step=error.next_step) from error
