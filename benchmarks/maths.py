"""The FIPS module against the `cryptography` package, turn by turn in one process."""

import statistics
import time

from pairs import Pair

from peers.fips import FIPS, crypto_named, fips_provider, installed_module
from trustkit.fips.provider import CryptoProvider
from trustkit.model.keys import PublicKey

_TIMES, _ROUNDS = 1500, 9
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
        Pair("start of the FIPS module | 120 ms", start_ms, _MOST_START_MS, 1.0),
    ]


def _verifications(crypto: CryptoProvider, key: PublicKey, signature: bytes, message: bytes) -> float:
    started = time.process_time()
    for _ in range(_TIMES):
        crypto.verify(key, _ALGORITHM, signature, message)
    return (time.process_time() - started) / _TIMES * 1e6
