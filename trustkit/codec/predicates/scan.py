"""Vulnerability scans: cosign's `vuln` v1 around a scanner's own report, and in-toto's `vulns`.

Specification: cosign specs/COSIGN_VULN_ATTESTATION_SPEC.md; in-toto attestation spec/predicates/vuln.md.
Cosign leaves `scanner.result` to the scanner; the reports of trivy and grype are read. One of
another form is no clean report: `form` is empty then, and a policy must refuse to judge by it.
"""

from collections.abc import Iterable
from datetime import datetime

from trustkit.codec.predicates.fields import ITEMS, bounded, each, inner, members, moment, one_text, required, text
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

COSIGN = "https://cosign.sigstore.dev/attestation/vuln/v1"
INTOTO = ("https://in-toto.io/attestation/vulns/v0.1", "https://in-toto.io/attestation/vulns/v0.2")
TRIVY, GRYPE, PLAIN = "trivy", "grype", "in-toto"
CRITICAL, HIGH, MEDIUM, LOW, NEGLIGIBLE, UNKNOWN = "CRITICAL", "HIGH", "MEDIUM", "LOW", "NEGLIGIBLE", "UNKNOWN"
SEVERITIES = (CRITICAL, HIGH, MEDIUM, LOW, NEGLIGIBLE, UNKNOWN)
_WHAT = "vulnerability scan"
# CVSS v3.1 section 5, "Qualitative Severity Rating Scale": the least score of each.
_SCORES = ((9.0, CRITICAL), (7.0, HIGH), (4.0, MEDIUM), (0.1, LOW), (0.0, NEGLIGIBLE))
_MOST_SCORE = 10.0


class Vulnerability(NamedTuple):
    """One finding; `severity` is one of SEVERITIES, UNKNOWN for whatever else a scanner writes."""

    id: str
    severity: str
    package: str = ""
    version: str = ""
    fixed_version: str = ""
    published_at: datetime | None = None
    known_exploited: bool = False
    aliases: tuple[str, ...] = ()


class Scan(NamedTuple):
    """A scan: when, by what, with which findings; without `form` the findings could not be read."""

    scanner_uri: str
    scanner_version: str
    database_version: str
    database_updated_at: datetime | None
    started_at: datetime | None
    finished_at: datetime
    form: str
    vulnerabilities: tuple[Vulnerability, ...]


def read_cosign(value: object) -> Scan:
    """Return cosign's `vuln`. Raises MalformedError, LimitExceededError."""
    scanner, metadata = _parts(value)
    form, findings = _report(scanner.get("result"))
    return _scan(scanner, metadata, form, findings)


def read_intoto(value: object) -> Scan:
    """Return in-toto's `vulns`. Raises MalformedError, LimitExceededError."""
    scanner, metadata = _parts(value)
    return _scan(scanner, metadata, PLAIN, each(scanner, "result", _WHAT, _plain))


def _parts(value: object) -> tuple[dict[str, object], dict[str, object]]:
    found = members(value, _WHAT)
    return inner(found, "scanner", _WHAT), inner(found, "metadata", _WHAT)


def _scan(
    scanner: dict[str, object], metadata: dict[str, object], form: str, findings: tuple[Vulnerability, ...]
) -> Scan:
    database = inner(scanner, "db", f"{_WHAT} scanner")
    finished = moment(metadata, "scanFinishedOn", _WHAT)
    if finished is None:
        raise MalformedError(f"{_WHAT} has no scanFinishedOn")
    return Scan(
        scanner_uri=required(scanner, "uri", f"{_WHAT} scanner"),
        scanner_version=text(scanner, "version", f"{_WHAT} scanner"),
        database_version=text(database, "version", f"{_WHAT} db"),
        database_updated_at=moment(database, "lastUpdate", f"{_WHAT} db"),
        started_at=moment(metadata, "scanStartedOn", _WHAT),
        finished_at=finished,
        form=form,
        vulnerabilities=findings,
    )


def _report(result: object) -> tuple[str, tuple[Vulnerability, ...]]:
    if isinstance(result, list):
        # some tools put in-toto's list under cosign's type; a list of anything else is not understood
        understood = bool(result) and all(isinstance(item, dict) and "id" in item for item in result)
        return (PLAIN, each({"result": result}, "result", _WHAT, _plain)) if understood else ("", ())
    if not isinstance(result, dict):
        return "", ()
    if "ArtifactName" in result and "SchemaVersion" in result:
        return TRIVY, _flat(each(result, "Results", _WHAT, _trivy_target))
    if "matches" in result:
        return GRYPE, each(result, "matches", _WHAT, _grype)
    return "", ()


def _flat(parts: tuple[tuple[Vulnerability, ...], ...]) -> tuple[Vulnerability, ...]:
    found = tuple(one for part in parts for one in part)
    if len(found) > ITEMS:
        raise LimitExceededError(f"{_WHAT} has {len(found)} findings; {ITEMS} are allowed")
    return found


def _trivy_target(value: object, what: str) -> tuple[Vulnerability, ...]:
    return each(members(value, what), "Vulnerabilities", what, _trivy)


def _trivy(value: object, what: str) -> Vulnerability:
    found = members(value, what)
    return Vulnerability(
        id=required(found, "VulnerabilityID", what),
        severity=_severity(text(found, "Severity", what)),
        package=text(found, "PkgName", what),
        version=text(found, "InstalledVersion", what),
        fixed_version=text(found, "FixedVersion", what),
        published_at=moment(found, "PublishedDate", what),
        aliases=each(found, "VendorIDs", what, one_text),
    )


def _grype(value: object, what: str) -> Vulnerability:
    match = members(value, what)
    found = inner(match, "vulnerability", what)
    package = inner(match, "artifact", what)
    fixed = each(inner(found, "fix", what), "versions", what, one_text)
    related = each(
        match, "relatedVulnerabilities", what, lambda item, where: required(members(item, where), "id", where)
    )
    return Vulnerability(
        id=required(found, "id", what),
        severity=_severity(text(found, "severity", what)),
        package=text(package, "name", what),
        version=text(package, "version", what),
        fixed_version=bounded(", ".join(fixed), what),
        known_exploited=bool(found.get("knownExploited")),
        aliases=tuple(name for name in related if name != found["id"]),
    )


def _plain(value: object, what: str) -> Vulnerability:
    found = members(value, what)
    told = found.get("severity")
    ratings = told if isinstance(told, list) else [] if told is None else [told]
    return Vulnerability(required(found, "id", what), _worst(_rating(one, what) for one in ratings))


def _rating(value: object, what: str) -> str:
    """Return the severity of `{method, score}`: a word, or a CVSS score."""
    score = members(value, what).get("score")
    if isinstance(score, str) and not score.replace(".", "", 1).isdecimal():
        return _severity(score)
    try:
        number = float(score) if isinstance(score, str | int | float) and not isinstance(score, bool) else -1.0
    except (ValueError, OverflowError):
        return UNKNOWN
    if not 0 <= number <= _MOST_SCORE:
        return UNKNOWN
    return next(name for least, name in _SCORES if number >= least)


def _worst(found: Iterable[str]) -> str:
    ratings = set(found)
    return next((name for name in SEVERITIES if name in ratings), UNKNOWN)


def _severity(written: str) -> str:
    word = written.upper()
    return word if word in SEVERITIES else UNKNOWN
