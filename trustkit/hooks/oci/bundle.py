"""A bundle's config.json (runtime-spec 1.2, bundle.md), read strictly: unknown members must ask for nothing."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from trustkit import limits
from trustkit.codec import strict_json
from trustkit.codec.strict_json import as_object
from trustkit.hooks import fields
from trustkit.hooks.errors import HookRefusedError, HookRequestError
from trustkit.hooks.fields import Members
from trustkit.model.values import NamedTuple

CONFIG = "config.json"
_SPEC = frozenset(
    {"ociVersion", "process", "root", "hostname", "domainname", "mounts", "hooks", "annotations", "linux"}
)
_LINUX = frozenset(
    {
        "uidMappings", "gidMappings", "sysctl", "resources", "cgroupsPath", "namespaces", "devices", "seccomp",
        "rootfsPropagation", "maskedPaths", "readonlyPaths", "mountLabel", "intelRdt", "personality", "timeOffsets",
    }
)  # fmt: skip
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class Bundle(NamedTuple):
    """A bundle: its folder, and what its config.json says."""

    folder: Path
    config: Members

    @property
    def annotations(self) -> Mapping[str, str]:
        """What the caller says of it, not proven."""
        found = fields.mapping(self.config, "annotations")
        return {name: value for name, value in found.items() if isinstance(value, str)}

    @property
    def linux(self) -> Members:
        """The part for Linux."""
        return fields.mapping(self.config, "linux")

    @property
    def process(self) -> Members:
        """What would run."""
        return fields.mapping(self.config, "process")

    @property
    def root(self) -> Path:
        """The root file system's folder."""
        path = fields.text(fields.mapping(self.config, "root"), "path")
        if not path:
            raise HookRequestError(f"{self.folder / CONFIG} names no root file system")
        return self.folder / path


def read_bundle(folder: Path) -> Bundle:
    """Return the bundle in a folder. Raises HookRequestError, HookRefusedError, MalformedError, LimitExceededError."""
    members = as_object(
        strict_json.parse(_content(folder / CONFIG), what=CONFIG, limit_bytes=limits.BUNDLE_BYTES, fold_names=False),
        CONFIG,
    )
    fields.require_known(members, _SPEC, CONFIG)
    fields.require_known(fields.mapping(members, "linux"), _LINUX, f"{CONFIG}: linux")
    return Bundle(folder, members)


def _content(file: Path) -> bytes:
    """Return the file's bytes; nobody but its owner may be able to change it after it was judged."""
    try:
        with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as stream:
            status = os.fstat(stream.fileno())
            content = stream.read(limits.BUNDLE_BYTES + 1)
    except OSError as error:
        raise HookRequestError(f"{file}: {(error.strerror or str(error)).lower()}") from error
    if status.st_uid not in (0, os.geteuid()) or status.st_mode & _WRITABLE_BY_OTHERS:
        message = f"{file} can be changed by others than the engine's user"
        raise HookRefusedError(message, next_step="chmod go-w, and give it to the user who runs containers")
    return content
