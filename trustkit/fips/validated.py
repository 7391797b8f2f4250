"""Which modules hold a FIPS 140 certificate: a shipped list that an operator may replace by a newer one.

A version's name proves nothing: an entry matches only the very file, on an operating environment it was tested on,
while its certificate is active (FIPS 140-3 Management Manual, section 7).
"""

from datetime import date
from pathlib import Path

from trustkit import limits
from trustkit.codec import strict_json
from trustkit.errors import ConfigError, MalformedError
from trustkit.fips.approved import SERVICES
from trustkit.fips.host import Host
from trustkit.model.values import NamedTuple

SHIPPED = Path(__file__).with_name("validated_modules.json")
ACTIVE = "active"
# What may be claimed of a file; in FedRAMP's words, a newer build of a validated module that its vendor has submitted.
VALIDATED, UPDATE_STREAM, NONE = "validated", "update stream", "none"


class Environment(NamedTuple):
    """One tested operating environment. What is empty the security policy does not say, and anything fits.

    `os` is `os-release`'s ID-VERSION_ID; `kernel` how the release begins; `cpu` a part of the processor's name; `paa`
    the instructions it must have.
    """

    os: str
    machine: str
    kernel: str = ""
    cpu: str = ""
    paa: tuple[str, ...] = ()

    def fits(self, host: Host) -> bool:
        """Whether this host is such an environment."""
        return (
            (self.os, self.machine) == (host.os, host.machine)
            and _begins(host.kernel, self.kernel)
            and self.cpu in host.cpu
            and set(self.paa) <= set(host.paa)
        )


class Certificate(NamedTuple):
    """One certificate of the Cryptographic Module Validation Program.

    `sha256` are the files it was given for, `update_stream` those of newer builds that the vendor has submitted;
    `algorithms`, if any, what its security policy approves (`approved.SERVICES`).
    """

    number: str
    standard: str
    module: str
    version: str
    status: str
    sunset: date
    sha256: tuple[str, ...]
    environments: tuple[Environment, ...]
    level: int = 0
    security_policy: str = ""
    algorithms: tuple[str, ...] = ()
    update_stream: tuple[str, ...] = ()


class Match(NamedTuple):
    """Whether a module is validated here and now, by which certificate, and else why not."""

    validated: bool
    certificate: Certificate | None
    reason: str
    standing: str = NONE


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
        raise ConfigError(f"{path}: {error}", next_step="docs/fips.md says what the list holds") from error


def match(certificates: tuple[Certificate, ...], *, version: str, sha256: str, host: Host, today: date) -> Match:
    """Return whether this file, of this version, on this system, today, is validated."""
    for item in certificates:
        if sha256 in item.update_stream:
            return Match(False, item, f"the vendor calls it an update of certificate #{item.number}", UPDATE_STREAM)
    of_version = [item for item in certificates if item.version == version]
    if not of_version:
        return Match(False, None, f"no certificate of version {version} is known")
    of_file = [item for item in of_version if sha256 in item.sha256]
    if not of_file:
        numbers = ", ".join(f"#{item.number}" for item in of_version)
        return Match(False, None, f"this file is none of those {numbers} was given for")
    for item in of_file:
        if item.status == ACTIVE and item.sunset >= today and any(tested.fits(host) for tested in item.environments):
            return Match(True, item, f"certificate #{item.number}", VALIDATED)
    item = of_file[0]
    if item.status != ACTIVE or item.sunset < today:
        return Match(False, item, f"certificate #{item.number} is {item.status}, sunset {item.sunset.isoformat()}")
    return Match(False, item, f"certificate #{item.number} was not tested on {host}")


def _begins(release: str, wanted: str) -> bool:
    """Whether a release is of a version: 6.1 is 6.1.0-13, and 6.10 is not."""
    return not wanted or release == wanted or (release.startswith(wanted) and not release[len(wanted)].isdigit())


class _Row:
    """Reads one JSON object strictly: the field's kind, and no field that nobody knows."""

    def __init__(self, row: dict[str, object], what: str, known: tuple[str, ...]) -> None:
        if unknown := sorted(set(row) - set(known)):
            raise MalformedError(f"{what} has unknown fields: {', '.join(unknown)}")
        self._row, self._what = row, what

    def text(self, name: str) -> str:
        return strict_json.as_text(self._row.get(name), f"{self._what} {name}")

    def text_or_none(self, name: str) -> str:
        return self.text(name) if name in self._row else ""

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(strict_json.as_text(item, f"{self._what} {name}") for item in self.rows(name))

    def rows(self, name: str) -> list[object]:
        return list(strict_json.as_list(self._row.get(name, []), f"{self._what} {name}"))

    def level(self) -> int:
        level = self._row.get("level", 0)
        if not isinstance(level, int) or isinstance(level, bool) or not 0 <= level <= _MOST_LEVEL:
            raise MalformedError(f"{self._what} level is no number from 1 to {_MOST_LEVEL}")
        return level


_MOST_LEVEL = 4


def _certificate(members: dict[str, object], path: Path) -> Certificate:
    row = _Row(members, f"{path} certificate", Certificate._fields)
    algorithms = row.texts("algorithms")
    if unknown := sorted(set(algorithms) - SERVICES):
        raise MalformedError(f"algorithms {', '.join(unknown)} are unknown (known: {', '.join(sorted(SERVICES))})")
    return Certificate(
        row.text("number"), row.text("standard"), row.text("module"), row.text("version"), row.text("status"),
        date.fromisoformat(row.text("sunset")), row.texts("sha256"),
        tuple(_environment(strict_json.as_object(item, f"{path} environment"), path)
              for item in row.rows("environments")),
        row.level(), row.text_or_none("security_policy"), algorithms, row.texts("update_stream"),
    )  # fmt: skip


def _environment(members: dict[str, object], path: Path) -> Environment:
    row = _Row(members, f"{path} environment", Environment._fields)
    kernel, cpu = row.text_or_none("kernel"), row.text_or_none("cpu")
    return Environment(row.text("os"), row.text("machine"), kernel, cpu, row.texts("paa"))
