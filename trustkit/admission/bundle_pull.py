"""A policy bundle asked for by a command: what keeps it from coming into force is on record."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from trustkit.admission.bundle_store import BundleStore, Refreshed
from trustkit.admission.gate import AuditLog
from trustkit.admission.policies import Document
from trustkit.audit.events import policy_refused
from trustkit.errors import MalformedError, StorageError, TrustkitError
from trustkit.model.audit import AuditEvent


def pulled(store: BundleStore, log: AuditLog, now: datetime, actor: str) -> Refreshed:
    """Ask the registry once. Raises as `BundleStore.refresh`, after that is on record; AuditError, StorageError."""
    try:
        return store.refresh(now)
    except TrustkitError as error:
        log.append(refusal(store, error, now, actor))
        raise


def documents_in_force(
    store: BundleStore, open_log: Callable[[], AbstractContextManager[AuditLog]], now: datetime
) -> tuple[Document, ...]:
    """Return the documents; the first time they are fetched. Raises as `pulled` and `BundleStore.documents`."""
    if store.state() is None:
        with open_log() as log:
            pulled(store, log, now, "command")
    return store.documents(now)


def refusal(store: BundleStore, error: TrustkitError, now: datetime, actor: str) -> AuditEvent:
    """Return the record of what keeps a bundle from coming into force."""
    try:
        state = store.state()
    except (MalformedError, StorageError):
        # what is kept is no state: then nothing is in force
        state = None
    name, digest = (state.reference, state.digest) if state else ("", None)
    return policy_refused(now, name=name, digest=digest, why=error.message, file=store.reference, actor=actor)
