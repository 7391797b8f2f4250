"""The permit to run: only `admission/admit.py` makes one."""

from datetime import datetime

from trustkit.model.decision import Decision
from trustkit.model.facts import RequestFacts
from trustkit.model.image import ResolvedImage
from trustkit.model.values import NamedTuple


class Admission(NamedTuple):
    """Exists only if policy allowed and the decision is on record.

    Bound to one image (all its digests), one request, and a span of minutes. `record` is the
    sequence number of the decision in the audit log.
    """

    id: str
    image: ResolvedImage
    request: RequestFacts
    decision: Decision
    issued_at: datetime
    expires_at: datetime
    record: int
