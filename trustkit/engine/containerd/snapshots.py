"""containerd's snapshots: layers unpacked under their chain ids, and one writable snapshot a container."""

from collections.abc import Sequence

from trustkit.engine.containerd.client import Client
from trustkit.engine.errors import ContainerdExistsError, ContainerdNotFoundError
from trustkit.engine.protos import diff_pb2, snapshots_pb2, types_pb2
from trustkit.errors import DigestMismatchError
from trustkit.model.digest import Digest
from trustkit.model.image import Descriptor

_SERVICE = "snapshots.v1.Snapshots"
CHAIN_LABEL = "trustkit.dev/chain-id"
LAYER_LABEL = "trustkit.dev/layer"


class Snapshots:
    """The snapshots of one snapshotter."""

    def __init__(self, client: Client, snapshotter: str) -> None:
        """Bind client and snapshotter."""
        self._client = client
        self._snapshotter = snapshotter

    async def parent_of(self, key: str) -> str | None:
        """Return the name of the snapshot that `key` stands on, None when there is no `key`."""
        request = snapshots_pb2.StatSnapshotRequest(snapshotter=self._snapshotter, key=key)
        try:
            found = await self._client.call(f"{_SERVICE}/Stat", request, snapshots_pb2.StatSnapshotResponse)
        except ContainerdNotFoundError:
            return None
        return found.info.parent

    async def unpack(
        self, layer: Descriptor, diff_id: Digest, chain: tuple[Digest | None, Digest], *, ref: str, held: str
    ) -> None:
        """Apply one layer upon its parent and commit the result as its chain id; no-op when it is there.

        Raises DigestMismatchError when the unpacked bytes are not those the image's config names.
        """
        parent, name = chain
        if await self.parent_of(str(name)) is not None:
            return
        mounts = await self.prepare(ref, str(parent or ""), held=held)
        try:
            applied = await self._apply(layer, mounts, held)
            # containerd reports what it unpacked and compares it with nothing.
            _require_same(layer, applied, diff_id)
            await self._commit(ref, str(name), layer, held)
        except ContainerdExistsError:
            await self.remove(ref)
        except BaseException:
            await self.remove(ref)
            raise

    async def _apply(self, layer: Descriptor, mounts: Sequence[types_pb2.Mount], held: str) -> str:
        request = diff_pb2.ApplyRequest(mounts=mounts)
        request.diff.media_type = layer.media_type
        request.diff.digest = str(layer.digest)
        request.diff.size = layer.size_bytes
        answer = await self._client.call("diff.v1.Diff/Apply", request, diff_pb2.ApplyResponse, lease=held)
        return answer.applied.digest

    async def _commit(self, key: str, name: str, layer: Descriptor, held: str) -> None:
        request = snapshots_pb2.CommitSnapshotRequest(
            snapshotter=self._snapshotter,
            key=key,
            name=name,
            labels={CHAIN_LABEL: name, LAYER_LABEL: str(layer.digest)},
        )
        await self._client.run(f"{_SERVICE}/Commit", request, lease=held)

    async def prepare(self, key: str, parent: str, *, held: str = "") -> Sequence[types_pb2.Mount]:
        """Make a writable snapshot upon `parent` and return how to mount it."""
        request = snapshots_pb2.PrepareSnapshotRequest(snapshotter=self._snapshotter, key=key, parent=parent)
        answer = await self._client.call(
            f"{_SERVICE}/Prepare", request, snapshots_pb2.PrepareSnapshotResponse, lease=held
        )
        return answer.mounts

    async def mounts(self, key: str) -> Sequence[types_pb2.Mount]:
        """Return how to mount a writable snapshot."""
        request = snapshots_pb2.MountsRequest(snapshotter=self._snapshotter, key=key)
        answer = await self._client.call(f"{_SERVICE}/Mounts", request, snapshots_pb2.MountsResponse)
        return answer.mounts

    async def remove(self, key: str) -> None:
        """Remove a snapshot, if it is there."""
        request = snapshots_pb2.RemoveSnapshotRequest(snapshotter=self._snapshotter, key=key)
        try:
            await self._client.run(f"{_SERVICE}/Remove", request)
        except ContainerdNotFoundError:
            return


def _require_same(layer: Descriptor, applied: str, diff_id: Digest) -> None:
    if applied != str(diff_id):
        message = f"layer {layer.digest} unpacks to {applied}, the image's config says {diff_id}"
        raise DigestMismatchError(message, next_step="the image is inconsistent: rebuild and push it")
