"""Opening an engine: the one place that makes its parts and ties them together."""

from pathlib import Path

from trustkit.durable import make_folder
from trustkit.engine.containerd.client import Client
from trustkit.engine.containerd.snapshots import Snapshots
from trustkit.engine.containerd.supervisor import Supervisor
from trustkit.engine.containerd.tasks import Tasks
from trustkit.engine.events import Events
from trustkit.engine.images import Images
from trustkit.engine.network.connect import Network
from trustkit.engine.parts import Parts
from trustkit.engine.recheck import BlobCheck
from trustkit.engine.rootfs import unmount
from trustkit.engine.settings import EngineSettings
from trustkit.engine.state import State
from trustkit.engine.volumes import Volumes


async def open_parts(settings: EngineSettings) -> tuple[Parts, Supervisor | None]:
    """Start or find containerd, open the state, and return all parts.

    Raises EngineError, StorageError; then nothing stays open.
    """
    for folder in (settings.directory, settings.run_directory):
        make_folder(folder)
    supervisor = None if settings.containerd_address else Supervisor(settings)
    address = supervisor.address if supervisor else settings.containerd_address
    state = State(settings.directory / "engine.sqlite")
    client = Client(address or Path(), settings.namespace)
    try:
        if supervisor is not None:
            await supervisor.start(client)
        await client.make_namespace()
    except BaseException:
        await client.close()
        state.close()
        raise
    look = settings.run_directory / "look"
    for left in look.iterdir() if look.is_dir() else ():
        unmount(left)
        left.rmdir()
    check = BlobCheck(client, supervisor.blobs if supervisor else None)
    parts = Parts(
        settings=settings,
        client=client,
        state=state,
        check=check,
        images=Images(settings, client, state, check),
        snapshots=Snapshots(client, settings.snapshotter),
        tasks=Tasks(client),
        network=Network(settings, state),
        volumes=Volumes(settings.directory / "volumes"),
        events=Events(settings.clock),
    )
    return parts, supervisor
