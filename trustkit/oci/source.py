"""What a place that holds images must offer."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from trustkit.model.digest import Digest
from trustkit.model.evidence import Place
from trustkit.model.image import Descriptor
from trustkit.model.values import NamedTuple


class Fetched(NamedTuple):
    """Manifest bytes as served, with the descriptor they really have (digest computed, not told)."""

    descriptor: Descriptor
    content: bytes


class ImageSource(Protocol):
    """A repository of a registry, a layout, or an archive.

    Every byte returned was checked against its digest; sizes are bounded before reading.
    All raise SourceError (NotFoundError, UnauthorizedError, ...) and DigestMismatchError.
    """

    def manifest(self, at: str) -> Fetched:
        """Return the manifest or index at a tag or digest."""

    def blob(self, descriptor: Descriptor, limit_bytes: int) -> bytes:
        """Return a small blob whole. Raises LimitExceededError."""

    def stream(self, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield a blob; raises DigestMismatchError at its end, so keep nothing before that."""

    def referrers(self, digest: Digest) -> tuple[tuple[Descriptor, ...], bool]:
        """Return the descriptors of manifests that refer to `digest`, and whether that is all."""


class ImageSink(Protocol):
    """A place that evidence or images can be written to."""

    def put_blob(self, content: bytes) -> Digest:
        """Store a blob and return its digest."""

    def put_manifest(self, content: bytes, media_type: str, tag: str = "") -> Digest:
        """Store a manifest under its digest, or under a tag too."""

    def attach(self, manifest: Descriptor, content: bytes, subject: Digest) -> None:
        """Store a manifest that has a `subject`, and make it findable as its referrer."""

    def manifest_to_update(self, at: str) -> Fetched:
        """Return what a tag holds where it will be written, past any mirror."""

    def put_tag_if(self, content: bytes, media_type: str, tag: str, seen: Digest | None) -> None:
        """Store a manifest under a tag if the tag still is what was seen, where that can be told.

        A lost race raises a SourceError whose details give status 409 or 412.
        """

    def settle(self) -> None:
        """Wait until writers that looked at a tag before our write have written theirs."""


class Repository(ImageSource, ImageSink, Protocol):
    """A place that is read and written."""


@runtime_checkable
class SimpleSignatures(Protocol):
    """What a place offers besides that keeps GPG simple signatures of its manifests outside of itself."""

    def simple_signatures(self, place: Place, digest: Digest) -> tuple[tuple[bytes, ...], bool]:
        """Return the signatures of a manifest at one kind of place, and whether that is all."""

    def put_simple_signature(self, digest: Digest, content: bytes) -> str:
        """Store a signature and return where."""

    def keeps_simple_signatures(self) -> bool:
        """Whether there is a place to write them to."""
