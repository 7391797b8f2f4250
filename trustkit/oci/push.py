"""Attach what signing made: as cosign 2 (a layer more on a tag) or as a referrer (cosign 3)."""

from collections.abc import Callable, Mapping
from typing import Protocol

from trustkit import limits
from trustkit.codec.oci_build import manifest_bytes, signature_config
from trustkit.codec.oci_manifest import Manifest, parse_manifest
from trustkit.errors import LimitExceededError, NotFoundError, ProtocolError, SourceError
from trustkit.fips.hashing import digest_of
from trustkit.model.digest import Digest
from trustkit.model.evidence import REFERRERS, Place
from trustkit.model.image import OCI_CONFIG, OCI_EMPTY, OCI_MANIFEST, Descriptor
from trustkit.oci.source import ImageSink

_RACES = 12
_EMPTY = b"{}"


class Attached(Protocol):
    """What is read of `signing.format.Attachment`, which lies on a higher floor."""

    @property
    def place(self) -> Place:
        """Where it belongs."""

    @property
    def media_type(self) -> str:
        """The media type of the blob."""

    @property
    def content(self) -> bytes:
        """The blob."""

    @property
    def annotations(self) -> Mapping[str, str]:
        """The layer's annotations."""

    @property
    def artifact_type(self) -> str:
        """The referrer's type."""

    @property
    def config_type(self) -> str:
        """The media type of the referrer's configuration, if that tells the referrer's type."""

    @property
    def manifest_annotations(self) -> Mapping[str, str]:
        """The manifest's annotations."""


# Told the digest of each manifest before it is sent: from then on it may be there, whatever the answer.
Sending = Callable[[Digest], object]


def push(attachment: Attached, subject: Descriptor, sink: ImageSink, sending: Sending = lambda _: None) -> Digest:
    """Store evidence beside its subject and return the digest of the manifest that holds it.

    Raises SourceError, MalformedError, LimitExceededError.
    """
    layer = Descriptor(
        attachment.media_type,
        sink.put_blob(attachment.content),
        len(attachment.content),
        attachment.annotations,
    )
    if attachment.place.kind == REFERRERS:
        return _push_referrer(attachment, layer, subject, sink, sending)
    tag = f"{subject.digest.algorithm}-{subject.digest.hex}{attachment.place.pattern}"
    return append(layer, tag, sink, sending)


def _push_referrer(
    attachment: Attached, layer: Descriptor, subject: Descriptor, sink: ImageSink, sending: Sending
) -> Digest:
    """Write the manifest byte for byte as cosign 3.1 does, `artifactType` in the config included."""
    kind = attachment.artifact_type
    config = Descriptor(attachment.config_type or OCI_EMPTY, sink.put_blob(_EMPTY), len(_EMPTY), artifact_type=kind)
    manifest = Manifest(
        OCI_MANIFEST,
        config,
        (layer,),
        Descriptor(subject.media_type, subject.digest, subject.size_bytes),
        kind,
        attachment.manifest_annotations,
    )
    content = manifest_bytes(manifest)
    told = kind or attachment.config_type
    described = Descriptor(OCI_MANIFEST, digest_of(content), len(content), attachment.manifest_annotations, told)
    sending(described.digest)
    sink.attach(described, content, subject.digest)
    return described.digest


def append(layer: Descriptor, tag: str, sink: ImageSink, sending: Sending = lambda _: None) -> Digest:
    """Add a layer to the manifest at a tag, keeping what other signers add meanwhile.

    Raises SourceError, MalformedError, LimitExceededError.
    """
    for _ in range(_RACES):
        current, seen = _manifest_at(sink, tag)
        if _holds(current, layer) and seen is not None:
            return seen
        if len(current.layers) >= limits.EVIDENCE_ITEMS:
            raise LimitExceededError(
                f"{tag} already holds {len(current.layers)} signatures",
                next_step="remove old ones; verifiers stop reading there",
            )
        layers = (*current.layers, layer)
        config = signature_config(each.digest for each in layers)
        described = Descriptor(OCI_CONFIG, sink.put_blob(config), len(config))
        content = manifest_bytes(current._replace(config=described, layers=layers))
        sending(digest_of(content))
        try:
            sink.put_tag_if(content, current.media_type, tag, seen)
        except SourceError as error:
            if error.details.get("status") not in ("409", "412"):
                raise
        sink.settle()
        # read again: a registry that ignores the condition lets the last writer win
    current, seen = _manifest_at(sink, tag)
    if seen is None or not _holds(current, layer):
        raise ProtocolError(f"other writers kept replacing {tag}", next_step="sign again when they are done")
    return seen


def _manifest_at(sink: ImageSink, tag: str) -> tuple[Manifest, Digest | None]:
    try:
        fetched = sink.manifest_to_update(tag)
    except NotFoundError:
        nothing = Descriptor(OCI_CONFIG, digest_of(b""), 0)
        return Manifest(OCI_MANIFEST, nothing, ()), None
    manifest = parse_manifest(fetched.content, fetched.descriptor.media_type, tag)
    return manifest, fetched.descriptor.digest


def _holds(manifest: Manifest, layer: Descriptor) -> bool:
    return any(
        each.digest == layer.digest and dict(each.annotations) == dict(layer.annotations) for each in manifest.layers
    )
