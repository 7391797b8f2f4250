"""`require.provenance`: who built the image, at which SLSA level, from which source."""

import re
from datetime import timedelta

from trustkit.codec.predicates.provenance import Provenance
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import Facts
from trustkit.model.values import NamedTuple
from trustkit.policy.document import ATTESTATIONS, PREDICATES, Outcome
from trustkit.policy.regex import Regex
from trustkit.policy.statements import Source, age_problem, unread

# What these builders can reach at most, as they say of themselves; others need `{id, level}`.
_KNOWN = (
    (
        re.compile(
            r"https://github\.com/slsa-framework/slsa-github-generator/\.github/workflows/"
            r"[a-z0-9_-]+_slsa3\.yml@refs/tags/v[0-9]+\.[0-9]+\.[0-9]+\Z",
            re.ASCII,
        ),
        3,
    ),
    (re.compile(r"https://cloudbuild\.googleapis\.com/GoogleHostedWorker\Z"), 3),
    (re.compile(r"https://github\.com/actions/runner/github-hosted\Z"), 2),
    (re.compile(r"https://tekton\.dev/chains/v2\Z"), 2),
)


def known_level(builder: str) -> int:
    """Return the level a well-known builder reaches, 0 for others."""
    return next((level for pattern, level in _KNOWN if pattern.match(builder)), 0)


class Builder(NamedTuple):
    """A builder by its exact id or an expression over it, and the level it is taken for."""

    id: str
    regex: Regex | None
    level: int

    def fits(self, builder: str) -> bool:
        """Whether the provenance names this builder."""
        return self.regex.matches(builder) if self.regex is not None else builder == self.id


class SourceUri(NamedTuple):
    """Where the source must come from; exactly one is given."""

    uri: str = ""
    prefix: str = ""
    regex: Regex | None = None

    def fits(self, uri: str) -> bool:
        """Whether the provenance's source is the one meant."""
        if self.regex is not None:
            return self.regex.matches(uri)
        # `..` and an encoded slash would leave the prefix again
        within = bool(self.prefix) and uri.startswith(self.prefix) and ".." not in uri and "%" not in uri
        return within or (bool(self.uri) and uri == self.uri)

    def __str__(self) -> str:
        """Return it for a message."""
        return self.regex.text if self.regex is not None else self.uri or f"{self.prefix}..."


class BuiltFrom(NamedTuple):
    """One counted provenance that satisfies everything suffices."""

    source: Source
    builders: tuple[Builder, ...] = ()
    level: int = 0
    uri: SourceUri | None = None
    build_types: tuple[str, ...] = ()
    max_age: timedelta | None = None

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return "require.provenance"

    @property
    def demands_evidence(self) -> bool:
        """It denies when nothing was verified."""
        return True

    @property
    def reads(self) -> tuple[str, ...]:
        """What it looks at."""
        return (ATTESTATIONS, PREDICATES)

    def judge(self, facts: Facts) -> Outcome:
        """Look for one provenance without a problem."""
        counted = self.source.counted(facts)
        read = [one for one in counted if isinstance(one.said, Provenance)]
        if not counted:
            return Outcome(DENY, self.source.missing(facts), (), "have the builder attest its provenance")
        if not read:
            return Outcome(DENY, f"the provenance cannot be read: {unread(counted, Provenance)}", counted[0].evidence)
        problems = []
        for one in read:
            problem = self._problem(one.said, facts) if isinstance(one.said, Provenance) else ""
            if not problem:
                return Outcome(ALLOW, "the provenance is as required", one.evidence)
            problems.append(problem)
        step = "build the image with one of the builders the policy lists, from the source it names"
        return Outcome(DENY, f"refuses the provenance: {problems[0]}", read[0].evidence, step)

    def _problem(self, said: Provenance, facts: Facts) -> str:
        fitting = [one for one in self.builders if one.fits(said.builder_id)]
        if self.builders and not fitting:
            return f"its builder is {said.builder_id[:200]!r}"
        level = max((one.level for one in fitting), default=0) or known_level(said.builder_id)
        if level < self.level:
            return f"its builder {said.builder_id[:200]!r} is taken for SLSA level {level}, required is {self.level}"
        if self.build_types and said.build_type not in self.build_types:
            return f"its build type is {said.build_type[:200]!r}"
        if self.uri is not None and not self.uri.fits(said.source.uri):
            return f"its source is {said.source.uri[:200]!r}, required is {self.uri}"
        if self.max_age is None:
            return ""
        return age_problem(said.finished_at or said.started_at, self.max_age, facts.now, "the build")
