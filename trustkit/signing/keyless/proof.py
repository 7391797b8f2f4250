"""When a signature was made, and in which log it is, as far as its material proves.

What is there must hold: a broken proof is refused and never skipped, whoever signed. An entry of a log, and a
token where no timestamp authority is trusted, that the root does not know prove nothing and harm nothing.
"""

from datetime import datetime

from trustkit.codec.log_entry import LogEntry
from trustkit.errors import LogMissingError, LogProofError, TrustkitError
from trustkit.model.signature import REKOR, TSA
from trustkit.model.values import NamedTuple
from trustkit.signing.format import Check
from trustkit.signing.keyless.material import Material
from trustkit.signing.log.log_key import in_use
from trustkit.signing.log.recorded import SignedContent
from trustkit.signing.log.rekor import Logged, require_logged
from trustkit.signing.timestamp import verify_timestamp
from trustkit.signing.trust.roots import SigstoreRoot


class ProvenTime(NamedTuple):
    """A moment before which the signature was made, and who says so: REKOR or TSA."""

    at: datetime
    source: str


class Proof(NamedTuple):
    """What the material proved: times, the earliest first, and entries of trusted logs."""

    times: tuple[ProvenTime, ...] = ()
    logged: tuple[Logged, ...] = ()

    @property
    def signed_at(self) -> datetime | None:
        """The earliest proven time."""
        return self.times[0].at if self.times else None

    @property
    def time_source(self) -> str:
        """Who proved it."""
        return self.times[0].source if self.times else ""

    @property
    def log(self) -> str:
        """The first entry as `<log>:<index>`."""
        return f"{self.logged[0].log.base_url}:{self.logged[0].number}" if self.logged else ""

    @property
    def logs(self) -> int:
        """How many logs of different keys show it: one log with two entries is one (CVE-2026-49834)."""
        return len({one.log.key_id for one in self.logged})


def prove(material: Material, content: SignedContent, root: SigstoreRoot, check: Check) -> Proof:
    """Return what the material proves under this root.

    Raises TimestampError, LogProofError and those below it, MalformedError, AlgorithmNotApprovedError.
    """
    times = []
    if root.timestamp_authorities:
        stamped = content.signature if content.stamped is None else content.stamped
        for token in dict.fromkeys(material.timestamps):
            found = verify_timestamp(token, stamped, root.timestamp_authorities, check.crypto)
            times.append(ProvenTime(found.at, TSA))
    logged = []
    for entry in material.entries:
        proven = _logged(entry, content, root, check, min(times).at if times else check.now)
        if proven is not None:
            logged.append(proven)
            if proven.at is not None:
                times.append(ProvenTime(proven.at, REKOR))
    if material.entries and root.logs and not logged:
        raise LogMissingError(f"no log entry is of a log that root {root.name} trusts")
    return Proof(tuple(sorted(times)), tuple(logged))


def _logged(
    entry: LogEntry, content: SignedContent, root: SigstoreRoot, check: Check, otherwise_at: datetime
) -> Logged | None:
    """Return what one entry proves, None if its log is a stranger; a log counts only while it was in use."""
    failure: TrustkitError | None = None
    for log in root.logs:
        if log.key_id != entry.log_id:
            continue
        proven = require_logged(entry, log, root, content, check.crypto)
        if in_use(log, proven.at or otherwise_at):
            return proven
        failure = LogProofError(f"log {log.base_url} was not in use when it made the entry")
    if failure is not None:
        raise failure
    return None
