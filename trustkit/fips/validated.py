"""Which modules hold a FIPS 140 certificate: a shipped list that an operator may replace by a newer one.

A version's name proves nothing: an entry matches only the very file, on an operating environment it was tested on,
while its certificate is active (FIPS 140-3 Management Manual, section 7).
"""

from datetime import date
from pathlib import Path

from trustkit import limits
from trustkit.codec import strict_json
from trustkit.errors import ConfigError, MalformedError
from trustkit.model.values import NamedTuple

SHIPPED = Path(__file__).with_name("validated_modules.json")
ACTIVE = "active"


class Certificate(NamedTuple):
    """One certificate of the Cryptographic Module Validation Program; `environments` are `os-release` ID-VERSION_ID."""

    number: str
    standard: str
    module: str
    version: str
    status: str
    sunset: date
    sha256: tuple[str, ...]
    environments: tuple[str, ...]


class Match(NamedTuple):
    """Whether a module is validated here and now, by which certificate, and else why not."""

    validated: bool
    certificate: Certificate | None
    reason: str


def read(path: Path) -> tuple[Certificate, ...]:
    """Return the list. Raises ConfigError."""
    try:
        content = path.read_bytes()
        document = strict_json.parse(content, what=str(path), limit_bytes=limits.VALIDATED_LIST_BYTES)
        members = strict_json.as_object(document, str(path))
        rows = strict_json.as_list(members.get("certificates"), f"{path} certificates")
        return tuple(_certificate(strict_json.as_object(row, f"{path} certificate"), path) for row in rows)
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or '').lower()}", next_step="check fips.validated_list") from error
    except (MalformedError, ValueError) as error:
        raise ConfigError(f"{path}: {error}", next_step="take the list from trustkit's package again") from error


def match(certificates: tuple[Certificate, ...], *, version: str, sha256: str, environment: str, today: date) -> Match:
    """Return whether this file, of this version, on this system, today, is validated."""
    of_version = [item for item in certificates if item.version == version]
    if not of_version:
        return Match(False, None, f"no certificate of version {version} is known")
    of_file = [item for item in of_version if sha256 in item.sha256]
    if not of_file:
        numbers = ", ".join(f"#{item.number}" for item in of_version)
        return Match(False, None, f"this file is none of those {numbers} was given for")
    for item in of_file:
        if item.status == ACTIVE and item.sunset >= today and environment in item.environments:
            return Match(True, item, f"certificate #{item.number}")
    item = of_file[0]
    if item.status != ACTIVE or item.sunset < today:
        return Match(False, item, f"certificate #{item.number} is {item.status}, sunset {item.sunset.isoformat()}")
    return Match(False, item, f"certificate #{item.number} was not tested on {environment}")


def operating_environment(os_release: str) -> str:
    """Return `ID-VERSION_ID` of an os-release(5) file's text."""
    fields = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    return "-".join(fields.get(name, "").strip("\"'") for name in ("ID", "VERSION_ID"))


def _certificate(row: dict[str, object], path: Path) -> Certificate:
    def text(name: str) -> str:
        return strict_json.as_text(row.get(name), f"{path} {name}")

    def texts(name: str) -> tuple[str, ...]:
        return tuple(strict_json.as_text(item, name) for item in strict_json.as_list(row.get(name), f"{path} {name}"))

    return Certificate(
        text("number"), text("standard"), text("module"), text("version"), text("status"),
        date.fromisoformat(text("sunset")), texts("sha256"), texts("environments"),
    )  # fmt: skip
