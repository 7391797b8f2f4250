"""containerd's content store: upload, read and label blobs; a lease keeps them until an image record does."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from trustkit.engine.containerd.client import Client, Message
from trustkit.engine.errors import ContainerdError, ContainerdExistsError, ContainerdNotFoundError
from trustkit.engine.protos import content_pb2, images_pb2, leases_pb2
from trustkit.model.digest import Digest
from trustkit.model.image import Descriptor

_SERVICE = "content.v1.Content"
# Without an expiry a lease of a killed daemon would keep blobs for ever; containerd removes expired ones.
_EXPIRY_LABEL = "containerd.io/gc.expire"


@asynccontextmanager
async def lease(client: Client, name: str, expires_at: str) -> AsyncIterator[str]:
    """Hold a lease, whose name goes along with every call it shall protect."""
    request = leases_pb2.CreateRequest(id=name, labels={_EXPIRY_LABEL: expires_at})
    await client.call("leases.v1.Leases/Create", request, leases_pb2.CreateResponse)
    try:
        yield name
    finally:
        await client.run("leases.v1.Leases/Delete", leases_pb2.DeleteRequest(id=name))


async def hold(client: Client, held: str, kind: str, name: str) -> None:
    """Keep a thing that may be there already: a lease by itself protects only what is written under it."""
    request = leases_pb2.AddResourceRequest(id=held)
    request.resource.id, request.resource.type = name, kind
    await client.run("leases.v1.Leases/AddResource", request)


async def has_blob(client: Client, descriptor: Descriptor) -> bool:
    """Whether the store holds a blob of that digest and size; says nothing about its bytes."""
    try:
        found = await client.call(
            f"{_SERVICE}/Info", content_pb2.InfoRequest(digest=str(descriptor.digest)), content_pb2.InfoResponse
        )
    except ContainerdNotFoundError:
        return False
    return found.info.size == descriptor.size_bytes


async def write_blob(
    client: Client, descriptor: Descriptor, chunks: AsyncIterator[bytes], *, ref: str, held: str
) -> None:
    """Store a blob; containerd compares size and digest once more before it commits.

    Raises ContainerdError, and whatever `chunks` raises; then nothing stays behind.
    """
    try:
        await client.exchange(
            f"{_SERVICE}/Write",
            _requests(descriptor, chunks, ref),
            content_pb2.WriteContentResponse,
            lease=held,
        )
    except ContainerdExistsError:
        return
    except ContainerdError as error:
        await _abort(client, ref)
        # When containerd ends the stream while we still write, its reason is lost; it mostly is that another
        # pull has stored the blob meanwhile.
        if error.details.get("status") == "INTERNAL" and await has_blob(client, descriptor):
            return
        raise
    except BaseException:
        await _abort(client, ref)
        raise


async def _requests(descriptor: Descriptor, chunks: AsyncIterator[bytes], ref: str) -> AsyncIterator[Message]:
    total, expected = descriptor.size_bytes, str(descriptor.digest)
    offset = 0
    async for chunk in chunks:
        yield content_pb2.WriteContentRequest(
            action=content_pb2.WRITE, ref=ref, total=total, expected=expected, offset=offset, data=chunk
        )
        offset += len(chunk)
    yield content_pb2.WriteContentRequest(
        action=content_pb2.COMMIT, ref=ref, total=total, expected=expected, offset=offset
    )


async def _abort(client: Client, ref: str) -> None:
    try:
        await client.run(f"{_SERVICE}/Abort", content_pb2.AbortRequest(ref=ref))
    except ContainerdError:
        return


async def read_blob(client: Client, digest: Digest) -> AsyncIterator[bytes]:
    """Yield the stored bytes; they are not checked.

    Raises ContainerdNotFoundError.
    """
    request = content_pb2.ReadContentRequest(digest=str(digest))
    async for part in client.read(f"{_SERVICE}/Read", request, content_pb2.ReadContentResponse):
        yield part.data


async def label_blob(client: Client, digest: Digest, labels: Mapping[str, str]) -> None:
    """Set labels of a stored blob; others stay."""
    request = content_pb2.UpdateRequest()
    request.info.digest = str(digest)
    request.info.labels.update(labels)
    request.update_mask.paths.extend(f"labels.{name}" for name in labels)
    await client.call(f"{_SERVICE}/Update", request, content_pb2.UpdateResponse)


async def delete_blob(client: Client, digest: Digest, name: str) -> None:
    """Take a blob out of the store with its file, if it is there; `name` is free for a lease.

    Delete forgets only the name of a blob: its file stays until a collection, and a new write of the same digest
    would find it there and keep it. Deleting a lease synchronously is how a client asks for one.
    """
    with contextlib.suppress(ContainerdNotFoundError):
        await client.run(f"{_SERVICE}/Delete", content_pb2.DeleteContentRequest(digest=str(digest)))
    await client.call("leases.v1.Leases/Create", leases_pb2.CreateRequest(id=name), leases_pb2.CreateResponse)
    await client.run("leases.v1.Leases/Delete", leases_pb2.DeleteRequest(id=name, sync=True))


async def name_image(client: Client, name: str, target: Descriptor) -> None:
    """Make the image record that keeps an image's blobs from the garbage collector."""
    request = images_pb2.CreateImageRequest()
    request.image.name = name
    request.image.target.media_type = target.media_type
    request.image.target.digest = str(target.digest)
    request.image.target.size = target.size_bytes
    try:
        await client.call("images.v1.Images/Create", request, images_pb2.CreateImageResponse)
    except ContainerdExistsError:
        return


async def forget_image(client: Client, name: str) -> None:
    """Delete the image record and wait until the blobs nothing else needs are gone."""
    try:
        await client.run("images.v1.Images/Delete", images_pb2.DeleteImageRequest(name=name, sync=True))
    except ContainerdNotFoundError:
        return
