"""`-v` and `--mount`: Binds, Volumes and Mounts of a create request to Mount values."""

import os
import posixpath
import re
from pathlib import Path

from trustkit.errors import UsageError
from trustkit.model.run import Mount
from trustkit.server.shapes import fields
from trustkit.server.shapes.fields import Members

_VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}\Z")
_MOUNT_FIELDS = frozenset({"Type", "Source", "Target", "ReadOnly", "Consistency"})
_OPTIONS = frozenset({"BindOptions", "VolumeOptions", "TmpfsOptions"})
_PRIVATE = (("Propagation", "rprivate"),)


def parse(config: Members, host: Members) -> tuple[Mount, ...]:
    """Return every mount asked for. Raises UsageError."""
    wanted = [_bind(text) for text in fields.texts(host, "Binds")]
    wanted += [_mount(mount) for mount in fields.items(host, "Mounts")]
    targets = {mount.target for mount in wanted}
    for target in fields.mapping(config, "Volumes"):
        if target not in targets:
            raise UsageError(
                f"Volumes: an anonymous volume at {target!r} is not supported",
                next_step=f"name it: -v NAME:{target}",
            )
    if len(targets) != len(wanted):
        raise UsageError("two mounts have the same target")
    return tuple(wanted)


def pinned(mounts: tuple[Mount, ...]) -> tuple[Mount, ...]:
    """Replace host paths by what they really are, so that policies judge the path that is mounted.

    A symbolic link `/tmp/x` to `/` is a mount of `/`.
    """
    return tuple(mount._replace(source=os.path.realpath(mount.source)) if mount.is_bind else mount for mount in mounts)


def _bind(text: str) -> Mount:
    source, _, rest = text.partition(":")
    target, _, options = rest.partition(":")
    read_only = False
    for option in filter(None, options.split(",")):
        if option not in {"ro", "rw", "rprivate"}:
            raise UsageError(
                f"Binds: {text!r}: the option {option!r} is not supported", next_step="use ro, rw or nothing"
            )
        read_only = read_only or option == "ro"
    return _checked(Mount(source, target, read_only), text)


def _mount(mount: Members) -> Mount:
    for name, value in mount.items():
        if name not in _MOUNT_FIELDS and not fields.is_zero(value) and not _asks_nothing(name, value):
            raise UsageError(f"Mounts: {name} is not supported", next_step=f"leave {name} out")
    kind = fields.text(mount, "Type")
    wanted = Mount(fields.text(mount, "Source"), fields.text(mount, "Target"), fields.flag(mount, "ReadOnly"))
    if kind not in {"bind", "volume"}:
        raise UsageError(f"Mounts: the type {kind!r} is not supported", next_step="use bind or volume")
    checked = _checked(wanted, f"{wanted.source}:{wanted.target}")
    if checked.is_bind != (kind == "bind"):
        raise UsageError(f"Mounts: {wanted.source!r} is no source for a {kind}")
    if checked.is_bind and not Path(checked.source).exists():
        raise UsageError(f"Mounts: bind source path does not exist: {checked.source}")
    return checked


def _asks_nothing(name: str, value: object) -> bool:
    """Whether options ask for what the engine does anyway: private propagation, and nothing else."""
    if not isinstance(value, dict) or name not in _OPTIONS:
        return False
    others = {key: option for key, option in value.items() if (key, option) not in _PRIVATE}
    return fields.is_zero_structure(others)


def _checked(mount: Mount, text: str) -> Mount:
    """Return the mount with a clean target. Raises UsageError."""
    if not mount.target.startswith("/") or ".." in mount.target.split("/"):
        raise UsageError(f"mount {text!r}: the target must be an absolute path without ..")
    target = posixpath.normpath(mount.target)
    if target in {"/", "//"}:
        raise UsageError(f"mount {text!r}: the target must not be /")
    if mount.is_bind:
        return mount._replace(target=target)
    if not _VOLUME_NAME.match(mount.source):
        raise UsageError(
            f"mount {text!r}: {mount.source!r} is neither an absolute path nor a volume's name",
            next_step="write /HOST/PATH:/TARGET or NAME:/TARGET",
        )
    return mount._replace(target=target)
