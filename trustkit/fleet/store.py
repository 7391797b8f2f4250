"""What a place must offer that the nodes of a fleet share (plug point)."""

from typing import Protocol


class Store(Protocol):
    """Bounded values by name. Nothing in it is believed: whoever reads checks (`sealed`).

    Calls block for seconds at most, and threads may share it. All raise SharedStoreError.
    """

    @property
    def place(self) -> str:
        """Where it is, for people: no password in it."""

    def get(self, name: str, limit_bytes: int) -> bytes | None:
        """Return a value, None if there is none; a longer one is an error."""

    def put(self, name: str, content: bytes, seconds: int) -> None:
        """Keep a value for so many seconds."""

    def swap(self, name: str, before: bytes | None, after: bytes) -> bool:
        """Keep a value for good if the present one is `before` (None: there is none); return whether it was."""

    def close(self) -> None:
        """Let go of connections; the next call opens one."""
