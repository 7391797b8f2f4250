"""Private keys in files: encrypted PKCS#8 and cosign's key files, opened only if nobody else can."""

import os
import stat
from pathlib import Path
from typing import ClassVar

from trustkit import limits
from trustkit.errors import KeyFileError
from trustkit.fips import keyfile
from trustkit.fips.provider import CryptoProvider, PrivateKey
from trustkit.signing.keys import Ask

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class FileKeys:
    """Keys named by a path, or by `file:PATH`."""

    api: ClassVar[int] = 1
    scheme: ClassVar[str] = "file"

    def __init__(
        self,
        crypto: CryptoProvider,
        *,
        insecure_allow_loose_permissions: bool = False,
        insecure_allow_plain: bool = False,
    ) -> None:
        """Take the maths, and whether readable or unencrypted files are accepted."""
        self._crypto = crypto
        self._loose = insecure_allow_loose_permissions
        self._plain = insecure_allow_plain

    def open(self, uri: str, ask: Ask) -> PrivateKey:
        """Return the key. Raises KeyFileError, AlgorithmNotApprovedError."""
        path = Path(uri.removeprefix("file:"))
        content = read_private_file(path, insecure_allow_loose_permissions=self._loose)
        try:
            return open_key(content, str(path), ask, self._crypto, insecure_allow_plain=self._plain)
        except KeyFileError as error:
            raise KeyFileError(f"{path}: {error.message}", next_step=error.next_step, path=str(path)) from error


def open_key(
    content: bytes, what: str, ask: Ask, crypto: CryptoProvider, *, insecure_allow_plain: bool = False
) -> PrivateKey:
    """Return the key in a PEM file's content; `ask` is called only if it is encrypted.

    Raises KeyFileError, AlgorithmNotApprovedError.
    """
    encrypted = keyfile.label_of(content) != keyfile.PLAIN
    passphrase = ask(what) if encrypted else b""
    return keyfile.read(content, passphrase, crypto, insecure_allow_plain=insecure_allow_plain)


def read_private_file(path: Path, *, insecure_allow_loose_permissions: bool = False) -> bytes:
    """Return the content of a file that is ours alone: regular, owned by us, closed to others.

    Checked on the opened file, so that it cannot be exchanged in between. Raises KeyFileError.
    """
    try:
        # non-blocking: a FIFO in the file's place must not hang us
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _refused(path, (error.strerror or str(error)).lower(), "check the path") from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _refused(path, "it is not a regular file", "give the path of a key file")
        if not insecure_allow_loose_permissions:
            _require_private(path, found)
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(limits.KEY_FILE_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > limits.KEY_FILE_BYTES:
        raise _refused(path, f"it is over {limits.KEY_FILE_BYTES} bytes", "give the path of a key file")
    return content


def _require_private(path: Path, found: os.stat_result) -> None:
    if found.st_mode & _OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise _refused(path, f"its mode {mode:04o} lets others use it", f"run: chmod 600 {path}")
    if found.st_uid not in (os.geteuid(), 0):
        raise _refused(path, f"it belongs to user {found.st_uid}", "take ownership of it, or use a key of your own")


def _refused(path: Path, reason: str, next_step: str) -> KeyFileError:
    return KeyFileError(f"{path}: {reason}", next_step=next_step, path=str(path))
