"""Repositories under content trust: fetched, proven from what was trusted before, changed, and remembered.

What is remembered lies as docker and notary keep it, so that their folder (`~/.docker/trust`) can be used too:

    <folder>/tuf/<gun>/metadata/root.json, timestamp.json, snapshot.json, targets.json, targets/releases.json
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from trustkit import limits
from trustkit.codec.notary_tuf import BASE_ROLES, ROOT, is_delegation
from trustkit.durable import make_folder, storage_error, write_file
from trustkit.errors import LimitExceededError, PublishConflictError, UsageError
from trustkit.fips.provider import CryptoProvider
from trustkit.model.values import NamedTuple
from trustkit.oci.session import RegistrySession
from trustkit.oci.trust_metadata import TrustMetadata
from trustkit.signing.content_trust.files import read
from trustkit.signing.content_trust.values import Trusted, VerifiedRepository
from trustkit.signing.content_trust.verify import verify_repository

_SUFFIX = ".json"
_ATTEMPTS = 4
# The files to publish of a repository that begins, and of one that changes (none if there is nothing to change); the
# server is there to be asked for its keys.
Begin = Callable[[TrustMetadata], Mapping[str, bytes]]
Change = Callable[[VerifiedRepository, TrustMetadata], Mapping[str, bytes]]


class Asked(NamedTuple):
    """A repository on a server (host and port), how its first root may be believed, and whether it may have ended."""

    gun: str
    server: str
    pinned_root: bytes = b""
    first_use: bool = False
    renewing: bool = False


class Repositories:
    """Repositories of any number of servers, remembered in one folder."""

    def __init__(
        self, session: RegistrySession, folder: Path, crypto: CryptoProvider, now: Callable[[], datetime]
    ) -> None:
        """Nothing is fetched yet."""
        self._session, self._folder, self._crypto, self._now = session, folder, crypto, now

    def remembered(self) -> Mapping[str, Mapping[str, bytes]]:
        """Return the proven files of every repository seen, by its name. Raises StorageError, LimitExceededError."""
        whole = self._folder / "tuf"
        roots = sorted(whole.rglob("metadata/root.json"))
        return {str(root.parent.parent.relative_to(whole)): read_seen(root.parent) for root in roots}

    def seen(self, gun: str) -> Mapping[str, bytes]:
        """Return what was proven of a repository, now or before. Raises StorageError, LimitExceededError."""
        return read_seen(self._place(gun))

    def verified(self, asked: Asked) -> VerifiedRepository:
        """Return the repository as it stands now, and remember it: nothing older counts from then on.

        Raises VerificationError, SourceError, MalformedError, LimitExceededError, StorageError.
        """
        with _alone(make_folder(self._place(asked.gun))):
            return self._verified(asked)

    def begun(self, asked: Asked, begin: Begin) -> VerifiedRepository:
        """Publish the first state of a repository, and return it as the server shows it then.

        Raises UsageError if the repository is known, PublishRefusedError; as `verified`, and as `begin`.
        """
        metadata, place = self._metadata(asked), self._place(asked.gun)
        with _alone(make_folder(place)):
            if ROOT in read_seen(place):
                raise UsageError(
                    f"{asked.gun} was seen before, with a root of its own ({place})",
                    next_step="if it is gone for good, remove this folder and begin again",
                )
            if metadata.exists():
                raise UsageError(
                    f"{asked.gun} has content trust already",
                    next_step=f"sign its tags: trustkit trust sign {asked.gun}:TAG",
                )
            files = begin(metadata)
            with suppress(PublishConflictError):
                metadata.publish(files)
            found = self._verified(asked._replace(pinned_root=files[ROOT], first_use=False))
            _require_shown(found, files)
            return found

    def changed(self, asked: Asked, change: Change) -> VerifiedRepository:
        """Return the repository with a change: proven, changed, published, and proven as the server shows it then.

        `change` is asked again for a newer state when somebody else published in between.

        Raises PublishConflictError, PublishRefusedError; as `verified`, and as `change`.
        """
        metadata = self._metadata(asked)
        with _alone(make_folder(self._place(asked.gun))):
            for _ in range(_ATTEMPTS - 1):
                with suppress(PublishConflictError):
                    return self._changed(asked, change, metadata)
            return self._changed(asked, change, metadata)

    def deleted(self, asked: Asked, sending: Callable[[], object] = lambda: None) -> None:
        """Have the server forget the repository, and forget it here; `sending` just before. Raises as `verified`."""
        place = self._place(asked.gun)
        with _alone(make_folder(place)):
            self._verified(asked)
            sending()
            self._metadata(asked).delete()
            # the root first: without it the others count for nothing
            for role in sorted(read_seen(place), key=lambda name: name != ROOT):
                (place / f"{role}{_SUFFIX}").unlink(missing_ok=True)

    def _place(self, gun: str) -> Path:
        return self._folder / "tuf" / gun / "metadata"

    def _metadata(self, asked: Asked) -> TrustMetadata:
        return TrustMetadata(self._session, asked.server, asked.gun)

    def _changed(self, asked: Asked, change: Change, metadata: TrustMetadata) -> VerifiedRepository:
        before = self._verified(asked)
        files = change(before, metadata)
        if not files:
            return before
        try:
            metadata.publish(files)
        except PublishConflictError:
            # an upload that was taken although its answer was lost is refused when it is tried again
            found = self._verified(asked)
            if all(found.files.get(role) == content for role, content in files.items()):
                return found
            raise
        found = self._verified(asked)
        _require_shown(found, files)
        return found

    def _verified(self, asked: Asked) -> VerifiedRepository:
        place = self._place(asked.gun)
        seen = read_seen(place)
        trusted = Trusted(seen, asked.pinned_root, asked.first_use, asked.renewing)
        # at first sight no older root proves anything
        oldest = min((read(ROOT, root).root.version for root in trusted.roots), default=limits.TRUST_TARGETS)
        files = self._metadata(asked).fetch(oldest)
        found = verify_repository(files, asked.gun, trusted, now=self._now(), crypto=self._crypto)
        _remember(place, seen, found.files)
        return found


def _require_shown(found: VerifiedRepository, files: Mapping[str, bytes]) -> None:
    """Return if the server shows what it took, or something newer. Raises PublishConflictError."""
    for role, content in files.items():
        shown = found.versions.get(role, 0)
        if found.files.get(role) != content and shown <= read(role, content).body.version:
            raise PublishConflictError(
                f"the trust server took {role} of {found.gun}, and does not show it",
                next_step=f"look again: trustkit trust inspect {found.gun}",
            )


def read_seen(place: Path) -> Mapping[str, bytes]:
    """Return the files that were proven before, by role. Raises StorageError, LimitExceededError."""
    found = {}
    for file in sorted(place.rglob(f"*{_SUFFIX}")):
        role = str(file.relative_to(place))[: -len(_SUFFIX)]
        if role not in BASE_ROLES and not is_delegation(role):
            continue
        try:
            with file.open("rb") as opened:
                content = opened.read(limits.TRUST_METADATA_BYTES + 1)
        except OSError as error:
            raise storage_error(file, error) from error
        if len(content) > limits.TRUST_METADATA_BYTES:
            raise LimitExceededError(f"{file} is over {limits.TRUST_METADATA_BYTES} bytes")
        found[role] = content
    return found


def _remember(place: Path, seen: Mapping[str, bytes], files: Mapping[str, bytes]) -> None:
    # the root last: what is remembered without it counts for nothing, and nothing is lost by it
    for role in sorted(files, key=lambda name: name == ROOT):
        if seen.get(role) != files[role]:
            file = place / f"{role}{_SUFFIX}"
            make_folder(file.parent)
            write_file(file, files[role])


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Keep other processes from remembering an older state over a newer one."""
    opened = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)
