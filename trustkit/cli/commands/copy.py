"""Copy an image between registries, OCI layouts and one-file archives, byte for byte.

With --all-evidence every signature, attestation and referrer comes along, so that the copy verifies on its own: on a
site without a network, from the archive alone. Everything is compared with its digest on the way; the tag, or the
archive, appears at the end or not at all.
"""

import argparse
import os

from trustkit.cli.output import as_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare skopeo's order: from, to."""
    parser.add_argument("source", metavar="SRC", help="an image, oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE")
    parser.add_argument("target", metavar="DST", help="an image, oci:DIR[:TAG], or oci-archive:FILE[:TAG]")
    parser.add_argument("--all-evidence", action="store_true",
                        help="copy signatures, attestations and other referrers too, recursively")  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="let the tag, or the archive, be replaced")
    parser.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Copy. Raises UsageError, SourceError, VerificationError, MalformedError, StorageError."""
    from trustkit.app import Sources, open_crypto
    from trustkit.cli.client.layouts import whole
    from trustkit.config import load
    from trustkit.model.reference import REGISTRY, ImageRef
    from trustkit.oci.copy import copy
    from trustkit.oci.copy_target import opened

    config = load(os.environ)
    open_crypto(config)
    source, target = ImageRef.parse(whole(arguments.source)), ImageRef.parse(whole(arguments.target))
    if target.transport != REGISTRY and not target.tag:
        target = target._replace(tag=source.tag)
    sources = Sources(config, simple_signatures=arguments.all_evidence)
    registry = sources.registry(target) if target.transport == REGISTRY else None
    with opened(target, registry, overwrite=arguments.overwrite) as place:
        options = {"all_evidence": arguments.all_evidence, "overwrite": arguments.overwrite}
        done = copy(sources(source), source.at, place, target, **options)
    if arguments.output == "json":
        as_json(done)
        return 0
    print(f"copied {target}\n  digest     {done.digest}\n  manifests  {done.manifests}")
    print(f"  blobs      {done.blobs}, {done.blobs - done.stored_blobs} of them were there")
    print(f"  evidence   {len(done.evidence) if arguments.all_evidence else 'not copied: --all-evidence'}")
    return 0
