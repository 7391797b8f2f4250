"""A process that is to join a container: what it asks for, and the bundle of the container as the runtime knows it."""

import subprocess
from pathlib import Path

from trustkit import limits
from trustkit.codec import strict_json
from trustkit.codec.strict_json import as_object
from trustkit.hooks import fields
from trustkit.hooks.errors import HookEngineError, HookRequestError
from trustkit.hooks.fields import Members
from trustkit.hooks.oci.bundle import Bundle, read_bundle
from trustkit.hooks.oci.invocation import Invocation
from trustkit.hooks.oci.state import read_state

_SECONDS = 20.0


def process_of(asked: Invocation) -> Members:
    """Return what a process asks for that differs from its container's. Raises HookRequestError, MalformedError."""
    file = asked.given.get("process")
    if file is None:
        user = asked.given.get("user", "")
        return {"user": {"uid": _uid(user)}} if user else {}
    try:
        with Path(file).open("rb") as stream:
            content = stream.read(limits.BUNDLE_BYTES + 1)
    except OSError as error:
        raise HookRequestError(f"{file}: {(error.strerror or str(error)).lower()}") from error
    what = "the process"
    members = as_object(strict_json.parse(content, what=what, limit_bytes=limits.BUNDLE_BYTES, fold_names=False), what)
    # runtimes take what is not said from the container
    told = {name: value for name, value in members.items() if not fields.is_zero(value)}
    return {"noNewPrivileges": False, **told} if members else {}


def _uid(user: str) -> int:
    uid = user.partition(":")[0]
    if not (uid.isascii() and uid.isdigit()):
        raise HookRequestError(f"--user {user[:40]!r} is no number")
    return int(uid)


def running_bundle(runtime: str, asked: Invocation) -> Bundle:
    """Return the bundle that the runtime made the container of. Raises HookEngineError, and as `read_bundle`."""
    options = [word for name in ("root",) if name in asked.known for word in (f"--{name}", asked.known[name])]
    command = [runtime, *options, "state", asked.container]
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=_SECONDS)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HookEngineError(f"{runtime} does not say what {asked.container[:80]} is: {error}") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()[-200:]
        raise HookEngineError(f"{runtime} does not say what {asked.container[:80]} is: {said}")
    return read_bundle(read_state(done.stdout).bundle)
