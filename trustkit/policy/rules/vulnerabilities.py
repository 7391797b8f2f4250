"""`require.vulnerabilities`: a fresh scan without what the policy denies, unless VEX excuses it.

`deny` is a list of denials: every counted, fresh and readable scan must be free of them, or the newest alone
with `newest: true` at the attestation.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from trustkit import limits
from trustkit.codec.predicates.scan import GRYPE, SEVERITIES, UNKNOWN, Scan, Vulnerability
from trustkit.codec.predicates.vex import AFFECTED, FIXED, INVESTIGATING, NOT_AFFECTED, Vex, VexStatement
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.digest import Digest
from trustkit.model.facts import Facts
from trustkit.model.values import NamedTuple
from trustkit.policy.document import ATTESTATIONS, PREDICATES, Outcome
from trustkit.policy.quantities import plain
from trustkit.policy.statements import Said, Source, age_problem, unread

_LISTED = 5
# Of two statements made at one moment the worse one counts.
_WORSE = {AFFECTED: 3, INVESTIGATING: 2, NOT_AFFECTED: 1, FIXED: 0}
# The forms that say which vulnerabilities are known to be exploited.
_KEV_FORMS = (GRYPE,)
_SKEW = timedelta(seconds=limits.CLOCK_SKEW_SECONDS)


class Denied(NamedTuple):
    """What a vulnerability must have, all of it, to be denied; `severity` means this one or worse."""

    severity: str = ""
    older_than: timedelta | None = None
    kev: bool = False
    fixable: bool = False
    ids: tuple[str, ...] = ()

    def hits(self, one: Vulnerability, scan: Scan, now: datetime) -> bool:
        """Whether the vulnerability is denied; what the scan does not say counts against it."""
        if self.ids and not {one.id, *one.aliases} & set(self.ids):
            return False
        if self.severity and not self._severe(one.severity):
            return False
        if self.fixable and not one.fixed_version:
            return False
        if self.kev and not one.known_exploited and scan.form in _KEV_FORMS:
            return False
        return self.older_than is None or one.published_at is None or now - one.published_at > self.older_than

    def _severe(self, severity: str) -> bool:
        if UNKNOWN in (self.severity, severity):
            return self.severity == severity
        return SEVERITIES.index(severity) <= SEVERITIES.index(self.severity)


class Unless(NamedTuple):
    """Which VEX statements excuse: by whom, with which status, with a justification or not."""

    source: Source
    statuses: tuple[str, ...]
    justified: bool = False


class Excuses:
    """What VEX says in the end of each vulnerability: the latest statement about this image counts."""

    def __init__(self, unless: Unless | None, facts: Facts) -> None:
        """Gather the statements of every counted document."""
        self._unless = unless
        self._latest: dict[str, tuple[datetime, int, VexStatement]] = {}
        for one in unless.source.counted(facts) if unless is not None else ():
            if isinstance(one.said, Vex):
                self._add(one.said, facts)

    def __contains__(self, one: Vulnerability) -> bool:
        """Whether the vulnerability is excused."""
        known = [self._latest[name] for name in (one.id, *one.aliases) if name in self._latest]
        if self._unless is None or not known:
            return False
        _, _, statement = max(known, key=lambda entry: entry[:2])
        if statement.status not in self._unless.statuses:
            return False
        return statement.status != NOT_AFFECTED or bool(statement.justification) or not self._unless.justified

    def _add(self, document: Vex, facts: Facts) -> None:
        for statement in document.statements:
            at = statement.at or document.at
            if statement.products and not any(facts.image.digest.hex in product for product in statement.products):
                continue
            # an excuse from the future would outlive every answer to it
            if at > facts.now + _SKEW and statement.status in (NOT_AFFECTED, FIXED):
                continue
            entry = (at, _WORSE[statement.status], statement)
            for name in (statement.vulnerability, *statement.aliases):
                if name not in self._latest or self._latest[name][:2] < entry[:2]:
                    self._latest[name] = entry


class Vulnerabilities(NamedTuple):
    """At least one scan must be fresh and readable; those that are must be free of what is denied."""

    source: Source
    deny: tuple[Denied, ...] = ()
    max_age: timedelta | None = None
    unless: Unless | None = None

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return "require.vulnerabilities"

    @property
    def demands_evidence(self) -> bool:
        """It denies when nothing was verified."""
        return True

    @property
    def reads(self) -> tuple[str, ...]:
        """What it looks at."""
        return (ATTESTATIONS, PREDICATES)

    def judge(self, facts: Facts) -> Outcome:
        """Look at every scan that counts."""
        counted = self.source.counted(facts)
        if not counted:
            return Outcome(DENY, self.source.missing(facts), (), "scan the image and attest the result")
        evidence = _evidence(counted)
        scans = [one.said for one in counted if isinstance(one.said, Scan)]
        readable = [scan for scan in scans if scan.form]
        if not readable:
            reason = "the scanner's report is in a form that is not known" if scans else unread(counted, Scan)
            return Outcome(DENY, f"the scan cannot be read: {reason}", evidence, "attest a report of trivy or grype")
        problems = [age_problem(scan.finished_at, self.max_age, facts.now, "the scan") for scan in readable]
        fresh = [scan for scan, problem in zip(readable, problems, strict=True) if not problem]
        if not fresh:
            wanted = f"requires a scan of the last {plain(self.max_age)}" if self.max_age else "requires a scan"
            return Outcome(DENY, f"{wanted}; {problems[0]}", evidence, "scan the image again and attest the result")
        return self._clean(fresh, evidence, facts)

    def _clean(self, scans: list[Scan], evidence: tuple[Digest, ...], facts: Facts) -> Outcome:
        excuses = Excuses(self.unless, facts)
        found: dict[str, str] = {}
        for scan in scans:
            for one in scan.vulnerabilities:
                if any(denied.hits(one, scan, facts.now) for denied in self.deny) and one not in excuses:
                    found.setdefault(one.id, f"{one.id} ({one.severity}, {one.package or 'package unknown'})")
        if not found:
            return Outcome(ALLOW, "a fresh scan finds nothing that is denied", evidence)
        listed = ", ".join(list(found.values())[:_LISTED])
        more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
        step = "update the packages and build again, or have a VEX statement say why they do not matter"
        return Outcome(DENY, f"the scan finds what is denied: {listed}{more}", evidence, step)


def _evidence(counted: Iterable[Said]) -> tuple[Digest, ...]:
    return tuple(dict.fromkeys(digest for one in counted for digest in one.evidence))
