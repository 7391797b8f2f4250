"""The gate for many requests: what was proven about an image is fetched once and kept; every request is decided on.

One of these belongs to one gate, so to one policy and one set of trust roots; its keys name both all the same, and
always a digest, never a tag. What is kept ends when a key's time does, and soon where nothing was proven.
"""

import asyncio
import logging
from collections.abc import Hashable
from datetime import datetime, timedelta
from functools import partial
from traceback import clear_frames
from typing import Any

from trustkit import limits
from trustkit.admission.batched_log import BatchedLog
from trustkit.admission.cache import Cache
from trustkit.admission.event import decision_event, inconclusive_event, trust_digest
from trustkit.admission.fail_open import answering
from trustkit.admission.gate import Gate
from trustkit.admission.judge import Established, Kit, PullCredentials, conclude, establish
from trustkit.admission.shared_evidence import SharedEvidence, establish_shared
from trustkit.admission.single_flight import SingleFlight
from trustkit.errors import ConfigError, TrustkitError
from trustkit.model.decision import DENY, Decision
from trustkit.model.digest import Digest
from trustkit.model.facts import RequestFacts
from trustkit.model.judgement import Judgement
from trustkit.model.reference import ImageRef
from trustkit.model.values import NamedTuple
from trustkit.policy.scope import needs_namespace_labels

_LOG = logging.getLogger(__name__)
_ENTRY_BYTES = 4096
_PREDICATE_COPIES = 4


class Ruling(NamedTuple):
    """Whether a request is allowed, why, what was not enforced, and the record that says so in full.

    `until` is how long the same request need not be decided on again; None: it has to be, each time. `revocations` is
    the number of the list it was decided by.
    """

    allowed: bool
    digest: Digest | None
    message: str
    next_step: str
    warnings: tuple[str, ...]
    record: int
    until: datetime | None = None
    revocations: int = 0


NOBODYS = PullCredentials()


class Failed(NamedTuple):
    """Why nothing was established: an error as `TrustkitError.again` makes it, never the one that was raised."""

    error: TrustkitError


Fetched = Established | Failed


class _Decided(NamedTuple):
    decision: Decision
    ruling: Ruling
    at: datetime


