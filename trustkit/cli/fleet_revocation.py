"""A key or an image given up for all nodes: published first, then on record."""

from trustkit.app import now, open_crypto
from trustkit.audit.events import revocation_published
from trustkit.audit.log import DecisionLog
from trustkit.cli.on_record import done
from trustkit.cli.words import actor
from trustkit.config import Config
from trustkit.model.revocations import Revocation
from trustkit.shared import known_revocations


def publish(config: Config, log: DecisionLog, given_up: Revocation) -> None:
    """Put it on the list that all nodes read, and on record. Raises SharedStoreError, StorageError, AuditError."""
    known_revocations(config, open_crypto(config)).publish((given_up,), now())
    event = revocation_published(
        now(),
        kind=given_up.kind,
        what=given_up.what,
        name=given_up.name,
        reason=given_up.lost.reason,
        actor=actor(),
    )
    done(log, f"{given_up.kind} {given_up.what} is revoked for all nodes", [event], "give the same command again")
