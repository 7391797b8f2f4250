"""Words of the command line to values: annotations, platforms, passphrases, who asks."""

import os
import sys
from datetime import UTC, datetime

from trustkit.errors import KeyFileError, MalformedError, UsageError
from trustkit.model.digest import Digest
from trustkit.model.image import Platform

# Debian's and Python's names of this machine's architecture, to Go's.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


def annotations_of(pairs: list[str]) -> tuple[tuple[str, str], ...]:
    """Read `NAME=VALUE` words. Raises UsageError."""
    found = []
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"{pair!r} is not NAME=VALUE", next_step="write -a build=42")
        found.append((name, value))
    return tuple(found)


def platform_of(text: str | None) -> Platform | None:
    """Read `os/architecture[/variant]`. Raises UsageError."""
    if not text:
        return None
    parts = text.split("/")
    if len(parts) not in (2, 3) or not all(part.isalnum() for part in parts):
        raise UsageError(f"{text!r} is not a platform", next_step="write linux/amd64 or linux/arm/v7")
    return Platform(*parts)


def host_platform() -> Platform:
    """Return this machine's platform."""
    machine = os.uname().machine
    return Platform("linux", _ARCHITECTURES.get(machine, machine))


def digest_of(text: str) -> Digest:
    """Read `sha256:HEX`, whole. Raises UsageError."""
    try:
        return Digest.parse(text)
    except MalformedError as error:
        raise UsageError(f"{text[:160]!r} is no whole digest", next_step="write sha256:<64 hex digits>") from error


def ask_passphrase(prompt: str, *, confirm: bool = False) -> bytes:
    """Return the passphrase from TRUSTKIT_PASSWORD or COSIGN_PASSWORD, else ask the terminal.

    Raises KeyFileError when there is neither.
    """
    for variable in ("TRUSTKIT_PASSWORD", "COSIGN_PASSWORD"):
        if variable in os.environ:
            return os.environ[variable].encode()
    if not sys.stdin.isatty():
        raise KeyFileError(f"{prompt}: no terminal to ask on", next_step="set TRUSTKIT_PASSWORD")
    import getpass

    first = getpass.getpass(f"{prompt}: ")
    if confirm and getpass.getpass("The same again: ") != first:
        raise KeyFileError("the two passphrases differ", next_step="try again")
    return first.encode()


def ask_pin(what: str) -> str:
    """Return a token's PIN from TRUSTKIT_PIN or COSIGN_PKCS11_PIN, else ask the terminal.

    A passphrase of key files is never tried as a PIN: tokens lock themselves. Raises KeyFileError.
    """
    for variable in ("TRUSTKIT_PIN", "COSIGN_PKCS11_PIN"):
        if variable in os.environ:
            return os.environ[variable]
    if not sys.stdin.isatty():
        raise KeyFileError(f"PIN of {what}: no terminal to ask on", next_step="set TRUSTKIT_PIN, or pin-source=")
    import getpass

    return getpass.getpass(f"PIN of {what}: ")


def actor() -> str:
    """Return who asks: `user:NAME` of the effective user, else `uid:NUMBER`."""
    import pwd

    try:
        return f"user:{pwd.getpwuid(os.geteuid()).pw_name}"
    except KeyError:
        return f"uid:{os.geteuid()}"


def moment_of(text: str | None) -> datetime | None:
    """Read a day or a moment from 1970 to 9999, in UTC, which it is if it names no zone. Raises UsageError."""
    if not text:
        return None
    next_step = "write 2026-01-31 or 2026-01-31T12:00:00Z"
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text[:40]!r} is not a time", next_step=next_step) from error
    if moment < _FIRST:
        # whoever subtracts a zone or a clock's skew from the first years leaves the calendar
        raise UsageError(f"{text[:40]!r} is before 1970", next_step=next_step)
    return moment
