"""From a `pkcs11:` URI to one token, logged in, and one private key in it; anything but exactly one is refused."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING  # noqa: TID251  (the binding is loaded when a token is used)

from trustkit.codec.pkcs11_uri import Pkcs11Uri, parse_pkcs11_uri
from trustkit.errors import KeyFileError, KeyUnavailableError, MalformedError, UsageError
from trustkit.signing.key_providers.file import read_private_file
from trustkit.signing.key_providers.token_objects import serial_of

if TYPE_CHECKING:
    import pkcs11

# Given what the PIN is for, returns it.
AskPin = Callable[[str], str]

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
# Where p11-kit and the packages of Linux distributions put the libraries that `module-name` speaks of.
_MODULE_FOLDERS = tuple(
    Path(folder)
    for folder in ("/usr/lib/x86_64-linux-gnu/pkcs11", "/usr/lib/aarch64-linux-gnu/pkcs11", "/usr/lib64/pkcs11",
                   "/usr/lib/pkcs11", "/usr/lib/softhsm")
)  # fmt: skip


def wanted_key(uri: str) -> Pkcs11Uri:
    """Return what a URI asks for. Raises UsageError."""
    try:
        return parse_pkcs11_uri(uri)
    except MalformedError as error:
        raise UsageError(error.message, next_step="write pkcs11:token=LABEL;object=NAME (RFC 7512)") from error


def load_library(wanted: Pkcs11Uri, configured: Path | None) -> "pkcs11._pkcs11.lib":
    """Load the PKCS#11 library the URI names, or the configured one. Raises UsageError, KeyUnavailableError."""
    path = _module_path(wanted, configured)
    _require_ours(path)
    _load_binding()
    import pkcs11

    try:
        return pkcs11.lib(str(path))
    except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
        raise KeyUnavailableError(
            f"{path}: cannot be loaded as a PKCS#11 library: {_words(error)}", next_step="check module-path"
        ) from error


def _load_binding() -> None:
    """Load the binding. Raises KeyUnavailableError."""
    try:
        import pkcs11  # noqa: F401
    except ImportError as error:
        raise KeyUnavailableError(
            "keys in tokens need the package python-pkcs11", next_step="install trustkit[pkcs11]"
        ) from error


def find_token(library: "pkcs11._pkcs11.lib", wanted: Pkcs11Uri) -> "pkcs11.Token":
    """Return the one token that the URI fits. Raises KeyUnavailableError."""
    with spoken(wanted):
        tokens = [slot.get_token() for slot in library.get_slots(token_present=True)]
        # SoftHSM and others show an empty slot to make a new token in; it has no label yet
        fitting_ones = [token for token in tokens if token.label and _token_fits(token, library, wanted)]
    if len(fitting_ones) != 1:
        present = "; ".join(f"{one.label} (serial {serial_of(one)})" for one in tokens if one.label) or "none"
        raise KeyUnavailableError(
            f"{wanted}: {len(fitting_ones)} tokens fit; present: {present}",
            next_step="name one token by token= or serial=",
        )
    return fitting_ones[0]


def _token_fits(token: "pkcs11.Token", library: "pkcs11._pkcs11.lib", wanted: Pkcs11Uri) -> bool:
    slot = token.slot
    pairs: tuple[tuple[object, object], ...] = (
        (wanted.token, token.label),
        (wanted.manufacturer, token.manufacturer_id),
        (wanted.serial, serial_of(token)),
        (wanted.model, token.model),
        (wanted.library_manufacturer, library.manufacturer_id),
        (wanted.library_description, library.library_description),
        (_version(wanted.library_version), tuple(library.library_version)),
        (wanted.slot_description, slot.slot_description),
        (wanted.slot_manufacturer, slot.manufacturer_id),
        (wanted.slot_id, slot.slot_id),
    )
    return all(asked is None or asked == found for asked, found in pairs)


