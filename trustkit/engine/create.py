"""Making a container: everything but its process. Nothing of the image runs here.

1. names, mounts, user and limits are resolved and checked
2. our row (so that a crash leaves something to clean), then containerd's record, then the snapshot: the record is
   what keeps the snapshot from containerd's collector
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from trustkit.durable import make_folder, storage_error
from trustkit.engine import etc_files, request, rootfs, users
from trustkit.engine.container import Container
from trustkit.engine.containerd.tasks import Record
from trustkit.engine.errors import NoSuchImageError
from trustkit.engine.images import chain_of, config_of, run_config_of
from trustkit.engine.names import new_id
from trustkit.engine.network.connect import mode_of
from trustkit.engine.parts import Parts
from trustkit.engine.protos import types_pb2
from trustkit.engine.runtime_spec import Process, Surroundings, hostname_of, process_of, runtime_spec
from trustkit.engine.state import ContainerRow, ImageRow
from trustkit.engine.values import NetworkView
from trustkit.errors import UsageError
from trustkit.model.admission import Admission
from trustkit.model.run import RunSpec

_ADMISSION_NOTE = "dev.trustkit.admission"
_IMAGE_NOTE = "dev.trustkit.image"


def require_stored(parts: Parts, admission: Admission) -> ImageRow:
    """Return the stored image the admission is for.

    Raises NoSuchImageError.
    """
    digest = admission.image.digest
    for row in parts.state.images():
        if row.root.digest == digest and row.manifest.digest == admission.image.manifest.digest:
            return row
    message = f"image {digest} is admitted but not pulled"
    raise NoSuchImageError(message, next_step=f"trustkit pull {admission.image.ref}")


async def create(parts: Parts, admission: Admission, spec: RunSpec, name: str, text: str, now: datetime) -> Container:
    """Make the container; on any failure nothing stays behind.

    Raises UsageError, ConflictError, EngineError.
    """
    _require_runtime(parts, spec)
    image = admission.image
    config = run_config_of(config_of(image))
    mode = mode_of(spec.network)
    row = ContainerRow(
        id=new_id(),
        name=name,
        spec=spec,
        image=image.digest,
        manifest=image.manifest.digest,
        image_id=image.config.digest,
        reference=str(image.ref),
        admission=admission.id,
        created_at=now,
        request=text,
        arguments=request.command_of(spec, config),
        network=NetworkView(mode),
        stop_signal=spec.stop_signal or str(config.get("StopSignal") or ""),
    )
    if mode == "bridge":
        await parts.network.raise_bridge()
    if mode != "host":
        row.netns = await parts.network.new_namespace()
    row.volumes = tuple(f"{target}={volume}" for target, volume in parts.volumes.plan(spec, config).items())
    container = Container(parts, row)
    try:
        container.save()
        await _lay_out(container, admission, config)
    except BaseException as error:
        await erase(container, volumes=True)
        if isinstance(error, OSError):
            raise storage_error(parts.folder(row.id), error) from error
        raise
    return container


async def _lay_out(container: Container, admission: Admission, config: Mapping[str, object]) -> None:
    parts, row = container.parts, container.row
    make_folder(parts.folder(row.id))
    _make_bind_sources(row.spec)
    chain = chain_of(admission.image)
    # The record must exist before the snapshot; its spec is completed once the user is known.
    await parts.tasks.create_record(
        Record(
            id=row.id,
            image=f"trustkit.local/image@{row.image}",
            runtime=parts.settings.runtime,
            runtime_binary=parts.settings.runtime_binary,
            snapshotter=parts.settings.snapshotter,
            spec=b"{}",
            labels={_IMAGE_NOTE: str(row.image), "dev.trustkit.name": row.name},
        )
    )
    mounts = await parts.snapshots.prepare(row.id, str(chain[-1]) if chain else "")
    spec = await asyncio.to_thread(spec_bytes, container, admission, config, mounts, fill=True)
    await parts.tasks.replace_spec(row.id, spec)


def spec_bytes(
    container: Container,
    admission: Admission,
    config: Mapping[str, object],
    mounts: Sequence[types_pb2.Mount],
    *,
    fill: bool,
) -> bytes:
    """Return the runtime spec from the row and the container's file system; blocking.

    Raises UsageError, EngineError.
    """
    row, parts = container.row, container.parts
    named = dict(item.rpartition("=")[::2] for item in row.volumes)
    place = parts.settings.run_directory / "look" / row.id
    with rootfs.readable(mounts, place) as root:
        passwd = rootfs.read_inside(root, "/etc/passwd", users.FILE_BYTES)
        group = rootfs.read_inside(root, "/etc/group", users.FILE_BYTES)
        volumes = {
            target: parts.volumes.make(volume, target, root if fill else None) for target, volume in named.items()
        }
    user = users.resolve(row.spec.user or str(config.get("User") or ""), passwd, group)
    hostname = hostname_of(row.spec, row.id)
    process: Process = process_of(row.spec, config, request.command_of(row.spec, config), user, hostname)
    around = Surroundings(
        id=row.id,
        netns=row.netns,
        files=etc_files.paths(parts.folder(row.id)),
        volumes=volumes,
        annotations={_ADMISSION_NOTE: admission.id, _IMAGE_NOTE: str(row.image)},
    )
    return runtime_spec(row.spec, process, around, hostname)


def _require_runtime(parts: Parts, spec: RunSpec) -> None:
    """Return if the request names no runtime but the configured one: containerd would run any program it is given.

    Raises UsageError.
    """
    known = (parts.settings.runtime, Path(parts.settings.runtime_binary or "runc").name)
    if spec.runtime and spec.runtime not in known:
        message = f"the runtime {spec.runtime[:80]!r} is not configured"
        raise UsageError(message, next_step=f"leave it out, or name {known[1]}")


def _make_bind_sources(spec: RunSpec) -> None:
    for mount in spec.mounts:
        if mount.is_bind and not os.path.lexists(mount.source):
            try:
                Path(mount.source).mkdir(parents=True)
            except OSError as error:
                raise storage_error(Path(mount.source), error) from error


async def erase(container: Container, *, volumes: bool) -> None:
    """Take away everything of a container that does not run; each step may find its work done.

    Raises EngineError.
    """
    parts, row = container.parts, container.row
    await parts.tasks.delete_record(row.id)
    await parts.snapshots.remove(row.id)
    await parts.network.release(row.netns)
    container.fifos.remove()
    await asyncio.to_thread(_erase_files, container, volumes=volumes)
    parts.state.delete(row.id)


def _erase_files(container: Container, *, volumes: bool) -> None:
    folder = container.parts.folder(container.row.id)
    if folder.is_dir():
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    if not volumes:
        return
    wanted = {mount.source for mount in container.row.spec.mounts}
    for item in container.row.volumes:
        volume = item.rpartition("=")[2]
        # Named volumes stay, as with docker: only those nobody named are taken.
        if volume not in wanted:
            container.parts.volumes.remove(volume)
