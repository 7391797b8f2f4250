"""Newer policy bundles while a daemon runs: asked for in a thread of its own, so that no decision waits for a registry.

What is found is put on disk; the gate takes it from there with its next decision. What keeps a bundle from coming into
force is on record once, and leaves the one before in force until that is too old.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from threading import Event, Thread
from typing import Self

from trustkit.admission.bundle_pull import refusal
from trustkit.admission.bundle_store import BundleStore
from trustkit.admission.gate import AuditLog
from trustkit.errors import TrustkitError

_LOG = logging.getLogger(__name__)


class Refresher:
    """Asks every so many seconds; `due` returns what to ask, if anything, and the seconds until the next time."""

    def __init__(
        self, due: Callable[[], tuple[BundleStore | None, float]], log: AuditLog, now: Callable[[], datetime]
    ) -> None:
        """Nothing is asked before it is entered."""
        self._due, self._log, self._now = due, log, now
        self._stop = Event()
        self._thread = Thread(target=self._run, name="policy", daemon=True)
        self._told = ""

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ask no more; a question that waits for its answer is not waited for."""
        self._stop.set()
        self._thread.join(timeout=1)

    def once(self) -> float:
        """Ask once, and return the seconds until the next time."""
        seconds = 60.0
        store: BundleStore | None = None
        try:
            store, seconds = self._due()
            if store is not None:
                found = store.refresh(self._now())
                if found.changed:
                    _LOG.info("took revision %d of the policy, %s", found.state.revision, found.signed)
                self._told = ""
        except TrustkitError as error:
            self._tell(store, error)
        except Exception:  # noqa: BLE001  (the daemon must go on, and ask again)
            _LOG.exception("a fault of ours")
        return seconds

    def _run(self) -> None:
        while not self._stop.wait(self.once()):
            pass

    def _tell(self, store: BundleStore | None, error: TrustkitError) -> None:
        """Put on record, once for each that is new, why there is no newer policy."""
        if error.message == self._told or self._stop.is_set():
            return
        _LOG.error("%s", error.message)
        if store is not None:
            self._log.append(refusal(store, error, self._now(), "daemon"))
        self._told = error.message
