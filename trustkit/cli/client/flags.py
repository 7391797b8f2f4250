"""docker's flags of `run` and `create`, and the create request they make."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from trustkit.cli.client.layouts import whole
from trustkit.errors import UsageError

_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_ENV_FILE_BYTES = 1024 * 1024


def add_container_flags(parser: argparse.ArgumentParser) -> None:
    """Declare what a container may be made of."""
    parser.add_argument("-i", "--interactive", action="store_true", help="keep standard input open")
    parser.add_argument("-t", "--tty", action="store_true", help="give the container a terminal")
    parser.add_argument("--rm", action="store_true", help="remove the container when it ends")
    parser.add_argument("--name", default="", help="name of the container")
    parser.add_argument("-e", "--env", action="append", default=[], metavar="NAME[=VALUE]", help="set a variable")
    parser.add_argument("--env-file", action="append", default=[], metavar="FILE", help="set variables from a file")
    parser.add_argument("-w", "--workdir", default="", metavar="DIR", help="working directory inside")
    parser.add_argument("-u", "--user", default="", metavar="USER[:GROUP]", help="run as this user")
    parser.add_argument("-v", "--volume", action="append", default=[], metavar="SOURCE:TARGET[:ro]",
                        help="mount a host path or a volume")  # fmt: skip
    parser.add_argument("--entrypoint", metavar="COMMAND", help="instead of the image's entrypoint")
    parser.add_argument("-m", "--memory", default="", metavar="BYTES", help="memory limit, such as 64m")
    parser.add_argument("--cpus", default="", metavar="N", help="number of CPUs, such as 1.5")
    parser.add_argument("--read-only", action="store_true", help="make the root file system read-only")
    parser.add_argument("--cap-add", action="append", default=[], metavar="CAP", help="add a capability")
    parser.add_argument("--cap-drop", action="append", default=[], metavar="CAP", help="drop a capability, or ALL")
    parser.add_argument("--privileged", action="store_true", help="give the container everything")
    parser.add_argument("--network", "--net", default="bridge", help="none, host or bridge")
    parser.add_argument("--hostname", default="", help="host name inside")
    parser.add_argument("-l", "--label", action="append", default=[], metavar="NAME[=VALUE]", help="set a label")
    parser.add_argument("--stop-signal", default="", metavar="SIGNAL", help="signal that stops the container")
    parser.add_argument("--platform", default="", metavar="OS/ARCH", help="which image of an index")
    parser.add_argument("--runtime", default="", help="OCI runtime")
    parser.add_argument("--pull", choices=("missing", "always", "never"), default="missing",
                        help="when to fetch the image's content; the gate decides every time")  # fmt: skip
    parser.add_argument("image", metavar="IMAGE")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND", help="and its arguments")


def request_of(arguments: argparse.Namespace, *, attached: bool) -> dict[str, object]:
    """Return the body of `POST /containers/create`. Raises UsageError."""
    stdin = bool(arguments.interactive)
    config: dict[str, object] = {
        "Image": whole(arguments.image),
        "Hostname": arguments.hostname,
        "User": arguments.user,
        "WorkingDir": arguments.workdir,
        "Tty": arguments.tty,
        "OpenStdin": stdin,
        "StdinOnce": stdin and attached,
        "AttachStdin": stdin and attached,
        "AttachStdout": attached,
        "AttachStderr": attached,
        "Env": list(_environment(arguments)),
        "Labels": dict(_pair(label) for label in arguments.label),
        "StopSignal": arguments.stop_signal,
        "HostConfig": _host_config(arguments),
    }
    if arguments.command:
        config["Cmd"] = arguments.command
    if arguments.entrypoint is not None:
        # `--entrypoint ""` takes the image's away
        config["Entrypoint"] = [arguments.entrypoint] if arguments.entrypoint else []
    return config


def _host_config(arguments: argparse.Namespace) -> dict[str, object]:
    return {
        "AutoRemove": arguments.rm,
        "Binds": [_bind(text) for text in arguments.volume],
        "CapAdd": arguments.cap_add,
        "CapDrop": arguments.cap_drop,
        "Memory": bytes_of(arguments.memory),
        "NanoCpus": nano_cpus_of(arguments.cpus),
        "NetworkMode": arguments.network,
        "Privileged": arguments.privileged,
        "ReadonlyRootfs": arguments.read_only,
        "Runtime": arguments.runtime,
    }


def bytes_of(text: str) -> int:
    """Read `64m`. Raises UsageError."""
    lowered = text.lower().removesuffix("ib") if text.lower().endswith("ib") else text.lower()
    number = lowered.rstrip("bkmgt")
    unit = lowered[len(number) :]
    unit = unit[:-1] if unit.endswith("b") and unit != "b" else unit
    try:
        return int(float(number) * _UNITS[unit]) if text else 0
    except (ValueError, KeyError, OverflowError) as error:
        raise UsageError(f"{text!r} is no size", next_step="write bytes, or a number with k, m or g") from error


def nano_cpus_of(text: str) -> int:
    """Read `1.5`. Raises UsageError."""
    try:
        return round(float(text) * 1_000_000_000) if text else 0
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text!r} is no number of CPUs", next_step="write a number such as 1.5") from error


def _bind(text: str) -> str:
    source, colon, rest = text.partition(":")
    if source.startswith((".", "~")) and colon:
        source = str(Path(source).expanduser().absolute())
    return f"{source}{colon}{rest}"


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _environment(arguments: argparse.Namespace) -> Iterator[str]:
    for file in arguments.env_file:
        yield from _entries(_lines(file))
    yield from _entries(arguments.env)


def _entries(texts: list[str]) -> Iterator[str]:
    """A name without `=` takes this process's value, or is left out when there is none; as docker does."""
    for text in texts:
        name, sign, _ = text.partition("=")
        if not name or any(char.isspace() for char in name):
            raise UsageError(f"{text[:80]!r} is no variable", next_step="write NAME=VALUE or NAME")
        if sign:
            yield text
        elif name in os.environ:
            yield f"{name}={os.environ[name]}"


def _lines(file: str) -> list[str]:
    try:
        content = Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: {(error.strerror or '').lower()}") from error
    if len(content) > _ENV_FILE_BYTES:
        raise UsageError(f"{file}: larger than {_ENV_FILE_BYTES} bytes")
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: not UTF-8") from error
    return [line.lstrip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
