"""What to run, and the handle of what runs."""

from trustkit.model.values import NamedTuple


class Mount(NamedTuple):
    """`-v`: a host path or a volume name, its place inside, and whether it is read-only."""

    source: str
    target: str
    read_only: bool = False

    @property
    def is_bind(self) -> bool:
        """Whether the source is a host path and not a volume's name."""
        return self.source.startswith("/")


class RunSpec(NamedTuple):
    """A container to create, in Docker's words. `None` means: as the image says.

    `memory_bytes` 0 and `nano_cpus` 0 mean no limit; `environment` holds `NAME=value`.
    """

    name: str = ""
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: tuple[str, ...] = ()
    working_directory: str = ""
    user: str = ""
    hostname: str = ""
    terminal: bool = False
    open_stdin: bool = False
    stdin_once: bool = False
    mounts: tuple[Mount, ...] = ()
    memory_bytes: int = 0
    nano_cpus: int = 0
    read_only: bool = False
    privileged: bool = False
    capabilities_added: tuple[str, ...] = ()
    capabilities_dropped: tuple[str, ...] = ()
    network: str = "bridge"
    auto_remove: bool = False
    labels: tuple[tuple[str, str], ...] = ()
    stop_signal: str = ""
    runtime: str = ""


class ContainerHandle(NamedTuple):
    """A container the engine made."""

    id: str
    engine: str
    name: str = ""
