"""The FIPS module against the `cryptography` package, turn by turn in one process; and what entering the mode costs."""

import os
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from pairs import Pair, clean_environment

from peers.fips import FIPS, crypto_named, fips_provider, installed_module, module_file
from peers.trustkit import COMMAND
from trustkit.fips import installation
from trustkit.fips.provider import CryptoProvider
from trustkit.model.keys import PublicKey

_TIMES, _ROUNDS, _STARTS = 1500, 9, 15
# At least 0.85 of the package's rate, and loaded and tested in 120 ms.
_MOST_RATIO, _MOST_START_MS = 1 / 0.85, 120.0
_ALGORITHM = "ecdsa-p256-sha256"


def maths() -> list[Pair]:
    """P-256 verifications, in microseconds of processor time each, and the module's start."""
    installed_module()
    started = time.process_time()
    fips_provider()
    start_ms = (time.process_time() - started) * 1e3
    ours, theirs = crypto_named(FIPS), crypto_named("pyca")
    key, message = theirs.generate("ecdsa-p256"), b"x" * 300
    signature = key.sign(_ALGORITHM, message)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(_ROUNDS):
        for which, crypto in enumerate((ours, theirs)):
            times[which].append(_verifications(crypto, key.public, signature, message))
    medians = [statistics.median(taken) for taken in times]
    return [
        Pair("P-256 verify (us): FIPS module | cryptography", medians[0], medians[1], _MOST_RATIO),
        Pair("the module's load and tests (ms) | 120 ms", start_ms, _MOST_START_MS, 1.0),
        Pair("entering FIPS mode, re-exec and all | 120 ms", _entering_ms(), _MOST_START_MS, 1.0),
    ]


def _entering_ms() -> float:
    """The processor time of `trustkit key list` in FIPS mode less that of the same command outside, turn by turn."""
    with TemporaryDirectory(prefix="bench-fips-") as name:
        folder = Path(name)
        installation.install(module_file(), folder / "home" / "fips")
        outside = clean_environment(HOME=name, TRUSTKIT_HOME=str(folder / "home"))
        inside = {**outside, "TRUSTKIT_FIPS": "1"}
        spent = [(_processor_ms(outside), _processor_ms(inside)) for _ in range(_STARTS)]
    return statistics.median(more - less for less, more in spent)


def _processor_ms(env: Mapping[str, str]) -> float:
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    pid = os.posix_spawn(COMMAND, [str(COMMAND), "key", "list"], env, file_actions=quiet)
    _, status, used = os.wait4(pid, 0)
    if status:
        raise RuntimeError(f"trustkit key list ended with {status}")
    return (used.ru_utime + used.ru_stime) * 1e3


def _verifications(crypto: CryptoProvider, key: PublicKey, signature: bytes, message: bytes) -> float:
    started = time.process_time()
    for _ in range(_TIMES):
        crypto.verify(key, _ALGORITHM, signature, message)
    return (time.process_time() - started) / _TIMES * 1e6
