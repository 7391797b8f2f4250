"""TLS for servers of ours: certificate and key from PEM files, TLS 1.2 or later."""

from pathlib import Path
from ssl import SSLContext

from trustkit.errors import ConfigError


def server_context(certificate: Path, key: Path) -> SSLContext:
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
