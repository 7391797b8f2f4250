"""The gate: judge, record, admit. Shared by the command line and the daemon."""

from collections.abc import Callable, Iterable
from typing import Protocol, Self

from trustkit.admission.admit import admit
from trustkit.admission.event import Context, decision_event, inconclusive_event
from trustkit.admission.judge import Kit, judge
from trustkit.errors import TrustkitError
from trustkit.model.admission import Admission
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.facts import RequestFacts
from trustkit.model.image import Platform
from trustkit.model.judgement import Judgement
from trustkit.model.reference import ImageRef
from trustkit.oci.source import ImageSource


class AuditLog(Protocol):
    """Where events become records; returns only after they are durable."""

    def append(self, event: AuditEvent) -> AuditRecord:
        """Record the event. Raises AuditError, StorageError: nothing may go on."""

    def append_many(self, events: Iterable[AuditEvent]) -> tuple[AuditRecord, ...]:
        """Record all or none. Raises as `append`."""


# What goes on record behind a decision, with it; the judgement is None where an error ended it.
Beside = Callable[[AuditEvent, Judgement | None], Iterable[AuditEvent]]


def _nothing(_event: AuditEvent, _judgement: Judgement | None) -> Iterable[AuditEvent]:
    return ()


class Gate:
    """The one way to an Admission. Keeps no state, so threads may share it if they may share the log."""

    def __init__(self, kit: Kit, log: AuditLog, note: Callable[[], str] = str, trial: str = "") -> None:
        """Take the parts of the path, and the log every decision goes to; `note` is said in each record.

        `trial` is said in each record if nobody is admitted or refused by it: the file of a policy that is only tried,
        or the command that only looks.
        """
        self.kit = kit
        self.log = log
        self.note = note
        self.trial = trial

    def tried(self, trial: str) -> Self:
        """Return the same gate with another `trial`."""
        return type(self)(self.kit, self.log, self.note, trial)

    def source(self, ref: ImageRef) -> ImageSource:
        """Return the place the reference's bytes come from. Raises SourceError."""
        return self.kit.open_source(ref)

    def judge(self, ref: ImageRef, request: RequestFacts, platform: Platform | None = None) -> Judgement:
        """Return the judgement without recording it. Raises as `judge.judge`."""
        return judge(ref, request, self.kit, platform)

    def decide(
        self, ref: ImageRef, request: RequestFacts, platform: Platform | None = None, *, beside: Beside = _nothing
    ) -> tuple[Judgement, AuditRecord]:
        """Return the judgement once it is on record, whatever the verdict, with what `beside` makes of it.

        An error that ends the judgement is recorded and raised again. Raises as `judge.judge`, AuditError,
        StorageError.
        """
        try:
            judgement = judge(ref, request, self.kit, platform)
        except TrustkitError as error:
            event = inconclusive_event(ref, request, error, self.context(), self.kit.now())
            self._record(event, *beside(event, None))
            raise
        event = decision_event(judgement, self.context())
        more = tuple(beside(event, judgement))
        if judgement.decision.grants:
            from trustkit.admission.grants import alerts

            more += tuple(alerts(judgement))
        return judgement, self._record(event, *more)

    def _record(self, event: AuditEvent, *more: AuditEvent) -> AuditRecord:
        return self.log.append_many((event, *more))[0] if more else self.log.append(event)

    def admit(self, ref: ImageRef, request: RequestFacts, platform: Platform | None = None) -> Admission:
        """Return the permit to act on the image, after the decision is on record.

        Raises AdmissionDenied with the deciding rule's reason and next step, and as `decide`.
        """
        judgement, record = self.decide(ref, request, platform)
        return admit(judgement, record, self.kit.now())

    def context(self) -> Context:
        """Return what records say beside the judgement."""
        kit = self.kit
        return Context(kit.crypto.status(), kit.trust, kit.policy.digest, kit.policy.name, self.note(), self.trial)
