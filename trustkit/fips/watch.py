"""Examines the module of a process that lives long: its self-tests, its file, and what else was mapped since."""

import logging
from contextlib import suppress
from threading import Event, Thread
from typing import Self

from trustkit.errors import TrustkitError
from trustkit.fips.providers.ossl_fips import OsslFipsProvider

_log = logging.getLogger(__name__)


class ModuleWatch:
    """A thread that has the provider examined every so often; after a failure the provider refuses everything."""

    def __init__(self, provider: OsslFipsProvider, interval_seconds: float) -> None:
        """Nothing runs yet."""
        self._provider, self._interval = provider, interval_seconds
        self._ended = Event()
        self._thread = Thread(target=self._run, name="fips-watch", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End with the work it watches over."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        # the provider has condemned itself, and says why to whoever asks it from now on
        with suppress(TrustkitError):
            while not self._ended.wait(self._interval):
                self._examine()

    def _examine(self) -> None:
        try:
            tests = self._provider.examine()
        except TrustkitError as error:
            _log.critical("FIPS: nothing is decided any more: %s", error.message)
            raise
        _log.info("FIPS: the module passed its %d self-tests again; its file is the installed one", len(tests))
