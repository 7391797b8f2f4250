"""One scan: what was found is judged once an image, a few at a time, each on record and kept before the next."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from trustkit import limits
from trustkit.admission.gate import Gate
from trustkit.audit.query import Query
from trustkit.errors import KeyRevokedError, LimitExceededError, SourceError, TrustkitError
from trustkit.fips.hashing import sha256
from trustkit.hooks.scan.checkpoint import Checkpoint
from trustkit.hooks.scan.result import EVIDENCE, EXPIRY, POLICY, REVOCATION, UNKNOWN, Result, Scanned
from trustkit.model.audit import AuditRecord
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import RequestFacts
from trustkit.model.found import Found
from trustkit.model.judgement import Judgement
from trustkit.model.reference import ImageRef
from trustkit.model.values import NamedTuple
from trustkit.oci.ahead import begin
from trustkit.policy.evaluate import REVOKED

_AT_ONCE = 8
# Records read at once on the way back to an image's last verdict; others may be about it under another name.
_PAGE = 32
_REASON_CHARS = 1024
_REVOKED_CODES = (KeyRevokedError.code, "verification.certificate_revoked")
_ENDED_CODES = ("verification.key_expired", "verification.expired", "verification.trust_expired")


class Shard(NamedTuple):
    """Part `number` (from 0) `of` so many: every image belongs to exactly one."""

    number: int = 0
    of: int = 1

    def has(self, asked: str) -> bool:
        """Whether an image belongs to this part."""
        return int.from_bytes(sha256(asked.encode())[:8]) % self.of == self.number


class Scan(NamedTuple):
    """What a scan is done with: the gate, earlier records, who asks, and where results are kept."""

    gate: Gate
    records: Callable[[Query], list[AuditRecord]]
    actor: str
    checkpoint: Checkpoint
    shard: Shard = Shard()


def scanned(scan: Scan, found: Iterable[Found], told: Callable[[int, int], None]) -> Iterator[Scanned]:
    """Yield every image of the shard with its result; `told` hears how many of how many are done.

    An image that cannot be judged is UNKNOWN. Raises AuditError, StorageError, LimitExceededError: nothing more is.
    """
    mine = [one for one in found if scan.shard.has(_asked(one))]
    if len(mine) > limits.SCANNED:
        raise LimitExceededError(
            f"{len(mine)} images are more than the {limits.SCANNED} of one scan", next_step="divide it with --shard"
        )
    wanted = {_asked(one): one for one in mine}
    left = deque((asked, one) for asked, one in wanted.items() if asked not in scan.checkpoint.done)
    waiting: deque[tuple[str, Callable[[], Result]]] = deque()
    while left or waiting:
        while left and len(waiting) < _AT_ONCE:
            asked, one = left.popleft()
            waiting.append((asked, begin(_judged, scan, one)))
        asked, answer = waiting.popleft()
        scan.checkpoint.add(asked, answer())
        told(len(wanted) - len(left) - len(waiting), len(wanted))
    for one in mine:
        yield Scanned(one, scan.checkpoint.done[_asked(one)])


def _asked(found: Found) -> str:
    """Return what is judged: places that have the same image under the same name share one judgement."""
    return f"{found.engine} {found.ref if found.ref is not None else f'{found.place} {found.name} {found.problem}'}"


def _judged(scan: Scan, found: Found) -> Result:
    if found.ref is None:
        return Result(UNKNOWN if not found.running else DENY, reason=found.problem[:_REASON_CHARS], rule="scan/digest")
    kit, ref = scan.gate.kit, found.ref
    try:
        if ref.digest is None:
            ref = ref.with_digest(kit.open_source(ref).manifest(ref.at).descriptor.digest)
        before = _before(scan, ref)
        request = RequestFacts(actor=scan.actor, engine=found.engine)
        judgement, record = scan.gate.decide(ref, request)
    except TrustkitError as error:
        if error.exit_status == 4:  # noqa: PLR2004  (ours or the machine's: nothing more can be recorded)
            raise
        verdict = DENY if error.exit_status == 1 and not isinstance(error, SourceError) else UNKNOWN
        return Result(verdict, str(ref.digest or ""), error.code, error.message[:_REASON_CHARS])
    deciding = judgement.decision.deciding
    result = Result(
        verdict=judgement.decision.verdict,
        digest=str(judgement.image.digest),
        rule=deciding.rule if deciding else "",
        reason=deciding.message[:_REASON_CHARS] if deciding else "",
        before=before.event.outcome if before else "",
        record=record.sequence,
    )
    return result._replace(cause=_cause(judgement, before)) if result.flips else result


def _before(scan: Scan, ref: ImageRef) -> AuditRecord | None:
    """Return the last verdict on the image under its name, from before this scan."""
    allowed = _last(scan, ref, ALLOW, 0)
    return _last(scan, ref, DENY, allowed.sequence + 1 if allowed else 0) or allowed


def _last(scan: Scan, ref: ImageRef, outcome: str, first: int) -> AuditRecord | None:
    """Return the newest decision of one outcome from `first` on: those without a verdict can hide nothing."""
    until, last = scan.checkpoint.started, None
    wanted = Query(first=first, kind="decision", outcome=outcome, subject=ref.digest, until=until)
    while True:
        page = scan.records(wanted._replace(last=last, newest=True, limit=_PAGE))
        for record in page:
            name = str(record.event.body.get("name", "")).partition("@")[0]
            if name == ref.name or name.startswith(f"{ref.name}:"):
                return record
        if len(page) < _PAGE:
            return None
        last = page[-1].sequence - 1


def _cause(judgement: Judgement, before: AuditRecord | None) -> str:
    """Return why an image that was admitted is refused now: the most definite reason there is."""
    deciding = judgement.decision.deciding
    codes = {one.code for one in judgement.facts.report.rejected}
    if (deciding and deciding.rule == REVOKED) or codes & set(_REVOKED_CODES):
        return REVOCATION
    policy = before.event.body.get("policy") if before else None
    if isinstance(policy, dict) and policy.get("digest") != str(judgement.decision.policy):
        return POLICY
    if codes & set(_ENDED_CODES) or _names_an_end(judgement):
        return EXPIRY
    return EVIDENCE


def _names_an_end(judgement: Judgement) -> bool:
    return any("expired" in one.message or "not valid at" in one.message for one in judgement.facts.report.rejected)


def summary(results: Iterable[Scanned], now: datetime, started: datetime) -> dict[str, object]:
    """Return what a scan found, in numbers."""
    listed = list(results)
    verdicts = [one.result.verdict for one in listed]
    return {
        "images": len(listed),
        "admitted": verdicts.count(ALLOW),
        "denied": verdicts.count(DENY),
        "unknown": verdicts.count(UNKNOWN),
        "flips": sum(one.result.flips for one in listed),
        "running_denied": sum(one.found.running and one.result.verdict == DENY for one in listed),
        "seconds": int((now - started).total_seconds()),
    }
