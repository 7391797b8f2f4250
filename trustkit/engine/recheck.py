"""The last look before something runs: admission, image and stored bytes, all against the admission's digests.

1. the admission is in force at `now`
2. it is for the image the container was made of (root and manifest digest)
3. the request reaches no further than the admitted one
4. network and host paths are still those the request named (`require_surroundings`)
5. every stored blob still has its digest (`BlobCheck`, in a thread beside the runtime's own preparation)
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

from trustkit.engine.containerd.client import Client
from trustkit.engine.containerd.content import read_blob
from trustkit.engine.errors import ContainerdNotFoundError
from trustkit.engine.state import ContainerRow
from trustkit.errors import AdmissionDenied, DigestMismatchError
from trustkit.fips.hashing import hasher
from trustkit.model.admission import Admission
from trustkit.model.digest import Digest
from trustkit.model.image import Descriptor, ResolvedImage

_CHUNK_BYTES = 1024 * 1024


def require_same_image(admission: Admission, root: Digest, manifest: Digest) -> None:
    """Return if the admission is for exactly this image.

    Raises AdmissionDenied.
    """
    if (admission.image.digest, admission.image.manifest.digest) != (root, manifest):
        message = f"the admission is for {admission.image.digest}, the container was made of {root}"
        raise AdmissionDenied(message, next_step="ask the gate about the container's own image")


def require_surroundings(row: ContainerRow, namespaces: Path) -> None:
    """Return if the container's network is as its request says, and no host path leads elsewhere by now.

    A link put in a mount's place after the decision would mount what nobody admitted. What changes between this
    look and the runtime's own mount is not seen.

    Raises AdmissionDenied.
    """
    host = row.spec.network == "host"
    if (row.network.mode == "host") != host or (Path(row.netns).parent == namespaces) == host:
        message = f"the network of container {row.name} is not the one its request names"
        raise AdmissionDenied(message, next_step="remove the container and create it again")
    for mount in row.spec.mounts:
        found = os.path.realpath(mount.source) if mount.is_bind else mount.source
        if found != mount.source:
            message = f"the host path {mount.source} leads to {found} by now, which nobody admitted"
            raise AdmissionDenied(message, next_step="remove the container and create it again")


def blobs_of(image: ResolvedImage) -> tuple[Descriptor, ...]:
    """Return every blob that makes up the image, each once."""
    items = (image.root, image.manifest, image.config, *image.layers)
    return tuple({item.digest: item for item in items}.values())


class BlobCheck:
    """Hashes stored blobs: straight from our own containerd's folder, else over its socket."""

    def __init__(self, client: Client, folder: Path | None) -> None:
        """Take the folder that holds `sha256/<hex>`, None when containerd is somebody else's."""
        self._client = client
        self._folder = folder

    async def require(self, image: ResolvedImage) -> None:
        """Return if every blob of the image is stored with size and digest as named.

        Raises DigestMismatchError naming the first that is not.
        """
        if self._folder is not None:
            await asyncio.to_thread(_require_files, self._folder, blobs_of(image))
            return
        for blob in blobs_of(image):
            await self._require_stream(blob)

    async def matches(self, blob: Descriptor) -> bool:
        """Whether the stored blob is whole; for pulls, which replace what is not."""
        try:
            if self._folder is not None:
                await asyncio.to_thread(_require_files, self._folder, (blob,))
            else:
                await self._require_stream(blob)
        except DigestMismatchError:
            return False
        return True

    async def _require_stream(self, blob: Descriptor) -> None:
        running, seen = hasher(blob.digest.algorithm), 0
        try:
            async for chunk in read_blob(self._client, blob.digest):
                await asyncio.to_thread(running.update, chunk)
                seen += len(chunk)
        except ContainerdNotFoundError as error:
            raise _missing(blob) from error
        _require_same(blob, running.digest(), seen)


def _require_files(folder: Path, blobs: tuple[Descriptor, ...]) -> None:
    for blob in blobs:
        running, seen = hasher(blob.digest.algorithm), 0
        try:
            for chunk in _chunks(folder / blob.digest.algorithm / blob.digest.hex):
                running.update(chunk)
                seen += len(chunk)
        except OSError as error:
            raise _missing(blob) from error
        _require_same(blob, running.digest(), seen)


def _chunks(path: Path) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(_CHUNK_BYTES))
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            yield buffer[:count]


def _require_same(blob: Descriptor, computed: bytes, seen: int) -> None:
    if computed.hex() != blob.digest.hex or seen != blob.size_bytes:
        found = f"{blob.digest.algorithm}:{computed.hex()}"
        message = f"stored blob {blob.digest} was changed: its content has digest {found}"
        raise DigestMismatchError(message, next_step=_PULL_AGAIN, expected=str(blob.digest), computed=found)


def _missing(blob: Descriptor) -> DigestMismatchError:
    message = f"stored blob {blob.digest} cannot be read"
    return DigestMismatchError(message, next_step=_PULL_AGAIN, expected=str(blob.digest))


_PULL_AGAIN = "find out who wrote to the store, then remove the image and pull it again"
