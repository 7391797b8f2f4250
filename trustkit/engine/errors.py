"""The errors of the engine, the daemon, and of commands that speak to it."""

from trustkit.errors import TrustkitError


class EngineError(TrustkitError):
    """The engine, containerd or the runtime failed."""

    code = "engine"


class ContainerdError(EngineError):
    """containerd refused a call or failed at it."""

    code = "engine.containerd"


class ContainerdNotFoundError(ContainerdError):
    """containerd has no such thing."""

    code = "engine.containerd_not_found"


class ContainerdExistsError(ContainerdError):
    """containerd already has such a thing."""

    code = "engine.containerd_exists"


class ContainerdUnavailableError(ContainerdError):
    """containerd does not answer on its socket, or went away during the call."""

    code = "engine.containerd_unavailable"


class NoSuchContainerError(EngineError):
    """No container has this name or id."""

    code = "engine.no_such_container"
    exit_status = 2


class NoSuchImageError(EngineError):
    """The engine's store has no such image."""

    code = "engine.no_such_image"
    exit_status = 2


class ConflictError(EngineError):
    """The container or image is in a state that does not allow this."""

    code = "engine.conflict"
    exit_status = 2


class ContainerStartError(EngineError):
    """The runtime could not start the process; details["exit_code"] is 125, 126 or 127 as docker's."""

    code = "engine.start"


class DaemonUnreachableError(EngineError):
    """The daemon does not answer on its socket."""

    code = "engine.daemon_unreachable"
