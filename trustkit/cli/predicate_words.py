"""What a verified predicate says, in a few lines for people; types that are not known are named only."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime

from trustkit.codec.predicates.custom import Custom
from trustkit.codec.predicates.migration import Migration
from trustkit.codec.predicates.provenance import Provenance
from trustkit.codec.predicates.read import read
from trustkit.codec.predicates.results import TestResult
from trustkit.codec.predicates.sbom import Sbom
from trustkit.codec.predicates.scai import AttributeReport
from trustkit.codec.predicates.scan import Scan
from trustkit.codec.predicates.summary import VerificationSummary
from trustkit.codec.predicates.vex import Vex
from trustkit.errors import TrustkitError
from trustkit.model.signature import Statement

_SHOWN = 5
_CHARS = 160


def words_of(statement: Statement) -> list[str]:
    """Return what the statement says, or why it cannot be said."""
    try:
        said = read(statement.predicate_type, statement.predicate)
    except TrustkitError as error:
        return [f"says nothing that its type allows: {error.message[:_CHARS]}"]
    if said is None:
        return []
    return [line[:_CHARS] for line in _WORDS[type(said)](said)]


def _provenance(said: Provenance) -> list[str]:
    lines = [f"built by   {said.builder_id}", f"build type {said.build_type}"]
    if said.source.uri:
        digests = ", ".join(f"{name}:{value}" for name, value in said.source.digests)
        lines.append(f"from       {said.source.uri}{f' ({digests})' if digests else ''}")
    lines.append(f"materials  {len(said.materials)}, finished {_when(said.finished_at or said.started_at)}")
    return lines


def _scan(said: Scan) -> list[str]:
    found = Counter(one.severity.lower() for one in said.vulnerabilities)
    severities = ", ".join(f"{count} {name}" for name, count in found.most_common()) or "nothing found"
    exploited = sum(one.known_exploited for one in said.vulnerabilities)
    more = f", {exploited} known to be exploited" if exploited else ""
    lines = [f"scanned by {said.scanner_uri} at {_when(said.finished_at)}", f"found      {severities}{more}"]
    worst = [one.id for one in said.vulnerabilities if one.severity.lower() == "critical"]
    return [*lines, *([f"critical   {_some(worst)}"] if worst else [])]


def _sbom(said: Sbom) -> list[str]:
    licences = {licence for package in said.packages for licence in package.licences}
    form = f"{said.form} {said.version}".strip()
    lines = [
        f"lists      {len(said.packages)} packages of {said.name or 'the image'} ({form}, {_when(said.created_at)})"
    ]
    return [*lines, *([f"licences   {_some(sorted(licences))}"] if licences else [])]


def _vex(said: Vex) -> list[str]:
    lines = [f"by         {said.author} at {_when(said.at)}"]
    lines += [
        f"{one.status:<10} {one.vulnerability}{f' ({one.justification})' if one.justification else ''}"
        for one in said.statements[:_SHOWN]
    ]
    rest = len(said.statements) - _SHOWN
    return [*lines, *([f"and        {rest} more"] if rest > 0 else [])]


def _summary(said: VerificationSummary) -> list[str]:
    return [
        f"result     {said.result}: {', '.join(said.levels) or 'no level'}",
        f"verified   by {said.verifier_id} at {_when(said.verified_at)} for {said.resource_uri}",
        f"policy     {said.policy.uri or said.policy.name}",
    ]


def _results(said: TestResult) -> list[str]:
    lines = [
        f"result     {said.result}: {len(said.passed)} passed, {len(said.warned)} warned, {len(said.failed)} failed"
    ]
    return [*lines, *([f"failed     {_some(list(said.failed))}"] if said.failed else [])]


def _attributes(said: AttributeReport) -> list[str]:
    producer = f" by {said.producer.uri or said.producer.name}" if said.producer else ""
    return [f"claims     {_some([one.name for one in said.attributes])}{producer}"]


def _custom(said: Custom) -> list[str]:
    return [f"says       {said.data}", f"at         {_when(said.at)}"]


def _migration(said: Migration) -> list[str]:
    return [
        f"before     tag {said.tag} of {said.repository} in Docker Content Trust, by {said.role} {said.role_version}",
        f"now        signed as {said.signed_as} with key {said.key[:16]} at {_when(said.verified_at)}",
    ]


_WORDS: Mapping[type, Callable[..., list[str]]] = {
    Provenance: _provenance,
    Scan: _scan,
    Sbom: _sbom,
    Vex: _vex,
    VerificationSummary: _summary,
    TestResult: _results,
    AttributeReport: _attributes,
    Custom: _custom,
    Migration: _migration,
}


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def _when(moment: datetime | None) -> str:
    return moment.isoformat() if moment else "no time"
