"""Entering FIPS mode: before a command is loaded, once, or not at all.

OpenSSL reads its configuration when it is first used, so trustkit runs itself again with OPENSSL_CONF naming the
installed one; then Python's TLS and hashlib stand on the module too, and the guard goes up.
"""

import os
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from trustkit.config import Config, load

if TYPE_CHECKING:  # loaded when the mode is on
    from trustkit.fips.providers.ossl_fips import OsslFipsProvider

OFF = "off"
VARIABLE, MODE_VARIABLE = "TRUSTKIT_FIPS", "TRUSTKIT_FIPS_MODE"
KERNEL_FLAG = "/proc/sys/crypto/fips_enabled"
_entered: list[str] = []
_module: "list[OsslFipsProvider]" = []
_CONF, _MODULES = "OPENSSL_CONF", "OPENSSL_MODULES"


def mode_of(environment: Mapping[str, str]) -> str:
    """Return the mode this process must be in. Raises ConfigError."""
    written = load({name: value for name, value in environment.items() if name != MODE_VARIABLE}).text("fips.mode")
    variable = environment.get(VARIABLE, "") or environment.get(MODE_VARIABLE, "")
    kernel = kernel_flag()
    if (written, variable, kernel) == (OFF, "", False):
        return OFF
    from trustkit.fips.mode import Asked, effective

    return effective(Asked(written, variable, kernel))


def kernel_flag() -> bool:
    """Whether the kernel was started with fips=1."""
    try:
        return Path(KERNEL_FLAG).read_text(encoding="ascii").strip() == "1"
    except (OSError, UnicodeDecodeError):
        return False


def folder_of(config: Config) -> Path:
    """Return where the installed module lies."""
    return config.home / "fips"


def enter(arguments: list[str]) -> "OsslFipsProvider | None":
    """Enter FIPS mode if it is on, and return its provider. Raises ConfigError, SelfTestError: no command runs."""
    mode = mode_of(os.environ)
    if mode == OFF:
        return None
    from trustkit.fips import guard, installation, select, validated
    from trustkit.fips.providers.ossl_fips import OsslFipsProvider

    config = load(os.environ)
    found = installation.read(folder_of(config))
    wanted = {_CONF: str(found.configuration), _MODULES: str(found.folder)}
    if not sys.flags.isolated or any(os.environ.get(name) != value for name, value in wanted.items()):
        _again(arguments, {**wanted, VARIABLE: mode})
    guard.enter(frozenset({config.text("engine.runtime").rpartition("/")[2]}))
    listed = config.path("fips.validated_list") or validated.SHIPPED
    # Before anything uses Python's own OpenSSL: a module tests itself once in a process, and we want to see it.
    provider = OsslFipsProvider(found, mode, listed)
    select.fix(provider)
    guard.require_default_is_fips()
    provider.require_alone()
    _entered.append(mode)
    _module.append(provider)
    return provider


def entered() -> str:
    """Return the FIPS mode this process is in, nothing when it is in none."""
    return _entered[0] if _entered else ""


def require_alone() -> None:
    """Return if no other cryptography was loaded since FIPS mode was entered, if it was. Raises SelfTestError."""
    if _module:
        _module[0].require_alone()


def watched(config: Config) -> AbstractContextManager[object]:
    """Return what examines the module for as long as a daemon runs; nothing outside FIPS mode."""
    interval = config.number("fips.examine_every")
    if not _module or not interval:
        return nullcontext()
    from trustkit.fips.watch import ModuleWatch

    return ModuleWatch(_module[0], interval)


def _again(arguments: list[str], more: dict[str, str]) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    # -I: neither the current folder nor PYTHON variables choose what is imported.
    os.execve(sys.executable, [sys.executable, "-I", "-m", "trustkit", *arguments], {**os.environ, **more})  # noqa: S606
