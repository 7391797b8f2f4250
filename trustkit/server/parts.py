"""What the routes work with: gate, engine, log, and the admissions of containers not started yet."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from trustkit.admission.gate import AuditLog
from trustkit.engine.service import EngineService
from trustkit.model.admission import Admission
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.facts import RequestFacts
from trustkit.model.image import Platform
from trustkit.model.judgement import Judgement
from trustkit.model.reference import ImageRef
from trustkit.oci.source import ImageSource


class Gatekeeper(Protocol):
    """What the server needs of the gate; blocking, called from worker threads."""

    def admit(self, ref: ImageRef, request: RequestFacts, platform: Platform | None = None) -> Admission:
        """Judge and record. Raises AdmissionDenied, SourceError, AuditError, ..."""
        ...

    def decide(
        self, ref: ImageRef, request: RequestFacts, platform: Platform | None = None
    ) -> tuple[Judgement, AuditRecord]:
        """Judge and record, whatever the verdict. Raises as `admit`, but for AdmissionDenied."""
        ...

    def source(self, ref: ImageRef) -> ImageSource:
        """Return where the image's blobs come from."""
        ...


class Permit(NamedTuple):
    """An admission and the gate that gave it: once the policy changes, the gate is another one."""

    gate: Gatekeeper
    admission: Admission


@dataclass(frozen=True, slots=True)
class Parts:
    """The ready parts of a daemon. `gate` gives the gate of the policy as it stands on disk now; blocking."""

    engine: EngineService
    gate: Callable[[], Gatekeeper]
    log: AuditLog
    now: Callable[[], datetime]
    socket: Path
    # The policy's file or folder as configured now, nothing for the built-in policy; blocking.
    policy_file: Callable[[], str] = str
    # Why the policy on disk is not the one in force, or nothing; blocking.
    policy_problem: Callable[[], str] = str
    permits: dict[str, Permit] = field(default_factory=dict)
    # Set, and taken out, once a started container's exit is on record.
    exits: dict[str, asyncio.Event] = field(default_factory=dict)
    # Exits and removals that could not be written yet; they go before the next record.
    unwritten: deque[AuditEvent] = field(default_factory=deque)
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
