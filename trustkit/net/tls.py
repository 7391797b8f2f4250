"""The one place where TLS contexts are made: TLS 1.2 or later, for clients and for servers of ours.

In FIPS mode every context is narrowed further when it is made, whoever makes it (`fips.narrow_tls`).
"""

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from trustkit.errors import ConfigError

if TYPE_CHECKING:  # loaded when a URL says https
    from ssl import SSLContext


class TlsContext(Protocol):
    """What is needed of `ssl.SSLContext`, which is only imported when a URL says https."""

    def wrap_socket(self, sock: socket.socket, /, *, server_hostname: str) -> socket.socket:
        """Return the socket, encrypted and its peer verified."""


def offered() -> tuple[str, tuple[str, ...]]:
    """Return the least protocol and the suites that a client of ours offers."""
    context = _client_context()
    return context.minimum_version.name, tuple(str(suite["name"]) for suite in context.get_ciphers())


def tls_context(ca_file: Path | None) -> TlsContext:
    """Return a client context: TLS 1.2 or later, the peer always verified.

    The authorities are the system's and those of `ca_file`. Raises ConfigError.
    """
    context = _client_context()
    context.load_default_certs()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:
            reason = (error.strerror or str(error)).split(" (_ssl.c")[0].lower()
            message = f"{ca_file} holds no usable certificate authority: {reason}"
            raise ConfigError(message, next_step="name a PEM file with CA certificates") from error
    return context


def _client_context() -> "SSLContext":
    import ssl

    class QuietTlsSocket(ssl.SSLSocket):
        """As QuietSocket."""

        def __del__(self) -> None:
            """Close."""
            self.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = QuietTlsSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def server_context(certificate: Path, key: Path) -> "SSLContext":
    """Return a context that shows this certificate chain. Raises ConfigError."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # RFC 9325 3.3, 3.5: no compression, no renegotiation
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        # An encrypted key would make OpenSSL ask on the terminal.
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "strerror", "") or error).split(" (_ssl.c")[0]
        message = f"{certificate} and {key} are no usable TLS certificate and key: {reason}"
        raise ConfigError(
            message, next_step="give the certificate chain and its unencrypted key as PEM files"
        ) from error
    return context


def _no_passphrase() -> str:
    raise ValueError("the key is encrypted")
