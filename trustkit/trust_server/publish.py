"""Publications: an upload becomes a repository's next state, and timestamps are signed anew when they grow old."""

import contextlib
from collections.abc import Mapping
from datetime import datetime

from trustkit import limits
from trustkit.codec import multipart
from trustkit.codec.notary_tuf import ROOT, SNAPSHOT, TARGETS, TIMESTAMP, is_delegation
from trustkit.errors import MalformedError, PublishConflictError, UntrustedSignerError
from trustkit.fips.provider import CryptoProvider
from trustkit.trust_server.checks import Checked, check, missing
from trustkit.trust_server.files import File, View, read
from trustkit.trust_server.listings import SNAPSHOT_LEFT, TIMESTAMP_LEFT, Listings
from trustkit.trust_server.server_keys import ServerKeys
from trustkit.trust_server.storage import Change, Publication, State, Storage

UPDATE = "update"
DELETION = "deletion"
_SERVER = "server"
_ATTEMPTS = 3
_FIELD = "files"


class Publisher:
    """Changes repositories."""

    def __init__(self, storage: Storage, keys: ServerKeys, crypto: CryptoProvider) -> None:
        """Change the repositories in `storage`, with the server's keys."""
        self._storage = storage
        self._keys = keys
        self._crypto = crypto

    def publish(self, gun: str, uploaded: Mapping[str, bytes], actor: str, now: datetime) -> None:
        """Store an upload with a timestamp, and a snapshot where the server signs it; all of it or nothing.

        Raises VerificationError, MalformedError, PublishConflictError, KeyUnavailableError, StorageError.
        """
        for _ in range(_ATTEMPTS - 1):
            # A timestamp signed anew in between is no reason to refuse; another publication fails the check.
            with contextlib.suppress(PublishConflictError):
                return self._publish(gun, uploaded, actor, now)
        return self._publish(gun, uploaded, actor, now)

    def _publish(self, gun: str, uploaded: Mapping[str, bytes], actor: str, now: datetime) -> None:
        state = self._storage.state(gun)
        view = View(uploaded, state.files)
        checked = check(view, self._crypto, now)
        listings = Listings(self._keys, gun, checked.root, now)
        snapshot = checked.snapshot or self._snapshot(listings, checked, state)
        timestamp = listings.timestamp(snapshot, _next(state, TIMESTAMP))
        new = {**view.new, SNAPSHOT: snapshot, TIMESTAMP: timestamp}
        keys = listings.held() if ROOT in view.new else None
        files = tuple(file.stored for file in new.values())
        publication = Publication(state.generation, files, keys, checked.dropped)
        self._storage.publish(gun, publication, _change(new, gun, actor, now))

    def refresh(self, gun: str, now: datetime) -> None:
        """Sign a new timestamp if the one there has lost a day, and a new snapshot when its end is near.

        Quiet where there is nothing to refresh, where the server lacks the key, or where somebody publishes just now.
        Raises KeyUnavailableError, StorageError.
        """
        current = self._storage.current(gun, TIMESTAMP)
        if current is None or _left(current.content, now) > TIMESTAMP_LEFT.total_seconds():
            return
        state = self._storage.state(gun)
        view = View({}, state.files)
        root, snapshot = view.there(ROOT), view.there(SNAPSHOT)
        if root is None or snapshot is None:
            return
        listings = Listings(self._keys, gun, root.root, now)
        new: dict[str, File] = {}
        if snapshot.body.expires - now < SNAPSHOT_LEFT:
            files = {role: file for role in snapshot.listing.meta if (file := view.there(role)) is not None}
            if (again := listings.snapshot(files, _next(state, SNAPSHOT))) is not None:
                snapshot = new[SNAPSHOT] = again
        try:
            new[TIMESTAMP] = listings.timestamp(snapshot, _next(state, TIMESTAMP))
            publication = Publication(state.generation, tuple(file.stored for file in new.values()))
            self._storage.publish(gun, publication, _change(new, gun, _SERVER, now))
        except (UntrustedSignerError, PublishConflictError):
            return

    def _snapshot(self, listings: Listings, checked: Checked, state: State) -> File:
        snapshot = listings.snapshot(checked.files, _next(state, SNAPSHOT))
        if snapshot is None:
            reason = "no snapshot is uploaded, and the root names no snapshot key that this server holds"
            raise missing(SNAPSHOT, reason)
        return snapshot


def parts_of(body: bytes, content_type: str) -> dict[str, bytes]:
    """Return the files of an upload by role. Raises MalformedError, LimitExceededError."""
    found: dict[str, bytes] = {}
    for part in multipart.parse(body, content_type, most_parts=limits.TRUST_UPLOAD_FILES):
        role = part.filename
        if part.field != _FIELD or not (role in (ROOT, TARGETS, SNAPSHOT) or is_delegation(role)):
            raise MalformedError(f"{role[:80]!r} cannot be uploaded", role=role[:80])
        if role in found:
            raise MalformedError(f"{role} is uploaded twice", role=role)
        found[role] = part.content
    return found


def _next(state: State, role: str) -> int:
    current = state.files.get(role)
    return current.version + 1 if current else 1


def _left(timestamp: bytes, now: datetime) -> float:
    return (read(TIMESTAMP, timestamp, new=False).body.expires - now).total_seconds()


def _change(new: Mapping[str, File], gun: str, actor: str, now: datetime) -> Change:
    """The feed tells of a publication by its timestamp, as notary-server's does."""
    stamp = new[TIMESTAMP].stored
    roles = ",".join(f"{role}:{file.body.version}" for role, file in sorted(new.items()))
    return Change(now, gun, UPDATE, actor, f"{stamp.version} {stamp.sha256} {roles}")
