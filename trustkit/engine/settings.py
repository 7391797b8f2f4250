"""What an engine needs to know before it can open its containerd."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

DEFAULT_BRIDGE = "trustkit0"
DEFAULT_SUBNET = "172.29.0.0/16"
DEFAULT_RUNTIME = "io.containerd.runc.v2"
DEFAULT_NAMESPACE = "trustkit"


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Where an engine keeps its things, and which containerd and runtime it uses.

    `directory` holds what must outlive a reboot, `run_directory` sockets and FIFOs (its path must stay short:
    a unix socket's path is limited to 107 bytes). `clock` returns aware UTC and is asked only for record times.
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
    bridge: str = DEFAULT_BRIDGE
    subnet: str = DEFAULT_SUBNET
    keep_containerd: bool = True
