"""Events to be recorded, and records once they are."""

from collections.abc import Mapping
from datetime import datetime

from trustkit.model.digest import Digest
from trustkit.model.values import NamedTuple


class AuditEvent(NamedTuple):
    """Something that must not be lost. `body` is JSON-shaped: text, integers, booleans, lists, maps.

    `kind`: `decision`, `container.started`, `container.exited`, `container.refused`,
    `policy.loaded`, `key.generated`, `image.signed`, `log.started`, ... `outcome`: `allow`,
    `deny`, `ok`, `failed`, `unknown`. `subject` is the image's digest, if there is one.
    """

    at: datetime
    kind: str
    outcome: str
    subject: Digest | None
    body: Mapping[str, object]


class AuditRecord(NamedTuple):
    """An event on record: its index in the log and the Merkle leaf hash of its entry."""

    sequence: int
    event: AuditEvent
    leaf: Digest
