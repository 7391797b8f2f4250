"""A policy's files become a signed artifact, and a verified artifact becomes a policy's documents.

Nothing that a bundle names is read from this machine: its documents find keys and roots in the bundle or not at all.
"""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from trustkit import limits
from trustkit.admission.policies import Document, policy_from, read_documents, recorded
from trustkit.codec import policy_bundle
from trustkit.errors import (
    DigestMismatchError,
    LimitExceededError,
    MalformedError,
    MediaTypeError,
    NotFoundError,
    PolicySyntaxError,
    RollbackError,
    UntrustedSignerError,
)
from trustkit.fips.provider import CryptoProvider
from trustkit.model.digest import Digest
from trustkit.model.evidence import Gathered
from trustkit.model.facts import Facts, ImageFacts, RequestFacts
from trustkit.model.image import OCI_MANIFEST, Descriptor, Platform
from trustkit.model.reference import ImageRef
from trustkit.model.values import NamedTuple
from trustkit.oci.source import Fetched, ImageSink, ImageSource
from trustkit.policy.document import Policy
from trustkit.policy.evaluate import evaluate
from trustkit.signing.format import Check, SignatureFormat
from trustkit.signing.trust.roots import TrustRoots
from trustkit.signing.verify import verify

_DOES_NOT_LOAD = (
    DigestMismatchError, LimitExceededError, MalformedError, MediaTypeError, NotFoundError, PolicySyntaxError,
)  # fmt: skip


class Packed(NamedTuple):
    """A policy's files by their paths in a bundle, and its revision."""

    files: Mapping[str, bytes]
    revision: int
    policy: Policy


class Signed(NamedTuple):
    """Who signed a bundle, as the pins name them, and the evidence that was accepted."""

    by: str
    evidence: frozenset[Digest]


class Pins(NamedTuple):
    """Who has to have signed a bundle: a policy of keys and identities, and the same as trust."""

    policy: Policy
    trust: TrustRoots
    formats: tuple[SignatureFormat, ...]
    crypto: CryptoProvider


def pack(path: Path) -> Packed:
    """Return what a bundle of the policy at a path holds; every key and root it names is in it.

    Raises PolicySyntaxError for what lies elsewhere, and for a policy without a revision.
    """
    documents = read_documents(path)
    policy, read = recorded(documents)
    folder = (path if path.is_dir() else path.parent).absolute()
    contents = {**{one.file.absolute(): one.content for one in documents}, **read}
    files = {_inside(file, folder): content for file, content in contents.items()}
    packed = Packed(files, revision_of(policy), policy)
    # what a bundle says must be all that is needed to read it
    policy_from(documents_of(files, "bundle"))
    return packed


def push(packed: Packed, sink: ImageSink) -> Descriptor:
    """Store a bundle under its digest alone, and return it: a tag is for what is signed. Raises SourceError."""
    files = {
        path: Descriptor("", sink.put_blob(content), len(content)) for path, content in sorted(packed.files.items())
    }
    config = Descriptor("", sink.put_blob(policy_bundle.EMPTY), len(policy_bundle.EMPTY))
    content = policy_bundle.build(files, config, packed.revision)
    return Descriptor(OCI_MANIFEST, sink.put_manifest(content, OCI_MANIFEST), len(content))


def tag_bundle(bundle: Descriptor, place: ImageSource, sink: ImageSink, tag: str) -> None:
    """Let a tag name a bundle. Raises SourceError."""
    sink.put_manifest(place.manifest(str(bundle.digest)).content, OCI_MANIFEST, tag)


def require_newer(packed: Packed, place: ImageSource, tag: str, wanted: Digest) -> None:
    """Return if nobody would refuse this bundle after the one at the tag. Raises RollbackError, SourceError."""
    try:
        there = place.manifest(tag)
    except NotFoundError:
        return
    told = policy_bundle.revision_told(there.content, tag)
    if there.descriptor.digest == wanted:
        return
    step = "raise metadata.revision, or give another tag"
    if told >= packed.revision:
        raise RollbackError(f"{tag} holds revision {told}, and this is revision {packed.revision}", next_step=step)
    if lower := went_down(_revisions_told(there, place, tag), revisions_of(packed.policy)):
        name, before, now = lower
        raise RollbackError(f"{tag} holds revision {before} of {name}, and this has revision {now}", next_step=step)


