"""Whether this process is in FIPS mode: decided once, at start, by whoever asks for the most.

`off` is the default. `module`: all maths in the configured module, validated or not. `validated`: and the module must
match a certificate. The kernel's flag, the configuration, TRUSTKIT_FIPS and TRUSTKIT_FIPS_MODE can each raise the mode;
none can lower what another one asks for, and an attempt is an error, never a silent change.
"""

from collections.abc import Mapping

from trustkit.errors import ConfigError
from trustkit.model.crypto import MODES as _MODES
from trustkit.model.values import NamedTuple

MODES = _MODES
OFF, MODULE, VALIDATED = MODES
_WORDS = {"": None, "1": MODULE, "true": MODULE, "yes": MODULE, "0": OFF, "false": OFF, "no": OFF,
          MODULE: MODULE, VALIDATED: VALIDATED, OFF: OFF}  # fmt: skip


class Asked(NamedTuple):
    """What each source asks for: the files, the variables by name (empty: nothing), and the kernel's flag."""

    configured: tuple[str, ...]
    variables: Mapping[str, str]
    kernel: bool


def effective(asked: Asked) -> str:
    """Return the mode. Raises ConfigError for unknown words, and when the environment asks for less than the rest."""
    for word in asked.configured:
        if word not in MODES:
            raise ConfigError(f"fips.mode is {word!r}", next_step=f"use one of: {', '.join(MODES)}")
    wanted: dict[str, str] = {}
    for name, value in asked.variables.items():
        if value.lower() not in _WORDS:
            raise ConfigError(f"{name} is {value!r}", next_step="use 1 to turn FIPS mode on")
        if mode := _WORDS[value.lower()]:
            wanted[name] = mode
    required = max((*asked.configured, MODULE if asked.kernel else OFF, *wanted.values()), key=MODES.index)
    for name, mode in wanted.items():
        if mode != required:
            raise ConfigError(
                f"{name}={asked.variables[name]} asks for less than {_who(asked, wanted, required)} requires "
                f"({required})",
                next_step=f"unset {name}; FIPS mode is turned off where it was turned on",
            )
    return required


def _who(asked: Asked, wanted: Mapping[str, str], required: str) -> str:
    if required in asked.configured:
        return "the configuration"
    if asked.kernel and required == MODULE:
        return "the kernel's flag"
    return next(name for name, word in wanted.items() if word == required)
