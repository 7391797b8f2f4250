"""What a report writer must offer (plug point `trustkit.report_writers`)."""

from typing import ClassVar, Protocol

from trustkit.audit.report import Report


class ReportWriter(Protocol):
    """Turns a report into one file."""

    api: ClassVar[int]
    name: ClassVar[str]
    media_type: ClassVar[str]

    def write(self, report: Report) -> bytes:
        """Return the file's content."""
