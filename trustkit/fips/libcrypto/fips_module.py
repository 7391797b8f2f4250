"""A FIPS provider in a library context of its own: loaded from one file, tested, and asked what it is.

Nothing is taken from a default folder: after loading, the file that is mapped must be the one that was asked for.
"""

import os
import time
from ctypes import CFUNCTYPE, POINTER, addressof, c_char_p, c_int, c_void_p, sizeof, string_at
from pathlib import Path
from threading import Lock
from typing import Any

from trustkit.errors import SelfTestError
from trustkit.fips.libcrypto.indicator import SINCE, Indicator
from trustkit.fips.libcrypto.library import CondemnedLibrary, Library, Parameter
from trustkit.fips.libcrypto.module import Module
from trustkit.model.values import NamedTuple

PROPERTIES = b"provider=fips,fips=yes"
# Decoders of key files live in the base provider; what they make can only live in the module.
_DECODE = b"fips=yes"
# openssl/core.h
_TEXT_POINTER, _INTEGER = 6, 1
_PATH_FIELD = 5
_Report = CFUNCTYPE(c_int, POINTER(Parameter), c_void_p)


class KnownAnswer(NamedTuple):
    """One self-test of the module: its kind, what it tests, whether it passed, and its time."""

    kind: str
    about: str
    passed: bool
    microseconds: int


class FipsModule(Module):
    """The module of one configuration file, active and tested."""

    def __init__(self, library: Library, context: int, path: Path, tests: "_Tests") -> None:
        """Use `load`."""
        super().__init__(library, context, PROPERTIES, _DECODE)
        self._provider, self._tests = library.made("OSSL_PROVIDER_load", context, b"fips"), tests
        self._path, self._stamp = path, stamp_of(path)
        _, version, _ = self.about()
        told = tuple(int(part) for part in version.split(".") if part.isdigit())
        self._indicator = Indicator(library) if told >= SINCE else None

    @classmethod
    def load(cls, configuration: Path, module: Path) -> "FipsModule":
        """Load the module that the configuration names. Raises SelfTestError: nothing of it may be used."""
        library = Library()
        context = library.made("OSSL_LIB_CTX_new")
        tests = _Tests()
        library.call("OSSL_SELF_TEST_set_callback", context, tests.callback, None)
        loaded = library.call("OSSL_LIB_CTX_load_config", context, os.fsencode(configuration))
        # After a failed start OpenSSL would look for a module elsewhere, so loading is never asked for by name
        # before the configuration is known to have done it.
        active = library.call("OSSL_PROVIDER_available", context, b"fips") == 1
        if loaded != 1 or not active or not tests.all_passed():
            reason = tests.failed() or library.failure("loading it").message
            raise _unusable(module, reason)
        if not is_mapped(module):
            raise _unusable(module, "another file was loaded in its place")
        return cls(library, context, module, tests)

    @property
    def self_tests(self) -> tuple[KnownAnswer, ...]:
        """The tests the module made when it was loaded, in their order."""
        return self._tests.of_start

    def about(self) -> tuple[str, str, str]:
        """Return the module's name, version and build text."""
        values = [c_char_p() for _ in range(3)]
        rows: Any = (Parameter * 4)()
        for row, name, value in zip(rows, (b"name", b"version", b"buildinfo"), values, strict=False):
            row.key, row.data_type, row.data = name, _TEXT_POINTER, addressof(value)
        self.library.done("OSSL_PROVIDER_get_params", self._provider, rows)
        title, version, build = ((value.value or b"").decode("utf-8", "replace") for value in values)
        return title, version, build

    def require_approved(self, getter: str, context: object, service: str) -> None:
        """Return if the module calls what the context did approved. Raises AlgorithmNotApprovedError."""
        if self._indicator is not None:
            self._indicator.require(getter, context, service)

    @property
    def approved_services(self) -> dict[str, int]:
        """How often the indicator called which service approved; nothing of a module that has none."""
        return dict(self._indicator.approved) if self._indicator else {}

    def require_usable(self) -> None:
        """Return if it is not condemned, and its file is the one that was loaded. Raises SelfTestError.

        What runs is in memory; but once its file is another, nobody could say which module this was.
        """
        if isinstance(self.library, CondemnedLibrary):
            self.library.function("EVP_MD_CTX_new")
        if stamp_of(self._path) != self._stamp:
            raise SelfTestError(
                f"the FIPS module {self._path} was changed or removed while in use",
                next_step="find out who changed it, run trustkit fips install, and start the daemon again",
            )

    def condemn(self, error: SelfTestError) -> None:
        """Have every later call refused with this error; there is no way back in this process."""
        self.library = CondemnedLibrary(error)

    def is_running(self) -> bool:
        """Whether the module says that it is in no error state."""
        value = c_int(0)
        rows: Any = (Parameter * 2)()
        rows[0].key, rows[0].data_type, rows[0].data = b"status", _INTEGER, addressof(value)
        rows[0].data_size = sizeof(value)
        self.library.done("OSSL_PROVIDER_get_params", self._provider, rows)
        return value.value == 1

    def require_self_test(self) -> tuple[KnownAnswer, ...]:
        """Run every self-test again and return them. Raises SelfTestError."""
        answers = self._tests.repeated(lambda: self.library.call("OSSL_PROVIDER_self_test", self._provider))
        if answers is None or not self.is_running():
            raise SelfTestError(
                f"the FIPS module failed its self-test: {self._tests.failed() or 'it is in its error state'}",
                next_step="do not use this machine for FIPS work until the module is replaced",
            )
        return answers


