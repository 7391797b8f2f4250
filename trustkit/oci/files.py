"""The files of a layout, in a folder or inside a tar: named, bounded, never outside."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from trustkit import limits
from trustkit.errors import LimitExceededError, MalformedError, NotFoundError, SourceError
from trustkit.oci.tar_index import TarEntry, follow, read_table

_CHUNK_BYTES = 256 * 1024
_GZIP = b"\x1f\x8b"


class Files(Protocol):
    """Read access by path."""

    def has(self, name: str) -> bool:
        """Whether there is such a file."""

    def size_bytes(self, name: str) -> int:
        """Return the file's size. Raises NotFoundError."""

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the file. Raises NotFoundError."""


class FolderFiles:
    """Files below a folder; links and anything but plain files are refused."""

    def __init__(self, folder: Path) -> None:
        """Take a folder that exists. Raises NotFoundError."""
        if not folder.is_dir():
            raise NotFoundError(f"{folder} is no folder", next_step="check the path")
        self._folder = folder

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self._folder / name).is_file()

    def size_bytes(self, name: str) -> int:
        """Return the file's size. Raises NotFoundError, SourceError."""
        with self._open(name) as file:
            return os.fstat(file.fileno()).st_size

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the file. Raises NotFoundError, SourceError."""
        with self._open(name) as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk

    def _open(self, name: str) -> BinaryIO:
        path = self._folder / name
        try:
            return _opened(path, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError as error:
            raise NotFoundError(f"{self._folder} has no {name}") from error
        except OSError as error:
            raise SourceError(f"{path}: {(error.strerror or '').lower()}") from error


class TarFiles:
    """Files inside a tar, which may be gzipped; then it is unpacked into a nameless file first."""

    def __init__(self, path: Path) -> None:
        """Open the archive and read its table.

        Raises NotFoundError, SourceError, MalformedError, LimitExceededError.
        """
        self._what = str(path)
        try:
            # shared between threads: every read names its offset
            self._file: BinaryIO = _opened(path, os.O_RDONLY)
        except FileNotFoundError as error:
            raise NotFoundError(f"{path} does not exist", next_step="check the path") from error
        except OSError as error:
            raise SourceError(f"{path}: {(error.strerror or '').lower()}") from error
        try:
            if self._file.read(len(_GZIP)) == _GZIP:
                self._file = _unpacked(self._file, self._what)
            self._table = read_table(self._file, self._what)
        except OSError as error:
            self._file.close()
            raise SourceError(f"{path}: {(error.strerror or '').lower()}") from error
        except BaseException:
            self._file.close()
            raise

    def __del__(self) -> None:
        """Close with whoever held the archive."""
        if hasattr(self, "_file"):
            self._file.close()

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return follow(self._table, name, self._what) is not None

    def size_bytes(self, name: str) -> int:
        """Return the file's size. Raises NotFoundError."""
        return self._entry(name).size_bytes

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the file. Raises NotFoundError."""
        entry = self._entry(name)
        at, end = entry.offset, entry.offset + entry.size_bytes
        while at < end:
            chunk = os.pread(self._file.fileno(), min(_CHUNK_BYTES, end - at), at)
            if not chunk:
                raise MalformedError(f"{self._what} is cut off")
            at += len(chunk)
            yield chunk

    def _entry(self, name: str) -> TarEntry:
        found = follow(self._table, name, self._what)
        if found is None:
            raise NotFoundError(f"{self._what} has no {name[:200]}")
        return found


def _opened(path: Path, flags: int) -> BinaryIO:
    """Open a plain file; a named pipe must not keep us waiting. Raises OSError, SourceError."""
    opened = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise SourceError(f"{path} is no plain file", next_step="check the path")
    return os.fdopen(opened, "rb")


def read_small(files: Files, name: str, limit_bytes: int) -> bytes:
    """Return a file whole. Raises NotFoundError, LimitExceededError."""
    size = files.size_bytes(name)
    if size > limit_bytes:
        raise LimitExceededError(f"{name} is {size} bytes, more than the {limit_bytes} allowed")
    return b"".join(files.chunks(name))[: limit_bytes + 1]


def _unpacked(packed: BinaryIO, what: str) -> BinaryIO:
    """Return the unpacked archive in a file without a name, which vanishes with the process.

    Raises MalformedError, LimitExceededError for a bomb.
    """
    import tempfile
    import zlib

    packed_bytes = packed.seek(0, 2)
    allowed = min(limits.ARCHIVE_BYTES, max(limits.ARCHIVE_FREE_BYTES, packed_bytes * limits.ARCHIVE_RATIO))
    packed.seek(0)
    out: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115  (kept open by the caller)
    try:
        _inflate(packed, out, allowed, what)
    except zlib.error as error:
        out.close()
        raise MalformedError(f"{what} is damaged: {error}") from error
    except BaseException:
        out.close()
        raise
    finally:
        packed.close()
    return out


def _inflate(packed: BinaryIO, out: BinaryIO, allowed: int, what: str) -> None:
    import zlib

    inflater = zlib.decompressobj(wbits=31)
    total = 0
    while not inflater.eof:
        source = inflater.unconsumed_tail or packed.read(_CHUNK_BYTES)
        if not source:
            raise MalformedError(f"{what} is cut off")
        chunk = inflater.decompress(source, _CHUNK_BYTES)
        total += len(chunk)
        if total > allowed:
            raise LimitExceededError(f"{what} unpacks to more than {allowed} bytes")
        out.write(chunk)
    out.flush()
