"""Errors of what nodes share; they join the tree in `trustkit.errors`."""

from trustkit.errors import SourceError, StorageError


class SharedStoreError(StorageError):
    """The shared store does not answer, or what it answers is not what a node put there."""

    code = "storage.shared"


class RevocationsUnreadError(SourceError):
    """What was revoked is not known, or was last read too long ago, so nothing may be allowed."""

    code = "source.revocations"
