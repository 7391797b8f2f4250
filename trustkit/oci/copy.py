"""An image from place to place, alone or with everything that was ever said about it.

Blobs go first, then manifests, then evidence, then the tag: whoever asks by the tag finds all of it or what was
there before. Every byte is compared with its digest on the way. Evidence is what refers to the image, to its
platforms' images, or to other evidence: referrers, cosign's `.sig`, `.att` and `.sbom` tags, and GPG signatures
kept outside of the repository, which become referrers where the target has no such place.
"""

from collections.abc import Mapping

from trustkit import limits
from trustkit.codec.oci_manifest import Index, Manifest, parse
from trustkit.errors import DigestMismatchError, LimitExceededError, NotFoundError, TagExistsError, UsageError
from trustkit.fips.hashing import digest_of
from trustkit.model.digest import Digest
from trustkit.model.evidence import LOOKASIDE, REFERRERS, SIGNATURE_API, SIMPLE_SIGNING, Place
from trustkit.model.image import Descriptor
from trustkit.model.reference import ImageRef
from trustkit.model.values import NamedTuple
from trustkit.oci.copy_target import Target, tagged
from trustkit.oci.push import append, push
from trustkit.oci.source import ImageSource, SimpleSignatures

_TAGS = (".sig", ".att", ".sbom")
# Tags whose manifest holds one item a layer, so that two of them can be joined.
_JOINED = (".sig", ".att")


class Copied(NamedTuple):
    """What was copied; `evidence` lists manifests and signatures about the image, its parts, or each other."""

    digest: Digest
    media_type: str
    tag: str
    manifests: int
    blobs: int
    stored_blobs: int
    evidence: tuple[Digest, ...]


class _SimpleSignature(NamedTuple):
    """A GPG signature in a form that `push` takes."""

    content: bytes
    place: Place = Place(REFERRERS, SIMPLE_SIGNING)
    media_type: str = SIMPLE_SIGNING
    annotations: Mapping[str, str] = {}
    artifact_type: str = SIMPLE_SIGNING
    config_type: str = ""
    manifest_annotations: Mapping[str, str] = {}


def copy(
    source: ImageSource, at: str, target: Target, wanted: ImageRef, *, all_evidence: bool, overwrite: bool = False
) -> Copied:
    """Copy the image at a tag or digest to `wanted` in the target, with all evidence if asked.

    Raises SourceError, DigestMismatchError, MalformedError, LimitExceededError, StorageError; TagExistsError if
    the tag names another image there and may not be overwritten.
    """
    root = source.manifest(at)
    digest = root.descriptor.digest
    if wanted.digest is not None and wanted.digest != digest:
        raise UsageError(f"{wanted} names another image than {digest}", next_step="leave the digest out")
    seen = tagged(target, wanted.tag) if wanted.tag else None
    if seen not in (None, digest) and not overwrite:
        raise TagExistsError(f"{wanted} is {seen} already, not {digest}", next_step="give --overwrite, or another tag")
    copier = _Copier(source, target)
    media_type = copier.tree(root.content, root.descriptor)
    if all_evidence:
        copier.evidence()
    if wanted.tag and seen != digest:
        target.place.put_tag_if(root.content, media_type, wanted.tag, seen)
    elif not wanted.tag:
        target.place.put_manifest(root.content, media_type)
    return copier.copied(digest, media_type, wanted.tag)


