"""The auditor's report as values: what ran, who signed it, what was refused and why.

It states what the evidence supports. It never says that anything complies with anything.
"""

from datetime import datetime

from trustkit.audit.break_glass import GrantReview
from trustkit.audit.verify import LogReport
from trustkit.model.values import NamedTuple

SCHEMA = "trustkit.audit.report/v1"


class Signer(NamedTuple):
    """Who vouched for images in the period."""

    trust_root: str
    fingerprint: str
    algorithm: str
    formats: tuple[str, ...]
    images: int
    decisions: int


class Run(NamedTuple):
    """A container that was started. `signers` are those the admitting decision accepted."""

    started_at: datetime
    record: int
    container: str
    name: str
    reference: str
    digest: str
    actor: str
    decision: int | None
    signers: tuple[str, ...]
    ended_at: datetime | None = None
    exit_code: str = ""


class Refusal(NamedTuple):
    """Something that was not let through, or could not be judged: which rule, in which words."""

    at: datetime
    record: int
    reference: str
    digest: str
    actor: str
    purpose: str
    rule: str
    message: str
    next_step: str
    policy: str


class PolicyUse(NamedTuple):
    """A policy that decided."""

    name: str
    digest: str
    mode: str
    allowed: int
    refused: int
    first_at: datetime
    last_at: datetime


class ModuleUse(NamedTuple):
    """A cryptographic module that did the maths of decisions: its own name and its file's SHA-256, if it says them."""

    provider: str
    version: str
    library: str
    mode: str
    validated: bool
    certificate: str
    module: str
    sha256: str
    decisions: int


class Change(NamedTuple):
    """An event after which others may sign, other rules hold, or an image is no longer admitted."""

    at: datetime
    record: int
    kind: str
    words: str
    actor: str


class Interval(NamedTuple):
    """Decisions within one day or one hour."""

    start: datetime
    allowed: int
    refused: int
    unknown: int


class Totals(NamedTuple):
    """The counts at the top."""

    records: int
    allowed: int
    refused: int
    unknown: int
    started: int
    images: int
    warned: int


class Report(NamedTuple):
    """Everything the report says; writers only choose how it looks."""

    made_at: datetime
    made_by: str
    since: datetime | None
    until: datetime | None
    log: LogReport
    checkpoint: str
    totals: Totals
    intervals: tuple[Interval, ...]
    by_hour: bool
    runs: tuple[Run, ...]
    unsigned_runs: int
    signers: tuple[Signer, ...]
    refusals: tuple[Refusal, ...]
    unknown: tuple[Refusal, ...]
    warnings: tuple[Refusal, ...]
    rules: tuple[tuple[str, int], ...]
    policies: tuple[PolicyUse, ...]
    modules: tuple[ModuleUse, ...]
    changes: tuple[Change, ...]
    break_glass: tuple[GrantReview, ...] = ()
