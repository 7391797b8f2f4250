"""An OCI image layout (image-spec image-layout.md), read from a folder or an archive, and written.

oci-layout    {"imageLayoutVersion":"1.0.0"}
index.json    {"schemaVersion":2,"manifests":[{...,"annotations":{"org.opencontainers.image.ref.name":TAG}}]}
blobs/sha256/<hex>
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trustkit import limits
from trustkit.codec import strict_json
from trustkit.codec.oci_build import index_bytes
from trustkit.codec.oci_manifest import Index, parse, parse_index
from trustkit.codec.strict_json import as_object
from trustkit.durable import make_folder, storage_error, write_file
from trustkit.errors import MalformedError, NotFoundError, ProtocolError, UsageError
from trustkit.fips.hashing import digest_of, require_digest, verifying
from trustkit.model.digest import Digest
from trustkit.model.image import INDEX_TYPES, MANIFEST_TYPES, OCI_INDEX, Descriptor
from trustkit.oci.files import Files, FolderFiles, read_small
from trustkit.oci.referrers import fallback_tag
from trustkit.oci.registry import require_small
from trustkit.oci.source import Fetched

_REF_NAME = "org.opencontainers.image.ref.name"
_FULL_NAME = "io.containerd.image.name"
_INDEX = "index.json"
_VERSION = "oci-layout"
_SMALL_BYTES = 4096


class LayoutSource:
    """A layout that is read."""

    def __init__(self, files: Files, what: str) -> None:
        """Check that this is a layout. Raises NotFoundError, MalformedError."""
        self._files = files
        self._what = what
        content = read_small(files, _VERSION, _SMALL_BYTES)
        marker = as_object(strict_json.parse(content, what=f"{what}: {_VERSION}", limit_bytes=_SMALL_BYTES), what)
        if marker.get("imageLayoutVersion") != "1.0.0":
            raise MalformedError(f"{what}: image layout version is not 1.0.0")

    def manifest(self, at: str) -> Fetched:
        """Return the manifest or index at a tag or digest; "" is the only image there is.

        Raises NotFoundError, UsageError, DigestMismatchError, MalformedError.
        """
        if ":" in at and at.partition(":")[0] in ("sha256", "sha384", "sha512"):
            digest = Digest.parse(at)
            listed = [each for each in self._index().manifests if each.digest == digest]
            media_type = listed[0].media_type if listed else ""
        else:
            found = self._tagged(at) if at else self._only()
            digest, media_type = found.digest, found.media_type
        content = read_small(self._files, _path(digest), limits.MANIFEST_BYTES)
        require_digest(content, digest, f"{self._what}: manifest {digest}")
        return Fetched(Descriptor(media_type, digest, len(content)), content)

    def blob(self, descriptor: Descriptor, limit_bytes: int) -> bytes:
        """Return a small blob whole. Raises NotFoundError, DigestMismatchError, LimitExceededError."""
        require_small(descriptor, limit_bytes)
        return b"".join(self.stream(descriptor))

    def stream(self, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield a blob; keep nothing of it before the end.

        Raises NotFoundError, DigestMismatchError.
        """
        what = f"{self._what}: blob {descriptor.digest}"
        return verifying(self._files.chunks(_path(descriptor.digest)), descriptor, what)

    def referrers(self, digest: Digest) -> tuple[tuple[Descriptor, ...], bool]:
        """Return the listed manifests whose subject is `digest`, and those at the fallback tag.

        Raises SourceError, MalformedError.
        """
        found: dict[Digest, Descriptor] = {}
        for each in self._index().manifests:
            if each.media_type in MANIFEST_TYPES and self._subject(each) == digest:
                found[each.digest] = each
        tag = fallback_tag(digest)
        for named in self._named(tag):
            fetched = self.manifest(str(named.digest))
            for each in parse_index(fetched.content, named.media_type, tag).manifests:
                found.setdefault(each.digest, each)
        kept = tuple(found.values())[: limits.EVIDENCE_ITEMS]
        return kept, len(kept) == len(found)

    # --- parts ------------------------------------------------------------------------------------

    def _index(self) -> Index:
        what = f"{self._what}: {_INDEX}"
        content = read_small(self._files, _INDEX, limits.MANIFEST_BYTES)
        return parse_index(content, OCI_INDEX, what)

    def _named(self, tag: str) -> list[Descriptor]:
        return [
            each
            for each in self._index().manifests
            if tag in (each.annotations.get(_REF_NAME), each.annotations.get(_FULL_NAME))
        ]

    def _tagged(self, tag: str) -> Descriptor:
        found = self._named(tag)
        if not found:
            raise NotFoundError(
                f"{self._what} has no image named {tag!r}; it has: {self._tags()}",
                next_step="name one of these, or a digest",
            )
        if len({each.digest for each in found}) > 1:
            raise MalformedError(f"{self._what} names {len(found)} images {tag!r}")
        return found[0]

    def _only(self) -> Descriptor:
        """Return the one image, leaving aside what refers to images."""
        candidates = {
            each.digest: each
            for each in self._index().manifests
            if not each.annotations.get(_REF_NAME, "").startswith("sha256-")
            and each.media_type in (*MANIFEST_TYPES, *INDEX_TYPES)
            and self._subject(each) is None
        }
        if not candidates:
            raise NotFoundError(f"{self._what} holds no image", next_step="check the path")
        if len(candidates) > 1:
            raise UsageError(
                f"{self._what} holds {len(candidates)} images: {self._tags()}",
                next_step="say which by :TAG or @DIGEST",
            )
        return next(iter(candidates.values()))

    def _tags(self) -> str:
        names = {each.annotations.get(_REF_NAME, "") for each in self._index().manifests}
        shown = sorted(name for name in names if name and not name.startswith("sha256-"))
        return ", ".join(shown[:20]) or "no tags"

    def _subject(self, listed: Descriptor) -> Digest | None:
        """Return what a listed manifest refers to; one that is missing or malformed refers to nothing."""
        try:
            content = read_small(self._files, _path(listed.digest), limits.MANIFEST_BYTES)
            subject = parse(content, listed.media_type, f"manifest {listed.digest}").subject
        except (NotFoundError, MalformedError):
            return None
        return subject.digest if subject else None


