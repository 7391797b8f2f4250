"""What an engine needs to know before it can open its containerd."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

DEFAULT_RUNTIME = "io.containerd.runc.v2"
DEFAULT_NAMESPACE = "trustkit"


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Where an engine keeps its things, and which containerd and runtime it uses.

    `directory` holds what must outlive a reboot, `run_directory` sockets and FIFOs (its path must stay short:
    a unix socket's path is limited to 107 bytes). `clock` returns aware UTC and is asked only for record times.
    With a `containerd_address` nothing is supervised: that containerd is somebody else's, the namespace ours.
    An empty `bridge` or `subnet` is chosen once for the directory, so that engines can live side by side.
    """

    directory: Path
    run_directory: Path
    clock: Callable[[], datetime]
    containerd_address: Path | None = None
    containerd_binary: str = "containerd"
    namespace: str = DEFAULT_NAMESPACE
    runtime: str = DEFAULT_RUNTIME
    runtime_binary: str | None = None
    snapshotter: str = "overlayfs"
    bridge: str = ""
    subnet: str = ""
