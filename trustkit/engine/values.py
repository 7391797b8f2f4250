"""What the engine hands back: views of images, containers, execs, output and events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from trustkit.model.digest import Digest


class Status(Enum):
    """The state of a container, by Docker's words."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    EXITED = "exited"
    REMOVING = "removing"


class Stream(Enum):
    """Which of a process's outputs a chunk came from (the numbers of Docker's multiplexed stream)."""

    STDOUT = 1
    STDERR = 2


@dataclass(frozen=True, slots=True)
class OutputChunk:
    """Bytes a process wrote at one moment."""

    stream: Stream
    at: datetime
    data: bytes


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far one blob of a pull is; `status` is downloading, exists, unpacking or done."""

    digest: Digest
    status: str
    current_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class ImageView:
    """One stored image; `digest` is the admitted (index or manifest) digest, `image_id` the config digest."""

    digest: Digest
    image_id: Digest
    manifest: Digest
    references: tuple[str, ...]
    size_bytes: int
    created: str
    config: Mapping[str, object]
    pulled_at: datetime


@dataclass(frozen=True, slots=True)
class NetworkView:
    """Where a container is on the network; empty strings when it has no address."""

    mode: str
    address: str = ""
    prefix_length: int = 0
    gateway: str = ""
    mac_address: str = ""
    interface: str = ""


@dataclass(frozen=True, slots=True)
class ContainerView:
    """A container as the engine knows it; `request` is the JSON text its creator kept with it."""

    id: str
    name: str
    image: Digest
    image_id: Digest
    reference: str
    admission: str
    status: Status
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    exit_code: int | None
    error: str
    out_of_memory: bool
    pid: int
    path: str
    arguments: tuple[str, ...]
    tty: bool
    open_stdin: bool
    auto_remove: bool
    labels: Mapping[str, str]
    network: NetworkView
    request: str = ""
    log_path: str = ""
    restart_count: int = 0


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a container ended: its exit code (128+n for signal n), and the engine's error text or nothing."""

    code: int
    at: datetime
    error: str = ""


@dataclass(frozen=True, slots=True)
class ExecSpec:
    """A further process in a running container; None means what the container itself has."""

    command: tuple[str, ...]
    environment: tuple[str, ...] = ()
    working_dir: str | None = None
    user: str | None = None
    tty: bool = False
    stdin: bool = False
    privileged: bool = False


@dataclass(frozen=True, slots=True)
class ExecView:
    """An exec session; sessions live in memory and are forgotten an hour after they end."""

    id: str
    container: str
    spec: ExecSpec
    running: bool
    exit_code: int | None
    pid: int


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Something that happened, by Docker's words: kind `container` or `image`, action `start`, `die` and so on."""

    at: datetime
    kind: str
    action: str
    subject: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """The engine and the peers it stands on."""

    name: str
    containerd_version: str
    containerd_address: str
    runtime: str
    runtime_version: str
    snapshotter: str
    cgroup_version: int
    kernel: str
    containers: int
    running: int
    images: int
