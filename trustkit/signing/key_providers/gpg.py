"""OpenPGP keys that the user's own GnuPG holds: `gpg:FINGERPRINT` or `gpg:USER-ID`.

`gpg` asks its agent, which asks the user, the smart card or the token; no secret passes through here.
"""

import os
import subprocess
from pathlib import Path
from typing import ClassVar

from trustkit.errors import KeyUnavailableError, UsageError

_SECONDS = 120.0
_FINGERPRINT_CHARS = (40, 64)


class GpgKey:
    """One key of a GnuPG home, named as gpg names keys."""

    scheme: ClassVar[str] = "gpg"

    def __init__(self, uri: str, *, program: str = "gpg", home: Path | None = None) -> None:
        """Find the key. Raises UsageError, KeyUnavailableError."""
        self._name = uri.removeprefix("gpg:").removeprefix("//")
        if not self._name or self._name.startswith("-"):
            raise UsageError(f"{uri[:80]!r} names no OpenPGP key", next_step="write gpg:FINGERPRINT")
        self._command = [program, "--batch", "--no-tty", *(["--homedir", str(home)] if home else [])]
        self.fingerprint = self._found()

    def sign_message(self, content: bytes) -> bytes:
        """Return a binary OpenPGP message with the content and one signature. Raises KeyUnavailableError."""
        return self._run(
            "--digest-algo", "SHA256", "--no-armor", "--local-user", self.fingerprint, "--sign", content=content
        )

    def certificate(self) -> bytes:
        """Return the public key as `gpg --export` writes it. Raises KeyUnavailableError."""
        return self._run("--export-options", "export-minimal", "--export", self.fingerprint)

    def _found(self) -> str:
        listed = self._run("--with-colons", "--list-secret-keys", self._name).decode("utf-8", "replace")
        lines = [line.split(":") for line in listed.splitlines()]
        primaries = [at for at, line in enumerate(lines) if line[0] == "sec"]
        if len(primaries) != 1:
            raise UsageError(
                f"gpg has {len(primaries)} secret keys that {self._name!r} fits",
                next_step="write the whole fingerprint",
            )
        after = lines[primaries[0] :]
        found = next((line[9] for line in after if line[0] == "fpr" and len(line) > 9), "")  # noqa: PLR2004
        if len(found) not in _FINGERPRINT_CHARS:
            raise KeyUnavailableError(f"gpg does not tell the fingerprint of {self._name!r}")
        return found

    def _run(self, *words: str, content: bytes = b"") -> bytes:
        try:
            done = subprocess.run(  # noqa: S603  (no shell; the words are ours and a checked name)
                [*self._command, *words], input=content, capture_output=True, timeout=_SECONDS, check=False
            )
        except FileNotFoundError as error:
            message = f"{self._command[0]} is not installed"
            raise KeyUnavailableError(message, next_step="install GnuPG, or sign with a key file") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise KeyUnavailableError(f"{self._command[0]} gives no answer: {error}") from error
        if done.returncode or not done.stdout:
            said = " ".join(done.stderr.decode("utf-8", "replace").split())[-300:]
            raise KeyUnavailableError(
                f"gpg cannot use the key {self._name!r}: {said or 'no output'}",
                next_step="try: gpg --list-secret-keys; the agent must be able to ask for the passphrase",
            )
        return done.stdout


class OpenPgpFileKey:
    """An OpenPGP secret key in a file (`gpg --export-secret-keys`), used by the Sequoia library."""

    scheme: ClassVar[str] = "openpgp"

    def __init__(self, path: Path, passphrase: bytes) -> None:
        """Open the key. Raises KeyUnavailableError, KeyFileError."""
        from trustkit.errors import KeyFileError
        from trustkit.signing.key_providers.file import read_private_file

        try:
            import pysequoia
        except ImportError as error:
            step = "install trustkit[gpg], or sign with gpg:FINGERPRINT"
            raise KeyUnavailableError("OpenPGP key files need the package pysequoia", next_step=step) from error
        content = read_private_file(path)
        try:
            key = pysequoia.Tsk.from_bytes(content)
            self._signer = key.signer(passphrase.decode() if passphrase else None)
            self.fingerprint = key.extract_certificate().fingerprint.upper()
        except Exception as error:
            # the library raises bare exceptions; their words name the reason
            raise KeyFileError(f"{path}: no usable OpenPGP secret key: {os.fsdecode(str(error))[:200]}") from error
        self._sign = pysequoia.sign
        self._mode = pysequoia.SignatureMode.INLINE

    def sign_message(self, content: bytes) -> bytes:
        """Return a binary OpenPGP message with the content and one signature."""
        return bytes(self._sign(self._signer, content, mode=self._mode, armor=False))
