"""The parts of one open engine, as the container and exec services share them."""

from dataclasses import dataclass
from pathlib import Path

from trustkit.engine.containerd.client import Client
from trustkit.engine.containerd.snapshots import Snapshots
from trustkit.engine.containerd.tasks import Tasks
from trustkit.engine.events import Events
from trustkit.engine.images import Images
from trustkit.engine.network.connect import Network
from trustkit.engine.recheck import BlobCheck
from trustkit.engine.settings import EngineSettings
from trustkit.engine.state import State
from trustkit.engine.volumes import Volumes


@dataclass(frozen=True, slots=True)
class Parts:
    """Made once by `EngineService.open`."""

    settings: EngineSettings
    client: Client
    state: State
    check: BlobCheck
    images: Images
    snapshots: Snapshots
    tasks: Tasks
    network: Network
    volumes: Volumes
    events: Events

    def folder(self, container: str) -> Path:
        """Where a container's files and log are."""
        return self.settings.directory / "containers" / container

    def fifos(self, process: str) -> Path:
        """Where a process's FIFOs are."""
        return self.settings.run_directory / "io" / process
