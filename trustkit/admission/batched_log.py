"""Records of many requests at once: what comes while the log is being written goes into its next write."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any

from trustkit.admission.gate import AuditLog
from trustkit.errors import AuditError, TrustkitError
from trustkit.model.audit import AuditEvent, AuditRecord

_TOGETHER = 256
# A write costs the same for one record as for fifty. Once they come together, the next write waits so long for more,
# and again while more come, until there are as many.
_GATHER_SECONDS, _PAUSE_SECONDS = 0.012, 0.001
_LONGEST = 60.0
_Event = tuple[AuditEvent, "asyncio.Future[AuditRecord]"]
# What to write, who waits for it, and until when by the loop's clock.
_Row = tuple[Any, "asyncio.Future[None]", float]


def _refused(rows: list[Any]) -> tuple[AuditEvent, ...]:
    raise AuditError(f"nobody said how {len(rows)} rows are put on record")


class BatchedLog:
    """The decision log for one event loop; an event is durable when `append` returns, as with the log itself."""

    def __init__(self, log: AuditLog, merge: Callable[[list[Any]], tuple[AuditEvent, ...]] = _refused) -> None:
        """Write to `log`, in one thread of its own; `merge` makes events of the rows that `append_row` is given."""
        self._log, self._merge = log, merge
        self._thread = ThreadPoolExecutor(1, "log")
        self._waiting: list[_Event] = []
        self._rows: list[_Row] = []
        self._written: list[_Row] = []
        # one for all rows: a timer for each would cost a tenth of an answer
        self._alarm: asyncio.TimerHandle | None = None
        self._writer: asyncio.Task[None] | None = None
        # how many came together last
        self._crowd = 1

    async def append(self, event: AuditEvent) -> AuditRecord:
        """Record the event. Raises AuditError, StorageError: nothing may go on."""
        future: asyncio.Future[AuditRecord] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, future))
        self._wake()
        return await future

    async def append_row(self, row: Any, seconds: float = _LONGEST) -> None:
        """Record a row in one event with others that come at once. It is durable when this returns; as `append`.

        Raises TimeoutError after so many seconds: nobody knows.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        until = loop.time() + seconds
        self._rows.append((row, future, until))
        self._wake()
        if self._alarm is None or until < self._alarm.when():
            self._watch(until)
        await future

    def _watch(self, until: float) -> None:
        """Look at that moment for rows that are late."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_at(until, self._look)

    def _look(self) -> None:
        self._alarm, now = None, asyncio.get_running_loop().time()
        waiting = [(future, until) for _, future, until in (*self._written, *self._rows) if not future.done()]
        _fail([future for future, until in waiting if until <= now], TimeoutError())
        later = [until for _, until in waiting if until > now]
        if later:
            self._watch(min(later))

    def _wake(self) -> None:
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())

    def close(self) -> None:
        """Let what was begun be written."""
        self._thread.shutdown(wait=True)

    async def _write(self) -> None:
        while self._waiting or self._rows:
            if self._crowd > 1:
                await self._gather()
            batch, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
            rows, self._rows = self._rows[:_TOGETHER], self._rows[_TOGETHER:]
            self._written = rows
            self._crowd = len(batch) + len(rows)
            await self._put(batch, rows)

    async def _gather(self) -> None:
        """Let the loop read what has come, until as many are there as came together last or no more come."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _GATHER_SECONDS
        count, quiet = len(self._waiting) + len(self._rows), False
        while count < self._crowd and loop.time() < until:
            await asyncio.sleep(_PAUSE_SECONDS if quiet else 0)
            before, count = count, len(self._waiting) + len(self._rows)
            if quiet and count == before:
                return
            quiet = count == before

    async def _put(self, batch: list[_Event], rows: list[_Row]) -> None:
        """Write together, and apart if the log takes no part in it: what cannot be written fails whoever asked."""
        futures: list[asyncio.Future[Any]] = [*(future for _, future in batch), *(future for _, future, _ in rows)]
        loop = asyncio.get_running_loop()
        try:
            events = tuple(event for event, _ in batch)
            if rows:
                events += self._merge([row for row, *_ in rows])
            records = await loop.run_in_executor(self._thread, self._log.append_many, events)
        except TrustkitError as error:
            if not isinstance(error, AuditError) or len(batch) + bool(rows) == 1:
                _fail(futures, error)
                return
            for one in batch:
                await self._put([one], [])
            if rows:
                await self._put([], rows)
        except Exception as error:  # noqa: BLE001  (whoever waits must learn that nothing is on record)
            _fail(futures, AuditError(f"the decision log failed: {error}"))
        else:
            told = (*records[: len(batch)], *repeat(None, len(rows)))
            for future, record in zip(futures, told, strict=True):
                if not future.done():
                    future.set_result(record)


def _fail(futures: list["asyncio.Future[Any]"], error: Exception) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
            future.exception()  # seen, though whoever waited may have given up