class CachedGate:
    """A gate with a memory, for one event loop."""

    def __init__(
        self,
        gate: Gate,
        flights: SingleFlight[Fetched],
        log: BatchedLog,
        shared: SharedEvidence | None = None,
    ) -> None:
        """Decide as `gate` does, and put records in `log`; `shared` is what other nodes fetched."""
        self.gate, kept = gate, gate.kit.means.kept
        self._kit = gate.kit._replace(at_once=False, every_platform=True)
        self._flights, self._log = flights, log
        # GPG signatures lie outside of the repository, and only the registry's source knows where
        self._shared = None if gate.kit.trust.openpgp else shared
        self.needs_namespace_labels = bool(needs_namespace_labels(gate.kit.policy))
        self._scope = (gate.kit.policy.digest, trust_digest(gate.kit.trust))
        self._images: Cache[Fetched] = Cache(kept.entries, limits.CACHED_IMAGE_BYTES)
        self._decisions: Cache[_Decided] = Cache(limits.CACHED_DECISIONS)
        self._kits: Cache[Kit] = Cache(limits.CACHED_CREDENTIALS)
        self._answers: Cache[object] = Cache(limits.QUESTIONS)

    async def rule(self, ref: ImageRef, request: RequestFacts, pull: PullCredentials = NOBODYS) -> Ruling:
        """Return the ruling on a request; it is on record. An image about which nothing can be found out is denied.

        What was found out with the credentials of one request is never told to another that has not the same.

        Raises AuditError, StorageError: there is no record, so nothing may go on.
        """
        kit = self._kit
        try:
            found = await self.established(ref, pull)
            now = kit.now()
            revoked = await self._revocations(now)
            key = (*self._scope, pull.name, revoked, ref, found.image.digest, request)
            before = self._decisions.get(key, now)
            if before and before.at <= now < _until(before):
                return before.ruling
            judgement = conclude(found._replace(image=found.image._replace(ref=ref)), request, kit, now)
        except TrustkitError as error:
            return await self._silent(ref, request, error)
        if before and before.decision == judgement.decision:
            ruling = before.ruling
        else:
            record = await self._log.append(decision_event(judgement, self.gate.context()))
            await self._alert(judgement)
            ruling = _ruling(judgement.decision, found.image.digest, record.sequence)
            if judgement.decision.grants:
                # every use of break-glass is a record of its own
                return ruling
        life = (now, now + timedelta(seconds=limits.CACHED_SECONDS))
        decided = _Decided(judgement.decision, ruling, now)
        ruling = ruling._replace(until=min(_until(decided), self._until(found)), revocations=revoked)
        self._decisions.put(key, decided._replace(ruling=ruling), life)
        return ruling

    def remembered(self, question: Hashable) -> Any:
        """Return what `remember` was given for a question, while each of its rulings holds; None otherwise."""
        now, known = self._kit.now(), self._kit.revocations
        if known is None:
            return self._answers.get((question, 0), now)
        fresh = known.fresh(now)
        return None if fresh is None else self._answers.get((question, fresh.number), now)

    def remember(self, question: Hashable, answer: object, rulings: tuple[Ruling, ...]) -> None:
        """Keep the answer to a question, which rests on these rulings, until the first of them ends."""
        now, known = self._kit.now(), self._kit.revocations
        ends = [ruling.until for ruling in rulings]
        until = min((end for end in ends if end is not None), default=None)
        if until is None or None in ends or (known is not None and not known.is_fresh(now)):
            return
        number = 0 if known is None else known.current(now).number
        # a list that came since may name what was allowed
        if all(ruling.revocations == number for ruling in rulings):
            self._answers.put((question, number), answer, (now, until))

    async def unknown(self, ref: ImageRef, request: RequestFacts, error: TrustkitError) -> Ruling:
        """Return the denial of a request about which nothing could be found out, on record. Raises as `rule`."""
        event = inconclusive_event(ref, request, error, self.gate.context(), self._kit.now())
        record = await self._log.append(event)
        return Ruling(False, ref.digest, error.message, error.next_step, (), record.sequence)

    async def _silent(self, ref: ImageRef, request: RequestFacts, error: TrustkitError) -> Ruling:
        """Return the ruling when nobody answered: a denial, unless the policy names who answers for it instead."""
        now = self._kit.now()
        named = await asyncio.to_thread(answering, ref, request, error, self._kit, now)
        if not named:
            return await self.unknown(ref, request, error)
        event = inconclusive_event(ref, request, error, self.gate.context(), now)
        record = await self._log.append(event._replace(body={**event.body, "fail_open": named}))
        warning = f"let through unseen, {named} answers for it (onError): {error.message}"
        _LOG.warning("%s: %s", ref, warning)
        return Ruling(True, ref.digest, "", "", (warning,), record.sequence)

    async def _alert(self, judgement: Judgement) -> None:
        if judgement.decision.grants:
            from trustkit.admission.grants import alerts

            for event in alerts(judgement):
                await self._log.append(event)

    async def _revocations(self, now: datetime) -> int:
        """Return the number of the list of revocations in force. Raises RevocationsUnreadError, StorageError."""
        known = self._kit.revocations
        if known is None:
            return 0
        if known.is_fresh(now):
            return known.current(now).number
        return (await asyncio.to_thread(known.current, now)).number

    async def established(self, ref: ImageRef, pull: PullCredentials = NOBODYS) -> Established:
        """Return what is known of the image, fetched once however many ask. Raises as `judge.judge`."""
        if ref.digest is not None:
            kept = self._images.get(self._known_as(ref, ref.digest, pull), self._kit.now())
            if kept is not None:
                return _established(kept)
        return _established(await self._flights.run(self._known_as(ref, ref.at, pull), partial(self._fetch, ref, pull)))

    def _known_as(self, ref: ImageRef, at: Digest | str, pull: PullCredentials) -> Hashable:
        """Return what is equal for references about which the same is known: trust servers sign tags."""
        tag = ref.tag if self._kit.ask_repository is not None else ""
        return (*self._scope, pull.name, ref.name, tag, at)

    def _fetch(self, ref: ImageRef, pull: PullCredentials) -> Fetched:
        """Fetch and verify, in a thread; the outcome is kept under the digest that was verified."""
        try:
            found = self._establish(ref, pull)
        except TrustkitError as error:
            failed = _failed(error)
            if ref.digest is not None:
                now = self._kit.now()
                seconds = min(limits.CACHED_FAILURE_SECONDS, self._kit.means.kept.negative_seconds)
                life = (now, now + timedelta(seconds=seconds))
                self._images.put(self._known_as(ref, ref.digest, pull), failed, life, _ENTRY_BYTES)
            return failed
        image = found.image
        slim = found._replace(image=image._replace(root_bytes=b"", manifest_bytes=b""))
        predicates = sum(len(one.statement.predicate) for one in found.report.accepted if one.statement)
        size = _ENTRY_BYTES + len(image.config_bytes) + _PREDICATE_COPIES * predicates
        self._images.put(self._known_as(ref, image.digest, pull), slim, (found.at, self._until(found)), size)
        return slim

    def _establish(self, ref: ImageRef, pull: PullCredentials) -> Established:
        if pull.texts:
            return establish(ref, self._kit_with(pull))
        if self._shared is None or ref.digest is None:
            return establish(ref, self._kit)
        scope = tuple(str(digest) for digest in self._scope)
        return establish_shared(ref, self._kit, self._shared, scope, self._until)

    def _kit_with(self, pull: PullCredentials) -> Kit:
        """Return what asks with somebody's credentials, whose connections are kept a while. Raises ConfigError."""
        kit, now = self._kit, self._kit.now()
        kept = self._kits.get(pull.name, now)
        if kept is not None:
            return kept
        if kit.open_with is None:
            raise ConfigError("credentials of requests cannot be used here")
        found = kit._replace(open_source=kit.open_with(pull.texts))
        self._kits.put(pull.name, found, (now, now + timedelta(seconds=limits.CACHED_EXPIRING_SECONDS)))
        return found

    def _until(self, found: Established) -> datetime:
        """Return the first moment at which something verified may no longer hold."""
        accepted, kept = found.report.accepted, self._kit.means.kept
        seconds = kept.positive_seconds
        # certificates, OpenPGP keys and content trust end on days that only verification knows
        if any(":" in one.signer.trust_root for one in accepted):
            seconds = min(seconds, limits.CACHED_EXPIRING_SECONDS)
        if not accepted or not found.report.complete:
            seconds = kept.negative_seconds
        moments = [found.at + timedelta(seconds=seconds), *(one.expires_at for one in accepted)]
        for key in self._kit.trust.keys:
            moments += [key.not_before, key.not_after, key.revoked.at if key.revoked else None]
        return min(moment for moment in moments if moment is not None and moment >= found.at)


