"""What containerd says a container is made of: for whoever stands before its runtime."""

import asyncio
from functools import partial
from pathlib import Path

from trustkit.engine.containerd.client import Client
from trustkit.engine.protos import containers_pb2 as containers
from trustkit.engine.protos import images_pb2 as images
from trustkit.engine.protos import snapshots_pb2 as snapshots
from trustkit.model.values import NamedTuple

_SECONDS = 10.0


class MadeOf(NamedTuple):
    """The image's names and digest, the snapshot on which the container's own stands, and what is mounted for it."""

    names: tuple[str, ...]
    digest: str
    chain: str
    mounts: tuple[tuple[str, str, tuple[str, ...]], ...]


def look_up(address: Path, namespace: str, container: str) -> MadeOf:
    """Return what a container is made of. Raises ContainerdError and its kinds."""
    return asyncio.run(_look_up(address, namespace, container))


async def _look_up(address: Path, namespace: str, container: str) -> MadeOf:
    client = Client(address, namespace)
    call = partial(client.call, timeout_seconds=_SECONDS)
    try:
        wanted = containers.GetContainerRequest(id=container)
        own = (await call("containers.v1.Containers/Get", wanted, containers.GetContainerResponse)).container
        named = images.GetImageRequest(name=own.image)
        digest = (await call("images.v1.Images/Get", named, images.GetImageResponse)).image.target.digest
        alike = images.ListImagesRequest(filters=[f"target.digest=={digest}"])
        others = (await call("images.v1.Images/List", alike, images.ListImagesResponse)).images
        stat = snapshots.StatSnapshotRequest(snapshotter=own.snapshotter, key=own.snapshot_key)
        info = (await call("snapshots.v1.Snapshots/Stat", stat, snapshots.StatSnapshotResponse)).info
        asked = snapshots.MountsRequest(snapshotter=own.snapshotter, key=own.snapshot_key)
        mounts = (await call("snapshots.v1.Snapshots/Mounts", asked, snapshots.MountsResponse)).mounts
    finally:
        await client.close()
    return MadeOf(
        names=tuple(dict.fromkeys((own.image, *(one.name for one in others)))),
        digest=digest,
        chain=info.parent,
        mounts=tuple((one.type, one.source, tuple(one.options)) for one in mounts),
    )
