"""Records of many requests at once: what comes while the log is being written goes into its next write."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from trustkit.admission.gate import AuditLog
from trustkit.errors import AuditError, TrustkitError
from trustkit.model.audit import AuditEvent, AuditRecord

_TOGETHER = 256


class BatchedLog:
    """The decision log for one event loop; an event is durable when `append` returns, as with the log itself."""

    def __init__(self, log: AuditLog) -> None:
        """Write to `log`, in one thread of its own."""
        self._log = log
        self._thread = ThreadPoolExecutor(1, "log")
        self._waiting: list[tuple[AuditEvent, asyncio.Future[AuditRecord]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def append(self, event: AuditEvent) -> AuditRecord:
        """Record the event. Raises AuditError, StorageError: nothing may go on."""
        future: asyncio.Future[AuditRecord] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, future))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await future

    def close(self) -> None:
        """Let what was begun be written."""
        self._thread.shutdown(wait=True)

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
            futures = [future for _, future in batch]
            try:
                events = tuple(event for event, _ in batch)
                records = await loop.run_in_executor(self._thread, self._log.append_many, events)
            except TrustkitError as error:
                _fail(futures, error)
            except Exception as error:  # noqa: BLE001  (whoever waits must learn that nothing is on record)
                _fail(futures, AuditError(f"the decision log failed: {error}"))
            else:
                for future, record in zip(futures, records, strict=True):
                    if not future.done():
                        future.set_result(record)


def _fail(futures: list["asyncio.Future[AuditRecord]"], error: TrustkitError) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
            future.exception()  # seen, though whoever waited may have given up
