"""Blobs to files, several at once: each file is whole and checked, or absent."""

import os
from collections.abc import Iterable
from pathlib import Path

from trustkit import limits
from trustkit.durable import make_folder, storage_error, sync_folder
from trustkit.model.image import Descriptor
from trustkit.oci.source import ImageSource


def download(
    source: ImageSource, blobs: Iterable[Descriptor], folder: Path, at_once: int = limits.PARALLEL_DOWNLOADS
) -> dict[str, Path]:
    """Fetch blobs into `folder/<hex>` and return the files by digest; those that exist are kept.

    The first failure stops the others. Raises SourceError, DigestMismatchError, StorageError.
    """
    make_folder(folder)
    wanted = {str(blob.digest): blob for blob in blobs}
    if len(wanted) == 1 or at_once == 1:
        return {name: fetch(source, blob, folder) for name, blob in wanted.items()}
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(at_once) as pool:
        running = {name: pool.submit(fetch, source, blob, folder) for name, blob in wanted.items()}
        try:
            return {name: future.result() for name, future in running.items()}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def fetch(source: ImageSource, blob: Descriptor, folder: Path) -> Path:
    """Fetch one blob into `folder/<hex>`: nothing is left behind unless every byte was right.

    Raises SourceError, DigestMismatchError, StorageError.
    """
    path = folder / blob.digest.hex
    if path.exists() and path.stat().st_size == blob.size_bytes:
        return path
    part = folder / f".{blob.digest.hex}.{os.getpid()}.part"
    try:
        opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(opened, "wb") as file:
            for chunk in source.stream(blob):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(folder)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise storage_error(path, error) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return path
