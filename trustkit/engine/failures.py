"""What runc said when a process could not start, as one line and docker's exit code."""

import re

from trustkit.engine.errors import ContainerStartError, EngineError

NOT_FOUND, NOT_EXECUTABLE, ENGINE = 127, 126, 125
_PREFIX = re.compile(
    r"^(?:(?:failed to create (?:shim )?task|OCI runtime (?:create|start|exec) failed|failed to start shim"
    r"|runc (?:create|run|start|exec) failed|unable to start container process|container_linux\.go:\d+"
    r"|exec failed|starting container process caused|error during container init|cannot exec in a stopped container"
    r"): )+"
)
_SUFFIX = re.compile(r": unknown$")
_EXEC = re.compile(r'exec: "')
_MISSING = ("executable file not found", "no such file or directory")
_DENIED = ("permission denied", "is a directory", "exec format error")


def start_error(error: EngineError, what: str) -> ContainerStartError:
    """Return the error to show; `what` names the container or exec."""
    text = " ".join(error.message.split())
    reason = _SUFFIX.sub("", _PREFIX.sub("", text))
    code = ENGINE
    if _EXEC.search(reason):
        if any(words in reason for words in _MISSING):
            code = NOT_FOUND
        elif any(words in reason for words in _DENIED):
            code = NOT_EXECUTABLE
    hints = {
        NOT_FOUND: "check the command's path and the image's PATH",
        NOT_EXECUTABLE: "the file must be executable and not a folder",
        ENGINE: "see containerd's log in the engine's directory",
    }
    return ContainerStartError(
        f"{what} cannot start: {reason}", next_step=hints[code], exit_code=str(code), runtime=text
    )
