"""One container in memory: its row, its pump and log, and those who wait for its end."""

import asyncio

from trustkit.engine.containerd.io import Fifos, Pump
from trustkit.engine.log_file import LogFile
from trustkit.engine.parts import Parts
from trustkit.engine.state import ContainerRow
from trustkit.engine.values import ContainerView, ExitStatus, Status


class Container:
    """Mutable, on the event loop; `lock` orders start, stop and remove."""

    def __init__(self, parts: Parts, row: ContainerRow) -> None:
        """Take the row; nothing runs by this."""
        self.row = row
        self.parts = parts
        self.lock = asyncio.Lock()
        self.log = LogFile(parts.folder(row.id) / f"{row.id}-json.log")
        self.fifos = Fifos(parts.fifos(row.id), stdin=row.spec.open_stdin, terminal=row.spec.terminal)
        self.pump = self.new_pump()
        self.size: tuple[int, int] | None = None
        self.watch: asyncio.Task[None] | None = None
        self.stopped_by_user = False
        self.erased = False
        loop = asyncio.get_running_loop()
        self.next_exit: asyncio.Future[ExitStatus] = loop.create_future()
        self.removed: asyncio.Future[ExitStatus] = loop.create_future()

    def new_pump(self) -> Pump:
        """Return a pump for the next process."""
        return Pump(self.parts.settings.clock, self.log.append)

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.row.status is Status.RUNNING

    def last_exit(self) -> ExitStatus:
        """Return how it ended last; 0 when it never ran."""
        row = self.row
        return ExitStatus(row.exit_code or 0, row.finished_at or row.created_at, row.error)

    def ended(self, status: ExitStatus) -> None:
        """Tell those who wait for the next end, and wait anew."""
        self.next_exit.set_result(status)
        self.next_exit = asyncio.get_running_loop().create_future()

    def gone(self) -> None:
        """Tell those who wait for the removal, and those who wait for an end that will not come."""
        status = self.last_exit()
        for future in (self.removed, self.next_exit):
            if not future.done():
                future.set_result(status)
        self.pump.close()

    def save(self) -> None:
        """Write the row."""
        self.parts.state.save(self.row)

    def view(self) -> ContainerView:
        """Return what others may see."""
        row, spec = self.row, self.row.spec
        return ContainerView(
            id=row.id,
            name=row.name,
            image=row.image,
            image_id=row.image_id,
            reference=row.reference,
            admission=row.admission,
            status=row.status,
            created_at=row.created_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
            exit_code=row.exit_code,
            error=row.error,
            out_of_memory=row.out_of_memory,
            pid=row.pid if self.running else 0,
            path=row.arguments[0] if row.arguments else "",
            arguments=row.arguments[1:],
            tty=spec.terminal,
            open_stdin=spec.open_stdin,
            auto_remove=spec.auto_remove,
            labels=dict(spec.labels),
            network=row.network,
            request=row.request,
            log_path=str(self.log.path),
        )
