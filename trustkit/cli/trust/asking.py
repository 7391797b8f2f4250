"""The options that say which repository is meant and how it is believed, and what they stand for."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from trustkit.config import Config
from trustkit.model.reference import ImageRef

if TYPE_CHECKING:
    from trustkit.signing.content_trust.values import VerifiedRepository


def add_repository_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("repository", metavar="REPOSITORY[:TAG]")
    parser.add_argument("--server", metavar="URL", help="trust server; default trust.server, else the registry's host")
    parser.add_argument("--root", metavar="FILE", help="root.json that is trusted to begin with")
    parser.add_argument("--first-use", action="store_true", help="believe a root that was never seen before, this once")


def verified(arguments: argparse.Namespace, config: Config, ref: ImageRef) -> "VerifiedRepository":
    """Return the repository that the arguments mean, proven. Raises VerificationError, SourceError, MalformedError."""
    from trustkit.admission.content_trust import Asked
    from trustkit.app import open_repositories
    from trustkit.oci.trust_metadata import server_of

    server = server_of(ref.name, arguments.server or config.text("trust.server"))
    root = _root(Path(arguments.root)) if arguments.root else b""
    return open_repositories(config).verified(Asked(ref.name, server, root, first_use=arguments.first_use))


def tags_of(found: "VerifiedRepository", ref: ImageRef) -> list[str]:
    """Return the tag that was asked for, else every one."""
    return [ref.tag] if ref.tag and ref.given.endswith(f":{ref.tag}") else sorted(found.tags)


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
