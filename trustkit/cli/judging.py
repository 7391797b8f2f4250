"""Images to recorded judgements on the screen: shared by the commands that verify."""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, Self

from trustkit.admission.gate import AuditLog
from trustkit.app import open_gate, open_log
from trustkit.cli.client.layouts import whole
from trustkit.cli.evidence_tree import judgement_json, print_judgement
from trustkit.cli.output import as_json, fail
from trustkit.cli.trials import VERIFY
from trustkit.cli.words import actor
from trustkit.config import Config
from trustkit.errors import TrustkitError
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.facts import RequestFacts
from trustkit.model.image import Platform
from trustkit.model.judgement import Judgement
from trustkit.model.reference import ImageRef
from trustkit.oci.ahead import begin
from trustkit.policy.document import Policy

Decided = tuple[Judgement, AuditRecord]
# Images judged at once: a registry answers several, and most of the time is waiting for it.
_AT_ONCE = 16


class Decider(Protocol):
    """What decides about images and records it: a gate, or several behind one door."""

    def decide(self, ref: ImageRef, request: RequestFacts, platform: Platform | None = None) -> Decided:
        """Decide as `Gate.decide`."""


class Opens(Protocol):
    """Opens what decides, with the log it records in."""

    def __call__(self, *, log: AuditLog, at_once: bool, trial: str) -> Decider:
        """Return it; `at_once` as in `Kit`, `trial` as in `Gate`."""


def by_policy(config: Config, policy: Policy) -> Opens:
    """Return what opens the gate of a policy."""

    def opens(*, log: AuditLog, at_once: bool, trial: str) -> Decider:
        return open_gate(config, policy=policy, log=log, at_once=at_once).tried(trial)

    return opens


def judge_images(config: Config, opens: Opens, images: Sequence[str], platform: Platform | None, output: str) -> int:
    """Judge, record and show every image; return the status that matters most.

    Raises AuditError, StorageError before anything is shown.
    """
    statuses: list[int] = []
    shown: list[object] = []
    with _Opening(config) as log:
        gate = opens(log=log, at_once=len(images) == 1, trial=VERIFY)
        for given, decided in _decisions(gate, images, platform):
            try:
                judgement, record = decided()
            except TrustkitError as error:
                log.require_open()
                statuses.append(fail(error))
                shown.append({"image": given, "verdict": "unknown", "error": error.code, "message": error.message})
                continue
            statuses.append(0 if judgement.decision.allowed else 1)
            if output == "json":
                shown.append(judgement_json(judgement, record))
            else:
                print_judgement(judgement, record, sys.stdout)
    if output == "json":
        as_json(shown if len(shown) > 1 else shown[0])
    return worst(statuses)


class _Opening:
    """The log, opened while the first answers of the registry are waited for."""

    def __init__(self, config: Config) -> None:
        self._log = begin(open_log, config)

    def require_open(self) -> None:
        """Return once the log is open. Raises AuditError, StorageError."""
        self._log()

    def append(self, event: AuditEvent) -> AuditRecord:
        """Record the event once the log is open. Raises AuditError, StorageError."""
        return self._log().append(event)

    def append_many(self, events: Iterable[AuditEvent]) -> tuple[AuditRecord, ...]:
        """Record all or none. Raises as `append`."""
        return self._log().append_many(events)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the log. Raises AuditError, StorageError when it could not be opened."""
        self._log().close()


def worst(statuses: list[int]) -> int:
    """Return the status that matters most: our fault, refused, usage, unknown, ok."""
    return next((status for status in (4, 1, 2, 3) if status in statuses), 0)


def _decisions(
    gate: Decider, images: Sequence[str], platform: Platform | None
) -> Iterator[tuple[str, Callable[[], Decided]]]:
    """Yield, in the order given, each image and a function that returns its decision or raises."""
    request = RequestFacts(actor=actor(), purpose="verify")

    def decide(given: str) -> Decided:
        return gate.decide(ImageRef.parse(whole(given)), request, platform)

    if len(images) == 1:
        yield images[0], lambda: decide(images[0])
        return
    waiting: deque[tuple[str, Callable[[], Decided]]] = deque()
    for given in images:
        waiting.append((given, begin(decide, given)))
        if len(waiting) >= _AT_ONCE:
            yield waiting.popleft()
    yield from waiting