def _revisions_told(there: Fetched, place: ImageSource, tag: str) -> Mapping[str, int]:
    """Return what the documents of a bundle say that nobody verified; nothing of one that does not load.

    It is for who publishes: machines compare with what they had in force. Raises SourceError.
    """
    try:
        files = policy_bundle.parse(there.content, tag)
        texts = {
            path: place.blob(files[path], limits.POLICY_BYTES) for _, path in policy_bundle.documents(tuple(files))
        }
        return revisions_of(policy_from(documents_of(texts, tag), resolve=False))
    except _DOES_NOT_LOAD:
        # nobody can take it, so anything may follow it
        return {}


def require_signed(digest: Digest, evidence: Gathered, pins: Pins, now: datetime) -> Signed:
    """Return who signed a bundle, and by what. Raises UntrustedSignerError."""
    check = Check(digest, pins.trust, pins.crypto, now)
    report = verify(evidence, pins.formats, check)
    about = ImageFacts(ImageRef.parse(f"bundle@{digest}"), digest, digest, Platform("", ""), pinned=True)
    facts = Facts(about, report, pins.crypto.status(), RequestFacts(), now)
    decision = evaluate(pins.policy, facts)
    finding = decision.deciding
    if not decision.allowed or finding is None:
        raise UntrustedSignerError(
            f"policy bundle {digest}: {finding.message if finding else 'nobody signed it'}",
            next_step="trust.policy_keys and trust.policy_identity say who has to sign it",
        )
    return Signed(finding.message, frozenset(one.evidence for one in report.accepted))


def documents_of(files: Mapping[str, bytes], where: str) -> tuple[Document, ...]:
    """Return a bundle's documents, which read only each other's files. Raises PolicySyntaxError."""
    root = Path("/") / where.removeprefix("oci://")
    beside = {Path(os.path.normpath(root / path)): content for path, content in files.items()}
    found = tuple(
        Document(namespace, root / path, files[path], beside)
        for namespace, path in policy_bundle.documents(tuple(files))
    )
    for one in found:
        if len(one.content) > limits.POLICY_BYTES:
            raise PolicySyntaxError(f"{one.file}: more than {limits.POLICY_BYTES} bytes", file=str(one.file))
    if not any(not one.namespace for one in found):
        step = f"a bundle's documents are {policy_bundle.POLICY}/NAME.yaml"
        raise PolicySyntaxError(f"{where}: holds no policy document", next_step=step, file=where)
    return found


def revision_of(policy: Policy) -> int:
    """Return the revision of a policy: the highest of its documents. Raises PolicySyntaxError for none."""
    found = max((section.revision for section in policy.sections), default=0)
    if not found:
        raise PolicySyntaxError(
            f"{policy.name}: no document has a revision",
            next_step="write metadata.revision: 1, and raise it with every change",
        )
    return found


def revisions_of(policy: Policy) -> Mapping[str, int]:
    """Return the revision of each document, by name; 0 for one that has none."""
    return {section.name: section.revision for section in policy.sections}


def went_down(before: Mapping[str, int], now: Mapping[str, int]) -> tuple[str, int, int] | None:
    """Return a document that has a lower revision than before, with both; a document that is gone has none."""
    return next(((name, was, now[name]) for name, was in before.items() if now.get(name, was) < was), None)


def _inside(file: Path, folder: Path) -> str:
    """Return a file's path in the bundle: those of the policy's folder below `policy`. Raises PolicySyntaxError."""
    whole = Path(os.path.normpath(file))
    if whole.is_relative_to(folder):
        return f"{policy_bundle.POLICY}/{whole.relative_to(folder).as_posix()}"
    if whole.is_relative_to(folder.parent):
        return whole.relative_to(folder.parent).as_posix()
    raise PolicySyntaxError(
        f"{file}: lies outside of {folder.parent}, so it cannot come along",
        next_step="put keys and roots beside the policy",
        file=str(file),
    )
