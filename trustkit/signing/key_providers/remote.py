"""Keys that never leave their place, by the scheme of their URI; each place's library is loaded when it is used."""

from collections.abc import Callable
from pathlib import Path

from trustkit.codec.pkcs11_uri import is_pkcs11_uri
from trustkit.fips.parse import public_key_to_pem
from trustkit.fips.provider import CryptoProvider
from trustkit.model.keys import PublicKey
from trustkit.model.values import NamedTuple
from trustkit.signing.keys import SigningKey

SCHEMES = ("pkcs11", "awskms", "gcpkms", "azurekms", "hashivault")


class RemoteKey(NamedTuple):
    """A public key, the URI of its private half without secrets, and what its place says of itself."""

    uri: str
    public: PublicKey
    place: dict[str, str]


def is_remote(text: str) -> bool:
    """Whether the text is the URI of a key in a token or a service."""
    scheme, colon, _ = text.partition(":")
    return bool(colon) and scheme.lower() in SCHEMES


def open_remote(uri: str, crypto: CryptoProvider, ask_pin: Callable[[str], str], module: Path | None) -> SigningKey:
    """Return the private key of a URI. Raises UsageError, KeyUnavailableError, KeyFileError."""
    if not is_pkcs11_uri(uri):
        from trustkit.signing.key_providers.kms import open_service

        return open_service(uri, crypto)
    from trustkit.signing.key_providers.pkcs11 import TokenKeys

    return TokenKeys(crypto, ask_pin, module).open(uri)


def public_remote(uri: str, crypto: CryptoProvider, module: Path | None) -> RemoteKey:
    """Return the public half of a URI's key; nothing is asked. Raises as `open_remote`."""
    if not is_pkcs11_uri(uri):
        from trustkit.signing.key_providers.kms import open_service

        found = open_service(uri, crypto)
        return RemoteKey(uri, found.public, dict(found.place._asdict()))
    from trustkit.signing.key_providers.pkcs11 import TokenKeys
    from trustkit.signing.key_providers.token_session import wanted_key

    public, token = TokenKeys(crypto, _nobody, module).public(uri)
    return RemoteKey(str(wanted_key(uri)), public, dict(token._asdict()))


def public_pem(text: str, crypto: CryptoProvider, module: Path | None) -> tuple[str, bytes] | None:
    """Return the URI without secrets and the public half in PEM, None for other text. Raises as `open_remote`."""
    if not is_remote(text):
        return None
    found = public_remote(text, crypto, module)
    return found.uri, public_key_to_pem(found.public)


def _nobody(_: str) -> str:
    return ""
