"""Execs as Docker's JSON."""

from trustkit.engine.values import ExecSpec, ExecView
from trustkit.errors import UsageError
from trustkit.server.shapes import fields

_KNOWN = frozenset(
    {"AttachStdin", "AttachStdout", "AttachStderr", "Cmd", "Env", "Tty", "User", "WorkingDir", "Privileged"}
)
# DetachKeys: the client's wish of a key; ConsoleSize comes again as a resize.
_IGNORED = frozenset({"DetachKeys", "ConsoleSize", "Detach"})


def parse(body: bytes) -> ExecSpec:
    """Read the body of `POST /containers/{id}/exec`. Raises UsageError."""
    members = fields.body_of(body, "the exec configuration")
    fields.require_known(members, _KNOWN | _IGNORED, "the exec configuration")
    for name, value in members.items():
        if name not in _KNOWN | _IGNORED and not fields.is_zero(value):
            raise UsageError(f"exec: {name[:40]} is not supported")
    if fields.flag(members, "Privileged"):
        raise UsageError(
            "a privileged exec is refused: the container was admitted without it",
            next_step="run a container with --privileged, if the policy allows that",
        )
    command = fields.texts(members, "Cmd")
    if not command:
        raise UsageError("No exec command specified")
    return ExecSpec(
        command=command,
        environment=fields.texts(members, "Env"),
        working_dir=fields.text(members, "WorkingDir") or None,
        user=fields.text(members, "User") or None,
        tty=fields.flag(members, "Tty"),
        stdin=fields.flag(members, "AttachStdin"),
    )


def inspection(view: ExecView) -> dict[str, object]:
    """Return the answer of `GET /exec/{id}/json`."""
    return {
        "ID": view.id,
        "ContainerID": view.container,
        "Running": view.running,
        "ExitCode": view.exit_code,
        "Pid": view.pid,
        "OpenStdin": view.spec.stdin,
        "OpenStdout": True,
        "OpenStderr": True,
        "CanRemove": False,
        "DetachKeys": "",
        "ProcessConfig": {
            "entrypoint": view.spec.command[0],
            "arguments": list(view.spec.command[1:]),
            "tty": view.spec.tty,
            "privileged": view.spec.privileged,
            "user": view.spec.user or "",
        },
    }
