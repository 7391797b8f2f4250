"""The gate: judge, record, admit. Shared by the command line and the daemon."""

from typing import Protocol

from trustkit.model.admission import Admission
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.facts import RequestFacts
from trustkit.model.judgement import Judgement
from trustkit.model.reference import ImageRef


class AuditLog(Protocol):
    """Where events become records; returns only after they are durable."""

    def append(self, event: AuditEvent) -> AuditRecord:
        """Record the event. Raises AuditError, StorageError: nothing may go on."""
