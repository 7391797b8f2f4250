"""A source whose answers were written down: what is written is answered from there, everything else is asked.

Manifests by digest and blobs are hashed again, so a written answer is worth what a registry's is: no more.
"""

from collections.abc import Callable, Iterator

from trustkit.codec.shared_entry import BLOB, MANIFEST, REFERRERS, Answer
from trustkit.errors import DigestMismatchError, LimitExceededError, NotFoundError
from trustkit.fips.hashing import digest_of, require_digest
from trustkit.model.digest import Digest
from trustkit.model.image import Descriptor
from trustkit.oci.source import Fetched, ImageSource


class RecordedSource:
    """An `ImageSource` for one thread. `answers` is what was written and, after use, all that was answered."""

    def __init__(self, open_source: Callable[[], ImageSource], answers: dict[tuple[str, str], Answer]) -> None:
        """Open the source behind it only when something must be asked."""
        self._open = open_source
        self._opened: ImageSource | None = None
        self.answers = dict(answers)

    @property
    def asked(self) -> bool:
        """Whether anything had to be asked."""
        return self._opened is not None

    def manifest(self, at: str) -> Fetched:
        """As in the Protocol."""
        known = self.answers.get((MANIFEST, at))
        if known is None:
            return self._ask_manifest(at)
        if known.absent:
            raise NotFoundError(f"{at}: not there when another node asked")
        asked = Digest.parse(at) if ":" in at else None
        if asked is not None:
            require_digest(known.content, asked, f"manifest {at} of the shared store")
        digest = asked or digest_of(known.content)
        return Fetched(Descriptor(known.media_type, digest, len(known.content)), known.content)

    def blob(self, descriptor: Descriptor, limit_bytes: int) -> bytes:
        """As in the Protocol."""
        known = self.answers.get((BLOB, str(descriptor.digest)))
        if known is None:
            content = self._source().blob(descriptor, limit_bytes)
            self.answers[BLOB, str(descriptor.digest)] = Answer(content=content)
            return content
        what = f"blob {descriptor.digest} of the shared store"
        require_digest(known.content, descriptor.digest, what)
        if len(known.content) != descriptor.size_bytes:
            raise DigestMismatchError(f"{what} is {len(known.content)} bytes, and not {descriptor.size_bytes}")
        if len(known.content) > limit_bytes:
            raise LimitExceededError(f"{what} is {len(known.content)} bytes, more than the {limit_bytes} allowed")
        return known.content

    def stream(self, descriptor: Descriptor) -> Iterator[bytes]:
        """As in the Protocol; never written down."""
        return self._source().stream(descriptor)

    def referrers(self, digest: Digest) -> tuple[tuple[Descriptor, ...], bool]:
        """As in the Protocol."""
        known = self.answers.get((REFERRERS, str(digest)))
        if known is None:
            listed, complete = self._source().referrers(digest)
            known = self.answers[REFERRERS, str(digest)] = Answer(listed=listed, complete=complete)
        return known.listed, known.complete

    def _ask_manifest(self, at: str) -> Fetched:
        try:
            fetched = self._source().manifest(at)
        except NotFoundError:
            self.answers[MANIFEST, at] = Answer(absent=True)
            raise
        self.answers[MANIFEST, at] = Answer(fetched.descriptor.media_type, fetched.content)
        return fetched

    def _source(self) -> ImageSource:
        if self._opened is None:
            self._opened = self._open()
        return self._opened