class _Tests:
    """Listens to the module's self-tests (man 3 OSSL_SELF_TEST_new)."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._begun = 0.0
        self._answers: list[KnownAnswer] = []
        self.of_start: tuple[KnownAnswer, ...] = ()
        self.callback = _Report(self._hear)

    def all_passed(self) -> bool:
        """Whether tests were made at the start, and none failed; keeps them."""
        self.of_start = tuple(self._answers)
        return bool(self.of_start) and all(answer.passed for answer in self.of_start)

    def failed(self) -> str:
        """Return what failed, or nothing."""
        return ", ".join(f"{item.kind} {item.about}" for item in self._answers if not item.passed)

    def repeated(self, run: Any) -> tuple[KnownAnswer, ...] | None:
        """Return the answers of a new run, None if it failed."""
        with self._lock:
            self._answers.clear()
            done = run() == 1
            answers = tuple(self._answers)
        return answers if done and answers and all(answer.passed for answer in answers) else None

    def _hear(self, rows: Any, _: object) -> int:
        told: dict[bytes, str] = {}
        index = 0
        while rows[index].key:
            told[rows[index].key] = string_at(rows[index].data).decode("ascii", "replace")
            index += 1
        phase = told.get(b"st-phase", "")
        if phase == "Start":
            self._begun = time.perf_counter()
        elif phase in {"Pass", "Fail"}:
            taken = round((time.perf_counter() - self._begun) * 1e6)
            self._answers.append(
                KnownAnswer(told.get(b"st-type", ""), told.get(b"st-desc", ""), phase == "Pass", taken)
            )
        return 1


def stamp_of(path: Path) -> tuple[int, ...]:
    """Return what changes when a file is replaced or written to; nothing of one that cannot be seen."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def is_mapped(module: Path) -> bool:
    """Whether this very file is in this process's memory, and no other file of its name."""
    return mapped_files(module.name) == {os.path.realpath(module)}


def mapped_files(*names: str) -> set[str]:
    """Return the mapped files whose name holds one of these; one replaced on disk is told as deleted (proc(5))."""
    lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    paths = {fields[5] for fields in (line.split(None, 5) for line in lines) if len(fields) > _PATH_FIELD}
    return {path for path in paths if any(name in path.rpartition("/")[2] for name in names)}


def _unusable(module: Path, reason: str) -> SelfTestError:
    return SelfTestError(
        f"the FIPS module {module} cannot be used: {reason}",
        next_step="trustkit fips install puts a fresh copy in its place; find out who changed it first",
    )
