"""One piece of blocking work at a time for one thing: everybody who asks meanwhile waits for the same result."""

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from trustkit.errors import LimitExceededError

Result = TypeVar("Result")


class SingleFlight(Generic[Result]):
    """Runs work in a bounded number of threads, on behalf of one event loop."""

    def __init__(self, threads: int, most: int) -> None:
        """Use so many threads; beyond `most` pieces of work that wait or run, new ones are refused."""
        self._threads = ThreadPoolExecutor(threads, "fetch")
        self._most = most
        self._running: dict[Hashable, asyncio.Future[Result]] = {}

    async def run(self, key: Hashable, work: Callable[[], Result]) -> Result:
        """Return the result of `work`, or of the work that runs for `key` already. Raises LimitExceededError."""
        future = self._running.get(key)
        if future is None:
            if len(self._running) >= self._most:
                raise LimitExceededError(f"{self._most} images are being looked at already", next_step="try again")
            future = asyncio.get_running_loop().run_in_executor(self._threads, work)
            self._running[key] = future
            future.add_done_callback(lambda done: self._finished(key, done))
        try:
            # whoever gives up does not take the work away from the others
            return await asyncio.shield(future)
        finally:
            # the traceback of an error has this frame: the two would keep each other alive
            del future

    def close(self) -> None:
        """Begin nothing more; work under way ends by its own time-outs."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _finished(self, key: Hashable, done: "asyncio.Future[Result]") -> None:
        self._running.pop(key, None)
        if not done.cancelled():
            done.exception()  # seen, though everybody may have given up