class LayoutFolder(LayoutSource):
    """A layout in a folder, which can also be written."""

    def __init__(self, folder: Path) -> None:
        """Open a layout. Raises NotFoundError, MalformedError."""
        self._folder = folder
        super().__init__(FolderFiles(folder), str(folder))

    @classmethod
    def create(cls, folder: Path) -> "LayoutFolder":
        """Open a layout, making an empty one if there is none. Raises StorageError."""
        if not (folder / _VERSION).exists():
            make_folder(folder, mode=0o755)
            write_file(folder / _INDEX, index_bytes(Index(OCI_INDEX, ())), mode=0o644)
            write_file(folder / _VERSION, b'{"imageLayoutVersion":"1.0.0"}', mode=0o644)
        return cls(folder)

    def put_blob(self, content: bytes) -> Digest:
        """Store a blob and return its digest. Raises StorageError."""
        digest = digest_of(content)
        path = self._folder / _path(digest)
        make_folder(path.parent, mode=0o755)
        if not path.exists() or path.stat().st_size != len(content):
            write_file(path, content, mode=0o644)
        return digest

    def put_manifest(self, content: bytes, media_type: str, tag: str = "") -> Digest:
        """Store a manifest under its digest, or under a tag too. Raises StorageError."""
        digest = self.put_blob(content)
        with self._locked():
            self._list(Descriptor(media_type, digest, len(content)), tag)
        return digest

    def attach(self, manifest: Descriptor, content: bytes, subject: Digest) -> None:  # noqa: ARG002
        """Store a manifest whose bytes name their `subject`: listing it makes it findable."""
        self.put_blob(content)
        with self._locked():
            self._list(Descriptor(manifest.media_type, manifest.digest, manifest.size_bytes), "")

    def manifest_to_update(self, at: str) -> Fetched:
        """Return what a tag holds. Raises NotFoundError."""
        return self.manifest(at)

    def put_tag_if(self, content: bytes, media_type: str, tag: str, seen: Digest | None) -> None:
        """Store a manifest under a tag if the tag still is what was seen.

        Raises StorageError; a lost race is a ProtocolError with status 412.
        """
        digest = self.put_blob(content)
        with self._locked():
            named = self._named(tag)
            if (named[0].digest if named else None) != seen:
                raise ProtocolError(f"{self._what}: {tag} was changed meanwhile", status="412")
            self._list(Descriptor(media_type, digest, len(content)), tag)

    def settle(self) -> None:
        """Return at once: writes are under a lock."""

    def _list(self, added: Descriptor, tag: str) -> None:
        index = self._index()
        if tag:
            added = added._replace(annotations={_REF_NAME: tag})
            kept = [each for each in index.manifests if each.annotations.get(_REF_NAME) != tag]
        else:
            kept = [each for each in index.manifests if each.digest != added.digest or each.annotations]
        content = index_bytes(index._replace(manifests=(*kept, added)))
        write_file(self._folder / _INDEX, content, mode=0o644)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other writers of ours away; the lock is on the folder, so no file is left behind."""
        try:
            opened = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise storage_error(self._folder, error) from error
        try:
            fcntl.flock(opened, fcntl.LOCK_EX)
            yield
        finally:
            os.close(opened)


def _path(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"
