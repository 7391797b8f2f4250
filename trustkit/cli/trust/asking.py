"""The options that say which repository is meant and how it is believed, and what they stand for."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from trustkit.config import Config
from trustkit.model.reference import ImageRef

if TYPE_CHECKING:
    from trustkit.admission.content_trust import Asked
    from trustkit.signing.content_trust.values import VerifiedRepository


KEY_HELP = (
    "a private key to sign with, beside those in trust.folder: a name of the ring, a file, pkcs11:...; repeatable"
)


def add_repository_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("repository", metavar="REPOSITORY[:TAG]")
    add_server_arguments(parser)


def add_server_arguments(parser: argparse.ArgumentParser, *, known: bool = True) -> None:
    """Declare which server, and with `known` how a repository that was never seen may be believed."""
    parser.add_argument("--server", metavar="URL", help="trust server; default trust.server, else the registry's host")
    if known:
        add = parser.add_argument
        add("--root", metavar="FILE", help="root.json that is trusted to begin with")
        add("--first-use", action="store_true", help="believe a root that was never seen before, this once")


def verified(arguments: argparse.Namespace, config: Config, ref: ImageRef) -> "VerifiedRepository":
    """Return the repository that the arguments mean, proven. Raises VerificationError, SourceError, MalformedError."""
    from trustkit.app import open_repositories

    return open_repositories(config).verified(asked(arguments, config, ref.name))


def asked(arguments: argparse.Namespace, config: Config, gun: str) -> "Asked":
    """Return the repository on its server, and how it may be believed. Raises UsageError, KeyFileError."""
    from trustkit.admission.content_trust import Asked
    from trustkit.oci.trust_metadata import server_of

    server = server_of(gun, arguments.server or config.text("trust.server"))
    given = getattr(arguments, "root", None)
    root = _root(Path(given)) if given else b""
    return Asked(gun, server, root, first_use=getattr(arguments, "first_use", False))


def tags_of(found: "VerifiedRepository", ref: ImageRef) -> list[str]:
    """Return the tag that was asked for, else every one."""
    tag = tag_of(ref)
    return [tag] if tag else sorted(found.tags)


def tag_of(ref: ImageRef) -> str:
    """Return the tag that a reference spells out, nothing if it does not."""
    return ref.tag if ref.tag and ref.given.partition("@")[0].endswith(f":{ref.tag}") else ""


def _root(file: Path) -> bytes:
    from trustkit import limits
    from trustkit.errors import KeyFileError

    try:
        with file.open("rb") as stream:
            content = stream.read(limits.TRUST_METADATA_BYTES + 1)
    except OSError as error:
        raise KeyFileError(f"{file}: {(error.strerror or str(error)).lower()}") from error
    if len(content) > limits.TRUST_METADATA_BYTES:
        raise KeyFileError(f"{file}: larger than {limits.TRUST_METADATA_BYTES} bytes, so no root")
    return content
