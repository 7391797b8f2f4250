"""Whether this process is in FIPS mode: decided once, at start, by whoever asks for the most.

`off` is the default. `module`: all maths in the configured module, validated or not. `validated`: and the module must
match a certificate. The kernel's flag, the configuration and TRUSTKIT_FIPS can each raise the mode; none can lower
what another one asks for, and an attempt is an error, never a silent change.
"""

from trustkit.errors import ConfigError
from trustkit.model.crypto import MODES as _MODES
from trustkit.model.values import NamedTuple

MODES = _MODES
OFF, MODULE, VALIDATED = MODES
VARIABLE = "TRUSTKIT_FIPS"
_WORDS = {"": None, "1": MODULE, "true": MODULE, "yes": MODULE, "0": OFF, "false": OFF, "no": OFF,
          MODULE: MODULE, VALIDATED: VALIDATED, OFF: OFF}  # fmt: skip


class Asked(NamedTuple):
    """What each source asks for: the files, the environment, and the kernel's flag."""

    configured: tuple[str, ...]
    variable: str
    kernel: bool


def effective(asked: Asked) -> str:
    """Return the mode. Raises ConfigError for unknown words, and when the environment asks for less than the rest."""
    for word in asked.configured:
        if word not in MODES:
            raise ConfigError(f"fips.mode is {word!r}", next_step=f"use one of: {', '.join(MODES)}")
    if asked.variable.lower() not in _WORDS:
        raise ConfigError(f"{VARIABLE} is {asked.variable!r}", next_step="use 1 to turn FIPS mode on")
    required = max((*asked.configured, MODULE if asked.kernel else OFF), key=MODES.index)
    wanted = _WORDS[asked.variable.lower()]
    if wanted is None:
        return required
    if MODES.index(wanted) < MODES.index(required):
        who = "the kernel's flag" if asked.kernel and set(asked.configured) == {OFF} else "the configuration"
        raise ConfigError(
            f"{VARIABLE}={asked.variable} asks for less than {who} requires ({required})",
            next_step=f"unset {VARIABLE}; FIPS mode is turned off where it was turned on",
        )
    return wanted
