"""One scan: what was found is judged once an image, a few at a time, each on record and kept before the next."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial

from trustkit import limits
from trustkit.admission.gate import Gate
from trustkit.errors import AuditError, LimitExceededError, SourceError, TrustkitError
from trustkit.fips.hashing import sha256
from trustkit.hooks.scan.checkpoint import Checkpoint
from trustkit.hooks.scan.flips import Past, Records, cause_of, flip_events, last_verdict
from trustkit.hooks.scan.result import UNKNOWN, Result, Scanned
from trustkit.model.audit import AuditRecord
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import RequestFacts
from trustkit.model.found import Found
from trustkit.model.judgement import Judgement
from trustkit.model.values import NamedTuple
from trustkit.oci.ahead import begin

_AT_ONCE = 8
_REASON_CHARS = 1024


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
    records: Records
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
    wanted: dict[str, list[Found]] = {}
    for one in mine:
        wanted.setdefault(_asked(one), []).append(one)
    left = deque((asked, places) for asked, places in wanted.items() if asked not in scan.checkpoint.done)
    waiting: deque[tuple[str, Callable[[], Result]]] = deque()
    while left or waiting:
        while left and len(waiting) < _AT_ONCE:
            asked, places = left.popleft()
            waiting.append((asked, begin(_judged, scan, places)))
        asked, answer = waiting.popleft()
        scan.checkpoint.add(asked, answer())
        told(len(wanted) - len(left) - len(waiting), len(wanted))
    for one in mine:
        yield Scanned(one, scan.checkpoint.done[_asked(one)])


def _asked(found: Found) -> str:
    """Return what is judged: places that have the same image under the same name share one judgement."""
    return f"{found.engine} {found.ref if found.ref is not None else f'{found.place} {found.name} {found.problem}'}"


def _judged(scan: Scan, places: Sequence[Found]) -> Result:
    """Judge the image that these places have. Raises AuditError, StorageError: nothing can be recorded."""
    found = places[0]
    if found.ref is None:
        return Result(UNKNOWN if not found.running else DENY, reason=found.problem[:_REASON_CHARS], rule="scan/digest")
    kit, ref, before = scan.gate.kit, found.ref, None
    past = Past(scan.records, scan.checkpoint.started, scan.gate.trial)
    try:
        if ref.digest is None:
            ref = ref.with_digest(kit.open_source(ref).manifest(ref.at).descriptor.digest)
        before = last_verdict(past, ref)
        request = RequestFacts(actor=scan.actor, engine=found.engine)
        judged = scan.gate.decide(ref, request, beside=partial(flip_events, past, places, before))
    except TrustkitError as error:
        if error.exit_status == 4 or isinstance(error, AuditError):  # noqa: PLR2004  (nothing more can be recorded)
            raise
        verdict = DENY if error.exit_status == 1 and not isinstance(error, SourceError) else UNKNOWN
        result = Result(verdict, str(ref.digest or ""), error.code, error.message[:_REASON_CHARS])
        return _compared(result, before, None)
    return _compared(_result(*judged), before, judged[0])


def _result(judgement: Judgement, record: AuditRecord) -> Result:
    deciding = judgement.decision.deciding
    return Result(
        verdict=judgement.decision.verdict,
        digest=str(judgement.image.digest),
        rule=deciding.rule if deciding else "",
        reason=deciding.message[:_REASON_CHARS] if deciding else "",
        record=record.sequence,
    )


def _compared(result: Result, before: AuditRecord | None, judgement: Judgement | None) -> Result:
    """Return the result beside the last verdict on record."""
    if before is None:
        return result
    result = result._replace(before=before.event.outcome)
    return result._replace(cause=cause_of(judgement, before)) if result.flips else result


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