class _Copier:
    """What has been copied so far, and what is still to be asked about."""

    def __init__(self, source: ImageSource, target: Target) -> None:
        self._source, self._target = source, target
        self._manifests: dict[Digest, Descriptor] = {}
        self._blobs: set[Digest] = set()
        self._stored = 0
        self._evidence: dict[Digest, None] = {}
        self._waiting: list[tuple[Descriptor, int]] = []

    def copied(self, digest: Digest, media_type: str, tag: str) -> Copied:
        """Return what was done."""
        return Copied(
            digest, media_type, tag, len(self._manifests), len(self._blobs), self._stored, tuple(self._evidence)
        )

    def tree(self, content: bytes, told: Descriptor, depth: int = 0) -> str:
        """Copy a manifest after everything it names, and return its media type."""
        document = self._parts(content, told, depth)
        if document.subject is None:
            self._target.put_part(content, document.media_type)
        else:
            self._attach(content, document, told.digest)
        return document.media_type

    def evidence(self) -> None:
        """Copy what is said about every manifest copied, and about that evidence in turn."""
        while self._waiting:
            about, depth = self._waiting.pop(0)
            if depth > limits.COPY_DEPTH:
                raise LimitExceededError(f"evidence about evidence is more than {limits.COPY_DEPTH} deep")
            self._referrers(about, depth)
            for suffix in _TAGS:
                self._tag(about, suffix, depth)
            self._simple_signatures(about)

    def _parts(self, content: bytes, told: Descriptor, depth: int) -> Manifest | Index:
        """Copy what a manifest names, and note the manifest itself."""
        what = f"manifest {told.digest}"
        if told.size_bytes != len(content):
            raise DigestMismatchError(f"{what} is {len(content)} bytes, not the {told.size_bytes} it is named with")
        document = parse(content, told.media_type, what)
        if told.digest in self._manifests:
            return document
        if len(self._manifests) >= limits.COPY_MANIFESTS:
            raise LimitExceededError(f"more than {limits.COPY_MANIFESTS} manifests belong to the image")
        found = Descriptor(document.media_type, told.digest, len(content))
        self._manifests[told.digest] = found
        self._waiting.append((found, depth))
        if isinstance(document, Index):
            if depth > limits.COPY_DEPTH:
                raise LimitExceededError(f"indexes are nested more than {limits.COPY_DEPTH} deep")
            for child in document.manifests:
                self.tree(self._source.manifest(str(child.digest)).content, child, depth + 1)
        else:
            for blob in (document.config, *document.layers):
                self._blob(blob)
        return document

    def _blob(self, blob: Descriptor) -> None:
        if blob.digest in self._blobs:
            return
        if blob.size_bytes > limits.LAYER_BYTES:
            raise LimitExceededError(f"blob {blob.digest} is over {limits.LAYER_BYTES} bytes")
        self._stored += self._target.take_blob(self._source, blob)
        self._blobs.add(blob.digest)

    def _attach(self, content: bytes, document: Manifest | Index, digest: Digest) -> None:
        if document.subject is None:
            return
        kind = document.artifact_type or (document.config.media_type if isinstance(document, Manifest) else "")
        described = Descriptor(document.media_type, digest, len(content), document.annotations, kind)
        self._target.place.attach(described, content, document.subject.digest)

    def _referrers(self, about: Descriptor, depth: int) -> None:
        found, complete = self._source.referrers(about.digest)
        if not complete:
            raise LimitExceededError(f"{about.digest} has more than {limits.EVIDENCE_ITEMS} referrers")
        for listed in found:
            if listed.digest in self._manifests:
                continue
            fetched = self._source.manifest(str(listed.digest))
            document = parse(fetched.content, listed.media_type, f"referrer {listed.digest}")
            if document.subject is None or document.subject.digest != about.digest:
                # listed, but about something else: no evidence of this image
                continue
            self.tree(fetched.content, listed, depth + 1)
            self._evidence[listed.digest] = None

    def _tag(self, about: Descriptor, suffix: str, depth: int) -> None:
        tag = f"{about.digest.algorithm}-{about.digest.hex}{suffix}"
        try:
            fetched = self._source.manifest(tag)
        except NotFoundError:
            return
        document = self._parts(fetched.content, fetched.descriptor, depth + 1)
        digest = fetched.descriptor.digest
        self._evidence[digest] = None
        there = tagged(self._target, tag)
        if there is None:
            self._target.place.put_tag_if(fetched.content, document.media_type, tag, None)
        elif there != digest:
            self._join(document, tag, suffix)

    def _join(self, document: Manifest | Index, tag: str, suffix: str) -> None:
        """Add signatures to those that are there already."""
        if suffix not in _JOINED or isinstance(document, Index):
            raise TagExistsError(f"{tag} holds something else there already", next_step="remove it first")
        for layer in document.layers:
            append(layer, tag, self._target.place)

    def _simple_signatures(self, about: Descriptor) -> None:
        if not isinstance(self._source, SimpleSignatures):
            return
        place = self._target.place
        for kind in (LOOKASIDE, SIGNATURE_API):
            found, complete = self._source.simple_signatures(Place(kind, ""), about.digest)
            if not complete:
                raise LimitExceededError(f"{about.digest} has more than {limits.EVIDENCE_ITEMS} GPG signatures")
            for content in found:
                if isinstance(place, SimpleSignatures) and place.keeps_simple_signatures():
                    place.put_simple_signature(about.digest, content)
                    self._evidence[digest_of(content)] = None
                else:
                    self._evidence[push(_SimpleSignature(content), about, place)] = None
