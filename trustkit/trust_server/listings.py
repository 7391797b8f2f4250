"""The files the server signs: timestamps always, snapshots where the root names a key of the server's."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from trustkit.codec.notary_build import listing_value
from trustkit.codec.notary_tuf import SNAPSHOT, TIMESTAMP, Listing, Role, Root
from trustkit.signing.content_trust.sign import signed_file
from trustkit.trust_server.checks import missing
from trustkit.trust_server.files import File, read
from trustkit.trust_server.server_keys import ServerKeys
from trustkit.trust_server.storage import ServerKey

# notary-server's own lifetimes
TIMESTAMP_LIFE = timedelta(days=14)
SNAPSHOT_LIFE = timedelta(days=3 * 365)
# What is left of a life when the server signs anew, if anybody asks: a client never gets less than this.
TIMESTAMP_LEFT = timedelta(days=13)
SNAPSHOT_LEFT = timedelta(days=30)


class Listings:
    """Signs listings of one repository with the keys its root names."""

    def __init__(self, keys: ServerKeys, gun: str, root: Root, now: datetime) -> None:
        """Sign for this repository."""
        self._keys = keys
        self._gun = gun
        self._root = root
        self._now = now

    def snapshot(self, files: Mapping[str, File], version: int) -> File | None:
        """Return a snapshot of these files; None if the root names no key that the server holds."""
        key = self._key(self._root.roles[SNAPSHOT])
        if key is None:
            return None
        meta = {role: file.meta for role, file in files.items()}
        return self._signed(SNAPSHOT, Listing(version, self._now + SNAPSHOT_LIFE, meta), key)

    def timestamp(self, snapshot: File, version: int) -> File:
        """Return a timestamp of the snapshot. Raises UntrustedSignerError: the root names no key of the server's."""
        key = self._key(self._root.roles[TIMESTAMP])
        if key is None:
            reason = "the root names no timestamp key that this server holds, or wants more than one signature"
            raise missing(TIMESTAMP, reason)
        listing = Listing(version, self._now + TIMESTAMP_LIFE, {SNAPSHOT: snapshot.meta})
        return self._signed(TIMESTAMP, listing, key)

    def held(self) -> frozenset[str]:
        """Return the keys of the server's that the root names."""
        found = (self._key(self._root.roles[role]) for role in (TIMESTAMP, SNAPSHOT))
        return frozenset(key.key_id for key in found if key is not None)

    def _key(self, role: Role) -> ServerKey | None:
        if role.threshold != 1:
            return None
        return self._keys.named(self._gun, role.name, frozenset(role.key_ids))

    def _signed(self, role: str, listing: Listing, key: ServerKey) -> File:
        signed = listing_value(listing, role)
        content = signed_file(signed, {key.key_id: self._keys.private(key)})
        return read(role, content, new=True)
