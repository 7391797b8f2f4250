"""Private keys in environment variables: `env://NAME`, as cosign names them."""

from collections.abc import Mapping
from typing import ClassVar

from trustkit.errors import KeyFileError
from trustkit.fips import keyfile
from trustkit.fips.provider import CryptoProvider, PrivateKey
from trustkit.signing.keys import Ask


class EnvironmentKeys:
    """Keys whose PEM text is the value of a variable."""

    api: ClassVar[int] = 1
    scheme: ClassVar[str] = "env"

    def __init__(self, crypto: CryptoProvider, environment: Mapping[str, str]) -> None:
        """Take the maths and the environment to look in."""
        self._crypto = crypto
        self._environment = environment

    def open(self, uri: str, ask: Ask) -> PrivateKey:
        """Return the key. Raises KeyFileError, AlgorithmNotApprovedError."""
        name = uri.removeprefix("env:").removeprefix("//")
        text = self._environment.get(name, "")
        if not text:
            raise KeyFileError(f"environment variable {name!r} is not set or empty", next_step="export the key's PEM")
        content = text.encode("utf-8", "surrogateescape")
        try:
            encrypted = keyfile.label_of(content) != keyfile.PLAIN
            passphrase = ask(uri) if encrypted else b""
            return keyfile.read(content, passphrase, self._crypto)
        except KeyFileError as error:
            message = f"environment variable {name!r}: {error.message}"
            raise KeyFileError(message, next_step=error.next_step) from error
