"""Where copies go: a registry, an OCI layout, or an archive that appears whole or not at all."""

import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Protocol

from trustkit.durable import storage_error, sync_folder
from trustkit.errors import NotFoundError, UsageError
from trustkit.fips.hashing import digest_of
from trustkit.model.digest import Digest
from trustkit.model.image import Descriptor
from trustkit.model.reference import DOCKER_ARCHIVE, OCI_ARCHIVE, OCI_LAYOUT, ImageRef
from trustkit.oci.download import fetch
from trustkit.oci.layout import LayoutFolder
from trustkit.oci.registry import RegistrySource
from trustkit.oci.source import ImageSink, ImageSource


class CopyTarget(ImageSink, Protocol):
    """A place that takes copies: blobs from another place, manifests, and the tag at the end."""

    def take_blob(self, source: ImageSource, blob: Descriptor) -> bool:
        """Store a blob of another place; False if it was there. Nothing is stored unless every byte was right."""

    def put_part(self, content: bytes, media_type: str) -> Digest:
        """Store a manifest that nothing names yet."""


class RegistryTarget:
    """A registry's repository."""

    def __init__(self, place: RegistrySource) -> None:
        """Take the repository."""
        self.place = place

    def take_blob(self, source: ImageSource, blob: Descriptor) -> bool:
        """Upload a blob from its source, checking it on the way."""
        return self.place.put_stream(blob.digest, source.stream(blob))

    def put_part(self, content: bytes, media_type: str) -> Digest:
        """Store a manifest under its digest."""
        return self.place.put_manifest(content, media_type)


class LayoutTarget:
    """A layout in a folder."""

    def __init__(self, place: LayoutFolder, folder: Path) -> None:
        """Take the layout and its folder."""
        self.place, self._folder = place, folder

    def take_blob(self, source: ImageSource, blob: Descriptor) -> bool:
        """Fetch a blob from its source, checking it on the way."""
        folder = self._folder / "blobs" / blob.digest.algorithm
        path = folder / blob.digest.hex
        if path.exists() and path.stat().st_size == blob.size_bytes:
            return False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            fetch(source, blob, folder).chmod(0o644)
        except OSError as error:
            raise storage_error(path, error) from error
        return True

    def put_part(self, content: bytes, media_type: str) -> Digest:  # noqa: ARG002  (a layout's files have none)
        """Store a manifest without listing it in the index."""
        return self.place.put_blob(content)


Target = RegistryTarget | LayoutTarget


@contextmanager
def opened(ref: ImageRef, registry: RegistrySource | None, *, overwrite: bool) -> Iterator[Target]:
    """Open where a reference points; an archive is written when the block ends without an exception.

    Raises UsageError, NotFoundError, MalformedError, StorageError.
    """
    if registry is not None:
        yield RegistryTarget(registry)
    elif ref.transport == OCI_LAYOUT:
        folder = Path(ref.path)
        yield LayoutTarget(LayoutFolder.create(folder), folder)
    elif ref.transport == OCI_ARCHIVE:
        with _archive(Path(ref.path), overwrite=overwrite) as folder:
            yield LayoutTarget(LayoutFolder.create(folder), folder)
    else:
        raise UsageError(f"{ref.given}: {DOCKER_ARCHIVE} has no place for evidence", next_step="write oci-archive:FILE")


def tagged(target: Target, tag: str) -> Digest | None:
    """Return what a tag names there, or None. Raises SourceError."""
    try:
        return target.place.manifest_to_update(tag).descriptor.digest
    except NotFoundError:
        return None


def descriptor_of(content: bytes, media_type: str) -> Descriptor:
    """Return what names these bytes."""
    return Descriptor(media_type, digest_of(content), len(content))


@contextmanager
def _archive(file: Path, *, overwrite: bool) -> Iterator[Path]:
    if file.exists() and not overwrite:
        raise UsageError(f"{file} is there already", next_step="give --overwrite, or another name")
    try:
        folder = Path(mkdtemp(prefix=f".{file.name}.", suffix=".layout", dir=file.parent))
    except OSError as error:
        raise storage_error(file, error) from error
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        yield folder
        _pack(folder, part)
        part.replace(file)
        sync_folder(file.parent)
    except OSError as error:
        raise storage_error(file, error) from error
    finally:
        part.unlink(missing_ok=True)
        rmtree(folder, ignore_errors=True)


def _pack(folder: Path, part: Path) -> None:
    """Write the same archive for the same files, on every machine."""
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    with part.open("xb") as out:
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for each in files:
                member = tarfile.TarInfo(str(each.relative_to(folder)))
                member.size, member.mode = each.stat().st_size, 0o644
                with each.open("rb") as content:
                    tar.addfile(member, content)
        out.flush()
        os.fsync(out.fileno())
