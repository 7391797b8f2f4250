"""Where a pull gets its bytes from."""

from collections.abc import Iterator
from typing import Protocol

from trustkit.model.image import Descriptor


class BlobSource(Protocol):
    """Gives the bytes of a blob; blocking, called from worker threads, several at once."""

    def open(self, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield the blob's bytes, raising DigestMismatchError before the end if they are not its own."""
        ...
