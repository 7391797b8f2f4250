"""Which FIPS mode this process must be in: the most that the machine, the state directory, the file or a variable asks.

    /etc/trustkit/config.toml   [fips] of the whole machine, root's alone; no variable names another file
    STATE/fips-required         one word, written by `trustkit fips require`
    the configuration           the chosen file, and the one that would be read if TRUSTKIT_CONFIG chose none

Where the machine's file speaks, its list of validated modules and its interval count, and no other file's.
"""

import stat
from collections.abc import Mapping
from pathlib import Path

from trustkit.config import Config, load, read_file
from trustkit.errors import ConfigError
from trustkit.model.values import NamedTuple

OFF = "off"
MACHINE = Path("/etc/trustkit/config.toml")
KERNEL_FLAG = "/proc/sys/crypto/fips_enabled"
VARIABLE, MODE_VARIABLE, CONFIG_VARIABLE = "TRUSTKIT_FIPS", "TRUSTKIT_FIPS_MODE", "TRUSTKIT_CONFIG"
_KEYS = ("fips.mode", "fips.validated_list", "fips.examine_every")
_OTHERS_WRITE = 0o022
_DAY_SECONDS = 86_400
_WORD_BYTES = 64


class FipsSettings(NamedTuple):
    """The mode, who asks for it, where the module is installed, and what only files say."""

    mode: str
    asked_by: tuple[str, ...]
    folder: Path
    validated_list: Path | None
    examine_every: float


def settings(environment: Mapping[str, str]) -> FipsSettings:
    """Return the settings in force. Raises ConfigError, also for a variable that asks for less than the rest."""
    plain = {name: value for name, value in environment.items() if name != MODE_VARIABLE}
    chosen, machine = load(plain), _machine()
    asked = {str(MACHINE): machine.get("fips.mode", OFF), str(required_file(chosen)): _required(chosen)}
    asked[str(chosen.file)] = chosen.text("fips.mode")
    if CONFIG_VARIABLE in plain:
        usual = load({name: value for name, value in plain.items() if name != CONFIG_VARIABLE})
        asked.setdefault(str(usual.file), usual.text("fips.mode"))
    variables = {name: environment[name] for name in (VARIABLE, MODE_VARIABLE) if environment.get(name)}
    mode, asked_by = _most({name: str(mode) for name, mode in asked.items()}, variables)
    listed, every = chosen.path("fips.validated_list"), chosen.number("fips.examine_every")
    if machine:
        path = str(machine.get("fips.validated_list", ""))
        listed = MACHINE.parent / path if path else None
        every = float(str(machine.get("fips.examine_every", every)))
    if every > _DAY_SECONDS:
        raise ConfigError(
            f"fips.examine_every is {every:g} seconds, more than a day", next_step="examine it more often"
        )
    return FipsSettings(mode, asked_by, folder_of(chosen), listed, every)


def standing_of(mode: str, sha256: str) -> str:
    """Return a mode and its module in one word, as they are compared between processes and machines."""
    return f"{mode}:{sha256}"


def expected_standing(asked: FipsSettings) -> str:
    """Return what a process with these settings stands in, without entering it. Raises ConfigError, SelfTestError."""
    if asked.mode == OFF:
        return OFF
    from trustkit.fips import installation

    return standing_of(asked.mode, installation.read(asked.folder).sha256)


def folder_of(config: Config) -> Path:
    """Return where the installed module lies."""
    return config.home / "fips"


def required_file(config: Config) -> Path:
    """Return the file that holds the mode this state directory requires."""
    return config.home / "fips-required"


def kernel_flag() -> bool:
    """Whether the kernel was started with fips=1."""
    try:
        return Path(KERNEL_FLAG).read_text(encoding="ascii").strip() == "1"
    except (OSError, UnicodeDecodeError):
        return False


def _most(asked: Mapping[str, str], variables: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    kernel = kernel_flag()
    if not (kernel or variables) and set(asked.values()) == {OFF}:
        return OFF, ()
    from trustkit.fips.mode import Asked, effective

    mode = effective(Asked(tuple(asked.values()), variables, kernel))
    who = [name for name, word in asked.items() if word == mode]
    return mode, (*who, *([KERNEL_FLAG] if kernel else []), *variables)


def _required(config: Config) -> str:
    file = required_file(config)
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(_WORD_BYTES).strip()
    except FileNotFoundError:
        return OFF
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file} cannot be read: {error}", next_step="trustkit fips require MODE writes it"
        ) from error


def _machine() -> dict[str, object]:
    """Return what the machine's file says. Raises ConfigError if it says too much, or others than root can write it."""
    found = read_file(MACHINE, required=False)
    if not found:
        return {}
    for path in (MACHINE.parent, MACHINE):
        status = path.stat()
        if status.st_uid != 0 or stat.S_IMODE(status.st_mode) & _OTHERS_WRITE:
            raise ConfigError(
                f"{path} can be written by others than root", next_step=f"chown root {path}; chmod go-w {path}"
            )
    if others := sorted(set(found) - set(_KEYS)):
        raise ConfigError(
            f"{MACHINE} may say {', '.join(_KEYS)}, and not {', '.join(others)}", next_step="remove it there"
        )
    return found