def _version(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    major, _, minor = text.partition(".")
    return int(major), int(minor or "0")


def _module_path(wanted: Pkcs11Uri, configured: Path | None) -> Path:
    if wanted.module_path is not None:
        path = Path(wanted.module_path)
        if not path.is_absolute():
            raise UsageError(f"{wanted}: module-path is not absolute", next_step="write the library's whole path")
        return path
    if wanted.module_name is not None:
        names = (f"{wanted.module_name}.so", f"lib{wanted.module_name}.so")
        found = [folder / name for folder in _MODULE_FOLDERS for name in names if (folder / name).is_file()]
        if not found or "/" in wanted.module_name:
            raise UsageError(f"{wanted}: no such module is installed", next_step="give module-path=/whole/path.so")
        return found[0]
    if configured is None:
        raise UsageError(
            f"{wanted}: names no PKCS#11 library",
            next_step="add ?module-path=/whole/path.so, or set keys.pkcs11_module",
        )
    return configured


def _require_ours(path: Path) -> None:
    """Return if nobody but us and root can change the library, which is about to run. Raises KeyUnavailableError."""
    try:
        found = path.stat()
    except OSError as error:
        raise KeyUnavailableError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    if found.st_mode & _OTHERS_WRITE or found.st_uid not in (os.geteuid(), 0):
        raise KeyUnavailableError(
            f"{path}: others can change this library, so it is not loaded", next_step=f"chmod go-w {path}"
        )


def pin_for(wanted: Pkcs11Uri, token: "pkcs11.Token", ask: AskPin) -> str | object:
    """Return the PIN that the URI gives or leads to, else asks for it; a token with a pad asks itself.

    Raises UsageError, KeyFileError.
    """
    if wanted.pin_value is not None:
        return wanted.pin_value
    if wanted.pin_source is not None:
        return _pin_in(wanted, wanted.pin_source)
    import pkcs11

    if pkcs11.TokenFlag.PROTECTED_AUTHENTICATION_PATH in token.flags:
        return pkcs11.PROTECTED_AUTH
    return ask(f"token {token.label}")


def _pin_in(wanted: Pkcs11Uri, source: str) -> str:
    path = source.removeprefix("file:").removeprefix("//")
    if not path.startswith("/"):
        raise UsageError(
            f"{wanted}: pin-source is no absolute path of a file", next_step="programs and addresses are not asked"
        )
    try:
        return read_private_file(Path(path)).decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise KeyFileError(f"{path}: the PIN is not UTF-8") from error


def login(token: "pkcs11.Token", pin: str | object, wanted: Pkcs11Uri) -> "pkcs11.Session":
    """Return a session in which private keys can be used. Raises KeyUnavailableError."""
    import pkcs11

    try:
        return token.open(user_pin=pin)
    except pkcs11.UserAlreadyLoggedIn:
        # logins hold for all sessions of a process (PKCS#11 5.6.8)
        return token.open()
    except (pkcs11.PinIncorrect, pkcs11.PinLenRange, pkcs11.PinInvalid) as error:
        raise KeyUnavailableError(
            f"{wanted}: wrong PIN for token {token.label}", next_step="tokens lock themselves after a few wrong PINs"
        ) from error
    except pkcs11.PinLocked as error:
        raise KeyUnavailableError(
            f"{wanted}: token {token.label} is locked after too many wrong PINs",
            next_step="unlock it with the security officer's PIN",
        ) from error


def private_key(session: "pkcs11.Session", wanted: Pkcs11Uri) -> "pkcs11.SignMixin":
    """Return the one private key that the URI names. Raises KeyUnavailableError."""
    import pkcs11

    template = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY, **named(wanted)}
    found = list(session.get_objects(template))
    if len(found) != 1:
        labels = ", ".join(repr(getattr(one, "label", "")) for one in found[:8])
        raise KeyUnavailableError(
            f"{wanted}: {len(found)} private keys fit{f': {labels}' if labels else ''}",
            next_step="name one key by object= or id=",
        )
    key = found[0]
    if not isinstance(key, pkcs11.SignMixin):
        raise KeyUnavailableError(f"{wanted}: the key does not sign")
    return key


def named(wanted: Pkcs11Uri) -> "dict[pkcs11.Attribute, object]":
    """Return what the URI asks of an object in the token."""
    import pkcs11

    pairs = ((pkcs11.Attribute.LABEL, wanted.object), (pkcs11.Attribute.ID, wanted.id))
    return {name: value for name, value in pairs if value is not None}


@contextmanager
def spoken(what: object) -> Iterator[None]:
    """Turn the binding's errors into ours; none of them holds the PIN. Raises KeyUnavailableError."""
    import pkcs11

    try:
        yield
    except pkcs11.PKCS11Error as error:
        raise KeyUnavailableError(f"{what}: the token refuses: {_words(error)}") from error


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
