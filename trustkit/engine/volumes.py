"""Named and anonymous volumes: folders of ours, filled from the image when first used (as docker's local driver)."""

import os
import re
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from trustkit.durable import make_folder, storage_error
from trustkit.engine.names import new_id
from trustkit.engine.rootfs import open_inside
from trustkit.errors import UsageError
from trustkit.model.run import RunSpec

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}\Z")


class Volumes:
    """The volumes in one folder."""

    def __init__(self, folder: Path) -> None:
        """Take the folder."""
        self._folder = folder

    def plan(self, spec: RunSpec, image_config: Mapping[str, object]) -> dict[str, str]:
        """Return the volume's name for every target: those asked for, and new ones the image declares.

        Raises UsageError.
        """
        named = {mount.target: _checked(mount.source) for mount in spec.mounts if not mount.is_bind}
        bound = {os.path.normpath(mount.target) for mount in spec.mounts}
        declared = image_config.get("Volumes")
        for target in declared if isinstance(declared, Mapping) else ():
            if isinstance(target, str) and os.path.normpath(target) not in bound:
                named[target] = new_id()
        return named

    def path(self, name: str) -> Path:
        """Return a volume's content folder."""
        return self._folder / _checked(name) / "_data"

    def make(self, name: str, target: str, root: int | None) -> Path:
        """Make the volume if it is new; an empty one gets the image's content of its target."""
        path = self.path(name)
        make_folder(path.parent)
        if not path.exists():
            path.mkdir(mode=0o755)
        if root is not None and not any(path.iterdir()):
            self._fill(path, target, root)
        return path

    def _fill(self, path: Path, target: str, root: int) -> None:
        source = open_inside(root, target, os.O_RDONLY | os.O_DIRECTORY)
        if source is None:
            return
        try:
            _copy_tree(f"/proc/self/fd/{source}", str(path))
        except OSError as error:
            raise storage_error(path, error) from error
        finally:
            os.close(source)

    def remove(self, name: str) -> None:
        """Remove a volume with its content."""
        shutil.rmtree(self._folder / name, ignore_errors=True)


def _checked(name: str) -> str:
    if not _NAME.match(name):
        message = f"invalid volume name {name[:80]!r}"
        raise UsageError(message, next_step="use [a-zA-Z0-9][a-zA-Z0-9_.-]+, or an absolute host path")
    return name


def _copy_tree(source: str, target: str) -> None:
    """Copy files, folders and links with owner and mode; links are copied, never followed."""
    _copy_owner(Path(source).stat(), target)
    with os.scandir(source) as entries:
        for entry in entries:
            place = f"{target}/{entry.name}"
            info = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(info.st_mode):
                Path(place).mkdir()
                _copy_tree(entry.path, place)
            elif stat.S_ISLNK(info.st_mode):
                Path(place).symlink_to(Path(entry.path).readlink())
                os.lchown(place, info.st_uid, info.st_gid)
            elif stat.S_ISREG(info.st_mode):
                shutil.copyfile(entry.path, place, follow_symlinks=False)
                _copy_owner(info, place)


def _copy_owner(info: os.stat_result, target: str) -> None:
    os.chown(target, info.st_uid, info.st_gid)
    Path(target).chmod(stat.S_IMODE(info.st_mode))
