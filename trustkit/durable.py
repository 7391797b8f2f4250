"""Files that are either whole or absent: temporary file, fsync, rename, fsync of the folder."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from trustkit.errors import StorageError


def write_file(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replace `path` by `content` so that a crash leaves the old or the new file, never a part.

    Raises StorageError.
    """
    # texts, not paths: the log comes by here with every decision
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.part")  # noqa: PTH118
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)  # noqa: PTH105
        sync_folder(folder or ".")
    except OSError as error:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise storage_error(path, error) from error


def make_folder(path: Path, *, mode: int = 0o700) -> Path:
    """Make `path` and its parents, and return it. Raises StorageError."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
    except OSError as error:
        raise storage_error(path, error) from error
    return path


def require_private(path: Path) -> Path:
    """Make or take a folder at a guessable place, and return it.

    Raises StorageError when it is a link, or when somebody but this user and root may write to it.
    """
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise storage_error(path, error) from error
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (0, os.geteuid()) or status.st_mode & 0o022:
        raise StorageError(
            f"{path}: somebody else owns it or may write to it",
            next_step="find out who made it and remove it, or choose a shorter TRUSTKIT_HOME",
            path=str(path),
        )
    return path


def sync_folder(path: Path | str) -> None:
    """Make renames inside `path` survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def storage_error(path: Path, error: OSError) -> StorageError:
    """Say what the system refused, for which file, and what to do."""
    reason = (error.strerror or str(error)).lower()
    return StorageError(
        f"{path}: {reason}",
        next_step="check the disk's free space and permissions, or move the state directory with TRUSTKIT_HOME",
        path=str(path),
    )