def _failed(error: TrustkitError) -> Failed:
    """Return what is kept of an error, and let go of all that it passed through.

    Where a frame of its traceback names it, all of them would live until the garbage collector looks for such rings.
    """
    passed: BaseException | None = error
    while passed is not None:
        clear_frames(passed.__traceback__)
        passed = passed.__cause__ or passed.__context__
    return Failed(error.again())


def _established(found: Fetched) -> Established:
    """Return it. Raises the error that there was, anew for everybody who asks."""
    if isinstance(found, Failed):
        raise found.error.again()
    return found


def _until(decided: _Decided) -> datetime:
    """Return until when a decision is not made anew: a moment, and never beyond what it rests on."""
    soon = decided.at + timedelta(seconds=limits.CACHED_DECISION_SECONDS)
    ends = decided.decision.until
    return soon if ends is None else min(soon, ends)


def _ruling(decision: Decision, digest: Digest, record: int) -> Ruling:
    deciding = decision.deciding
    rule = deciding.rule if deciding else decision.policy_name
    message = f"{deciding.message if deciding else 'the policy does not allow it'} (rule {rule})"
    unenforced = (one for one in decision.findings if not one.enforced and one.verdict == DENY)
    warnings = tuple(f"{one.rule}: {one.message}" for one in unenforced)
    step = deciding.next_step if deciding else ""
    return Ruling(decision.allowed, digest, message, step, warnings, record)
