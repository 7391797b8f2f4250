"""What a process in FIPS mode refuses, whoever asks: Python's own OpenSSL, its hashes, other libraries, programs."""

import importlib
import os
import sys
from collections.abc import Callable
from functools import partial

from trustkit.errors import CryptoError
from trustkit.fips.libcrypto.library import Library

_PROGRAM = "/bin/true"
_NULL = None


def trials(suites: tuple[str, ...]) -> dict[str, Callable[[], object]]:
    """Return what to try, by what it is; `suites` are those of a new TLS context here."""
    return {
        "default context: digest MD5": partial(_default, "MD5"),
        "default context: digest SM3": partial(_default, "SM3"),
        "hashlib: md5": partial(_hashlib, "md5"),
        "hashlib: blake2b": partial(_hashlib, "blake2b"),
        "CPython's own SHA-256": partial(_fresh, "_sha256" if sys.version_info < (3, 12) else "_sha2"),
        "import of cryptography": partial(_fresh, "cryptography"),
        f"start of {_PROGRAM}": _start,
        "TLS suite of ChaCha20": partial(_offered, suites, "CHACHA20"),
    }


def _default(name: str) -> None:
    Library().made("EVP_MD_fetch", _NULL, name.encode(), _NULL)


def _hashlib(name: str) -> None:
    hashlib = importlib.import_module("hashlib")
    hashlib.new(name, b"")
    getattr(hashlib, name)(b"")


def _fresh(name: str) -> None:
    importlib.import_module(name)


def _start() -> None:
    os.waitpid(os.posix_spawn(_PROGRAM, [_PROGRAM], {}), 0)


def _offered(suites: tuple[str, ...], part: str) -> None:
    if not any(part in name for name in suites):
        raise CryptoError(f"no suite has {part}")
