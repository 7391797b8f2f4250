"""Entering FIPS mode: before a command is loaded, once, or not at all.

OpenSSL reads its configuration when it is first used, so trustkit runs itself again with OPENSSL_CONF naming the
installed one; then Python's TLS and hashlib stand on the module too, and the guard goes up.
"""

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from trustkit.cli.fips_floor import OFF, VARIABLE, FipsSettings, settings, standing_of
from trustkit.config import load

if TYPE_CHECKING:  # loaded when the mode is on
    from trustkit.fips.providers.ossl_fips import OsslFipsProvider

_entered: list[FipsSettings] = []
_module: "list[OsslFipsProvider]" = []
_CONF, _MODULES = "OPENSSL_CONF", "OPENSSL_MODULES"


def enter(arguments: list[str]) -> "OsslFipsProvider | None":
    """Enter FIPS mode if it is on, and return its provider. Raises ConfigError, SelfTestError: no command runs."""
    asked = settings(os.environ)
    if asked.mode == OFF:
        return None
    from trustkit.fips import guard, installation, select, validated
    from trustkit.fips.providers.ossl_fips import OsslFipsProvider

    found = installation.read(asked.folder)
    wanted = {_CONF: str(found.configuration), _MODULES: str(found.folder)}
    if not sys.flags.isolated or any(os.environ.get(name) != value for name, value in wanted.items()):
        _again(arguments, {**wanted, VARIABLE: asked.mode})
    guard.enter(frozenset({load(os.environ).text("engine.runtime").rpartition("/")[2]}))
    # Before anything uses Python's own OpenSSL: a module tests itself once in a process, and we want to see it.
    provider = OsslFipsProvider(found, asked.mode, asked.validated_list or validated.SHIPPED)
    select.fix(provider, standing_of(asked.mode, provider.identity.sha256))
    guard.require_default_is_fips()
    provider.require_alone()
    _entered.append(asked)
    _module.append(provider)
    return provider


def standing() -> str:
    """Return the FIPS mode of this process with its module's SHA-256, as the daemon must be in it, too."""
    return standing_of(_entered[0].mode, _module[0].identity.sha256) if _module else OFF


def opened() -> "OsslFipsProvider":
    """Return the installed module's provider: this process's own, or in a process that is not in FIPS mode, a new one.

    Raises ConfigError, SelfTestError.
    """
    if _module:
        return _module[0]
    from trustkit.fips import installation, validated
    from trustkit.fips.mode import MODULE
    from trustkit.fips.providers.ossl_fips import OsslFipsProvider

    asked = settings(os.environ)
    return OsslFipsProvider(installation.read(asked.folder), MODULE, asked.validated_list or validated.SHIPPED)


def require_alone() -> None:
    """Return if no other cryptography was loaded since FIPS mode was entered, if it was. Raises SelfTestError."""
    if _module:
        _module[0].require_alone()


def watched() -> AbstractContextManager[object]:
    """Return what examines the module for as long as a daemon runs; nothing outside FIPS mode."""
    if not _module:
        return nullcontext()
    from trustkit.fips.watch import ModuleWatch

    return ModuleWatch(_module[0], _entered[0].examine_every)


def _again(arguments: list[str], more: dict[str, str]) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    # -I: neither the current folder nor PYTHON variables choose what is imported.
    os.execve(sys.executable, [sys.executable, "-I", "-m", "trustkit", *arguments], {**os.environ, **more})  # noqa: S606
