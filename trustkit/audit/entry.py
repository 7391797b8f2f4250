"""The frozen entry format, version 1: what exactly is hashed into the log.

An entry is one canonical JSON object (RFC 8785) with exactly these members:

    {"at":"2026-01-31T12:00:00.000000Z","body":{...},"kind":"decision","outcome":"allow",
     "subject":"sha256:..." or null,"v":1}

It says nothing of its place in the log, so equal events have equal bytes. Its leaf hash is
SHA-256(0x00 || entry) (RFC 9162 2.1.1). Bytes once written are never rewritten: a new version gets
a new number and a reader for the old one stays. `tests/unit/audit/entries-v1.json` holds the vectors.
"""

import re
from datetime import UTC, datetime

from trustkit import limits
from trustkit.codec import strict_json
from trustkit.codec.canonical_json import canonical
from trustkit.errors import AuditError, MalformedError
from trustkit.fips.merkle import leaf_hash
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.digest import Digest

VERSION = 1
OUTCOMES = ("allow", "deny", "ok", "failed", "unknown")
_MEMBERS = {"at", "body", "kind", "outcome", "subject", "v"}
_KIND = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\Z")
_KIND_CHARS = 64
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z")


def to_bytes(event: AuditEvent) -> bytes:
    """Return the bytes of the event's entry.

    Raises AuditError if the event has no canonical form or is larger than an entry may be.
    """
    _require_names(event)
    try:
        content = canonical(
            {
                "v": VERSION,
                "at": moment_text(event.at),
                "kind": event.kind,
                "outcome": event.outcome,
                "subject": None if event.subject is None else str(event.subject),
                "body": event.body,
            }
        )
    except (MalformedError, TypeError) as error:
        message = f"a {event.kind} event cannot be written down: {error}"
        raise AuditError(message) from error
    if len(content) > limits.AUDIT_ENTRY_BYTES:
        message = (
            f"a {event.kind} event is {len(content)} bytes, more than the {limits.AUDIT_ENTRY_BYTES} an entry may have"
        )
        raise AuditError(message)
    return content


def parse(content: bytes, what: str = "log entry") -> AuditEvent:
    """Return the event of an entry. Raises MalformedError if the bytes are not its one spelling."""
    document = strict_json.parse(content, what=what, limit_bytes=limits.AUDIT_ENTRY_BYTES, fold_names=False)
    members = strict_json.as_object(document, what)
    if set(members) != _MEMBERS:
        raise MalformedError(f"{what} does not have exactly the members of a version 1 entry")
    version = members["v"]
    if version != VERSION or isinstance(version, bool):
        raise MalformedError(f"{what} has version {version!r}; this program reads version 1")
    subject = members["subject"]
    event = AuditEvent(
        at=parse_moment(strict_json.as_text(members["at"], f"{what}: at"), what),
        kind=strict_json.as_text(members["kind"], f"{what}: kind"),
        outcome=strict_json.as_text(members["outcome"], f"{what}: outcome"),
        subject=None if subject is None else Digest.parse(strict_json.as_text(subject, f"{what}: subject")),
        body=strict_json.as_object(members["body"], f"{what}: body"),
    )
    _require_one_spelling(event, content, what)
    return event


def record_of(sequence: int, content: bytes) -> AuditRecord:
    """Return the record whose entry has these bytes. Raises MalformedError."""
    event = parse(content, f"log entry {sequence}")
    return AuditRecord(sequence, event, Digest("sha256", leaf_hash(content).hex()))


def moment_text(at: datetime) -> str:
    """Return RFC 3339 in UTC, always with six decimals. Raises AuditError for a naive time."""
    if at.tzinfo is None:
        raise AuditError("an event's time has no time zone")
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def parse_moment(text: str, what: str) -> datetime:
    """Return the aware time of `moment_text`. Raises MalformedError."""
    if not _MOMENT.match(text):
        raise MalformedError(f"{what}: {text[:40]!r} is not a time as the log writes it")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise MalformedError(f"{what}: {text!r} is no date") from error


def _require_one_spelling(event: AuditEvent, content: bytes, what: str) -> None:
    try:
        again = to_bytes(event)
    except AuditError as error:
        raise MalformedError(f"{what}: {error.message}") from error
    if again != content:
        raise MalformedError(f"{what} is not in canonical form")


def _require_names(event: AuditEvent) -> None:
    if len(event.kind) > _KIND_CHARS or not _KIND.match(event.kind):
        raise AuditError(f"{event.kind[:80]!r} is no kind of event")
    if event.outcome not in OUTCOMES:
        raise AuditError(f"{event.outcome[:80]!r} is no outcome of an event")
