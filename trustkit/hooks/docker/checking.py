"""Requests that need no image judged, but a look at what they say."""

from collections.abc import Callable, Mapping

from trustkit.hooks import fields
from trustkit.hooks.docker.question import Question
from trustkit.hooks.docker.routes import EXEC, REMOVE, RENAME, UPDATE, VOLUME, require_allowed

_EXEC = frozenset(
    {
        "User", "Privileged", "Tty", "ConsoleSize", "AttachStdin", "AttachStderr", "AttachStdout", "Detach",
        "DetachKeys", "Env", "WorkingDir", "Cmd", "Container", "ExecID",
    }
)  # fmt: skip
_VOLUME = frozenset({"Name", "Driver", "DriverOpts", "Labels", "ClusterVolumeSpec"})
# What dockerd changes of a container that exists; devices and the like stay as they were judged.
_UPDATE = frozenset(
    {
        "CpuShares", "Memory", "NanoCpus", "BlkioWeight", "CpuPeriod", "CpuQuota", "CpuRealtimePeriod",
        "CpuRealtimeRuntime", "CpusetCpus", "CpusetMems", "KernelMemory", "KernelMemoryTCP", "MemoryReservation",
        "MemorySwap", "MemorySwappiness", "OomKillDisable", "PidsLimit", "RestartPolicy", "CgroupParent",
    }
)  # fmt: skip


def check(name: str, question: Question, allowed: frozenset[str]) -> None:
    """Return if the request may go on. Raises HookRequestError, HookRefusedError, MalformedError."""
    _CHECKS[name](question, allowed)


def _exec(question: Question, allowed: frozenset[str]) -> None:
    told = question.document()
    fields.require_known(told, _EXEC, "the process")
    if fields.flag(told, "Privileged"):
        require_allowed(("exec-privileged",), allowed)


def _volume(question: Question, allowed: frozenset[str]) -> None:
    told = question.document()
    fields.require_known(told, _VOLUME, "the volume")
    local = fields.text(told, "Driver") in ("", "local")
    if not local or fields.mapping(told, "DriverOpts") or fields.mapping(told, "ClusterVolumeSpec"):
        require_allowed(("volume-options",), allowed)


def _update(question: Question, _allowed: frozenset[str]) -> None:
    fields.require_known(question.document(), _UPDATE, "the update")


def _by_query(question: Question, _allowed: frozenset[str]) -> None:
    """Rename and remove say all in path and query; a form in the body could say another name."""
    if question.method == "POST":
        question.require_no_body()
    question.fields()


_CHECKS: Mapping[str, Callable[[Question, frozenset[str]], None]] = {
    EXEC: _exec,
    VOLUME: _volume,
    UPDATE: _update,
    RENAME: _by_query,
    REMOVE: _by_query,
}
