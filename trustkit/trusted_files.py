"""From configuration to files of trust."""

from pathlib import Path

from trustkit import limits
from trustkit.config import Config
from trustkit.errors import KeyFileError, UsageError


def key_bytes(file: Path) -> bytes:
    """Return the content of a public key's file. Raises KeyFileError."""
    try:
        with file.open("rb") as stream:
            content = stream.read(limits.KEY_FILE_BYTES + 1)
    except OSError as error:
        message = f"{file}: {(error.strerror or str(error)).lower()}"
        raise KeyFileError(message, next_step="give a public key's file or a name of `trustkit key list`") from error
    if len(content) > limits.KEY_FILE_BYTES:
        raise KeyFileError(f"{file}: larger than {limits.KEY_FILE_BYTES} bytes, so no key")
    return content


def sigstore_root(config: Config) -> bytes:
    """Return the trusted root in force: configured, refreshed, or shipped with trustkit. Raises UsageError."""
    from trustkit.signing.trust.files import PUBLIC_GOOD_ROOT

    refreshed = config.home / "sigstore" / "trusted_root.json"
    path = config.path("trust.sigstore_root") or (refreshed if refreshed.is_file() else PUBLIC_GOOD_ROOT)
    try:
        with path.open("rb") as stream:
            content = stream.read(limits.TRUSTED_ROOT_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: {(error.strerror or str(error)).lower()}", next_step="check the path") from error
    if len(content) > limits.TRUSTED_ROOT_BYTES:
        raise UsageError(f"{path}: more than {limits.TRUSTED_ROOT_BYTES} bytes")
    return content
