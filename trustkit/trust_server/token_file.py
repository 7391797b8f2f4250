"""The file that names a token service.

realm = "https://auth.example/token"     # where clients get tokens
service = "notary"                       # `aud` of the tokens
issuer = "auth.example"                  # `iss` of the tokens
key = "auth.pub"                         # public key in PEM, relative to this file
"""

import tomllib
from pathlib import Path

from trustkit import limits
from trustkit.codec.strict_json import as_text
from trustkit.errors import ConfigError, CryptoError, MalformedError
from trustkit.fips.parse import public_key_from_pem
from trustkit.trust_server.tokens import TokenService

_MEMBERS = {"realm", "service", "issuer", "key"}


def read_token_service(file: Path) -> TokenService:
    """Return the service a file names. Raises ConfigError."""
    try:
        words = _words(tomllib.loads(_content(file).decode()))
        key = public_key_from_pem(_content(file.parent / words["key"]))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, MalformedError, CryptoError) as error:
        raise ConfigError(f"{file}: {error}", next_step="see docs/trust-server.md for its form") from error
    return TokenService(words["realm"], words["service"], words["issuer"], key)


def _words(document: dict[str, object]) -> dict[str, str]:
    if set(document) != _MEMBERS:
        raise MalformedError(f"it needs {', '.join(sorted(_MEMBERS))} and nothing else")
    return {name: as_text(value, name) for name, value in document.items()}


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(limits.KEY_FILE_BYTES)
    except OSError as error:
        raise ConfigError(f"{file}: {(error.strerror or str(error)).lower()}") from error
