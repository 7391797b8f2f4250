"""Repositories under content trust: fetched, proven from what was trusted before, and remembered for the next time.

What is remembered lies as docker and notary keep it, so that their folder (`~/.docker/trust`) can be used too:

    <folder>/tuf/<gun>/metadata/root.json, timestamp.json, snapshot.json, targets.json, targets/releases.json
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from trustkit import limits
from trustkit.codec import notary_tuf
from trustkit.codec.notary_tuf import BASE_ROLES, ROOT, is_delegation
from trustkit.durable import make_folder, storage_error, write_file
from trustkit.errors import LimitExceededError
from trustkit.fips.provider import CryptoProvider
from trustkit.model.values import NamedTuple
from trustkit.oci.session import RegistrySession
from trustkit.oci.trust_metadata import TrustMetadata
from trustkit.signing.content_trust.values import Trusted, VerifiedRepository
from trustkit.signing.content_trust.verify import verify_repository

_SUFFIX = ".json"


class Asked(NamedTuple):
    """A repository on a server (host and port), and how its first root may be believed."""

    gun: str
    server: str
    pinned_root: bytes = b""
    first_use: bool = False


class Repositories:
    """Repositories of any number of servers, remembered in one folder."""

    def __init__(
        self, session: RegistrySession, folder: Path, crypto: CryptoProvider, now: Callable[[], datetime]
    ) -> None:
        """Nothing is fetched yet."""
        self._session, self._folder, self._crypto, self._now = session, folder, crypto, now

    def verified(self, asked: Asked) -> VerifiedRepository:
        """Return the repository as it stands now, and remember it: nothing older counts from then on.

        Raises VerificationError, SourceError, MalformedError, LimitExceededError, StorageError.
        """
        place = self._folder / "tuf" / asked.gun / "metadata"
        with _alone(make_folder(place)):
            seen = read_seen(place)
            trusted = Trusted(seen, asked.pinned_root, asked.first_use)
            begun = seen.get(ROOT) or asked.pinned_root
            version = notary_tuf.read_root(notary_tuf.parse(begun, ROOT)).version if begun else 0
            # at first sight no older root proves anything
            metadata = TrustMetadata(self._session, asked.server, asked.gun)
            files = metadata.fetch(version if begun else limits.TRUST_TARGETS)
            found = verify_repository(files, asked.gun, trusted, now=self._now(), crypto=self._crypto)
            _remember(place, seen, found.files)
            return found


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
