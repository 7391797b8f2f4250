"""A client's update: newest metadata by TUF's workflow (specification 5.3 to 5.7), then every file it names.

What was in force stays in force until everything new has verified and lies whole on the disk.
"""

import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from tuf.api import exceptions
from tuf.api.metadata import DelegatedRole, Metadata, Role, Root, Targets  # type: ignore[attr-defined]
from tuf.ngclient.config import UpdaterConfig
from tuf.ngclient.updater import Updater

from trustkit import limits
from trustkit.durable import make_folder, write_file
from trustkit.errors import (
    DigestMismatchError,
    LimitExceededError,
    MalformedError,
    RollbackError,
    SignatureMismatchError,
    SourceError,
    TrustExpiredError,
    TrustkitError,
    UnreachableError,
    UsageError,
    VerificationError,
)
from trustkit.fips.hashing import sha256
from trustkit.model.values import NamedTuple
from trustkit.signing.trust_root.cache import STATE, State, read_state, write_state
from trustkit.signing.trust_root.door import DoorKey, open_door
from trustkit.signing.trust_root.fetch import Fetcher
from trustkit.signing.trust_root.layout import require_path, require_role
from trustkit.signing.trust_root.repository import read_metadata

MOST_FILES = 512
# `tuf` names what went wrong, and this is what it means to us; the first that fits.
_MEANINGS: tuple[tuple[type[Exception], Callable[[str], TrustkitError]], ...] = (
    (exceptions.ExpiredMetadataError, TrustExpiredError),
    (exceptions.BadVersionNumberError, RollbackError),
    (exceptions.UnsignedMetadataError, SignatureMismatchError),
    (exceptions.LengthOrHashMismatchError, DigestMismatchError),
    (exceptions.DownloadLengthMismatchError, LimitExceededError),
    (exceptions.DownloadError, UnreachableError),
    (exceptions.RepositoryError, VerificationError),
)


class Asked(NamedTuple):
    """Where to update from: URLs tried in turn, the first root.json the first time, and TLS authorities."""

    mirrors: tuple[str, ...] = ()
    first_root: bytes | None = None
    ca_file: Path | None = None


def update(folder: Path, asked: Asked, now: datetime) -> State:
    """Bring the folder up to date from the first mirror that can, and return the state in force.

    Raises UnreachableError, RollbackError, TrustExpiredError, SignatureMismatchError, DigestMismatchError,
    VerificationError, MalformedError, LimitExceededError, UsageError, StorageError.
    """
    open_door()
    make_folder(folder / "metadata")
    before = read_state(folder) if (folder / STATE).is_file() else None
    mirrors = asked.mirrors or (before.mirrors if before else ())
    if not mirrors:
        raise UsageError("nothing says where the trust root is", next_step="give --url")
    if asked.first_root is None and not (folder / "metadata" / "root.json").exists():
        raise UsageError("nothing says which root to trust", next_step="give the first root.json with --root")
    failure: TrustkitError | None = None
    with _alone(folder):
        for mirror in mirrors:
            try:
                return _from(mirror, folder, asked, (mirrors, before, now))
            except (TrustkitError, exceptions.RepositoryError, exceptions.DownloadError) as error:
                found = _meaning(error, mirror)
                # what a mirror proves wrong says more than that another does not answer
                failure = found if failure is None or isinstance(failure, SourceError) else failure
    assert failure is not None  # noqa: S101  (there was at least one mirror)
    raise failure


def _from(mirror: str, folder: Path, asked: Asked, known: tuple[Sequence[str], State | None, datetime]) -> State:
    mirrors, before, now = known
    metadata = folder / "metadata"
    fetcher = Fetcher(mirror, asked.ca_file)
    try:
        # a root that was trusted before is where trust goes on from; a given one would be a way back
        bootstrap = None if (metadata / "root.json").exists() else asked.first_root
        updater = Updater(
            metadata_dir=str(metadata),
            metadata_base_url=f"{mirror.rstrip('/')}/metadata/",
            target_base_url=f"{mirror.rstrip('/')}/targets/",
            fetcher=fetcher,
            config=UpdaterConfig(max_delegations=limits.TRUSTED_ROOT_ITEMS),
            bootstrap=bootstrap,
        )
        updater.refresh()
        listed, ends = _listed(updater, metadata)
        number = before.number + 1 if before else 1
        files = _files(updater, listed, folder / "files" / str(number))
    finally:
        fetcher.close()
    root: Metadata[Root] = read_metadata(metadata / "root.json")
    expires = min(ends)
    if now > expires:
        raise TrustExpiredError(f"{mirror} distributes what expired at {expires.isoformat()}")
    state = State(tuple(mirrors), now, expires, root.signed.version, number, files)
    write_state(folder, state)
    for old in (folder / "files").iterdir():
        if old.name != str(number):
            shutil.rmtree(old, ignore_errors=True)
    return state


def _listed(updater: Updater, metadata: Path) -> tuple[list[str], list[datetime]]:
    """Return all paths that are distributed, and the ends of all metadata that says so."""
    root: Metadata[Root] = read_metadata(metadata / "root.json")
    targets: Metadata[Targets] = read_metadata(metadata / "targets.json")
    roles: list[Role] = list(root.signed.roles.values())
    for role in roles:
        _require_distinct(role, root.signed.keys)
    ends = [read_metadata(metadata / f"{name}.json").signed.expires for name in root.signed.roles]
    paths = list(targets.signed.targets)
    delegations = targets.signed.delegations
    for name, role in (delegations.roles or {} if delegations else {}).items():
        assert delegations is not None  # noqa: S101  (it has roles)
        _require_distinct(role, delegations.keys)
        for sample in _samples(name, role):
            updater.get_targetinfo(sample)
        file = metadata / f"{name}.json"
        if file.is_file():
            delegated: Metadata[Targets] = read_metadata(file)
            paths += delegated.signed.targets
            ends.append(delegated.signed.expires)
    if len(paths) > MOST_FILES:
        raise LimitExceededError(f"the trust root distributes more than {MOST_FILES} files")
    return list(dict.fromkeys(paths)), ends


def _samples(name: str, role: DelegatedRole) -> Iterator[str]:
    """Yield a path for each pattern of a role: looking it up makes `tuf` fetch and check the role's metadata."""
    require_role(name)
    for pattern in role.paths or ():
        yield pattern.replace("*", "_").replace("?", "_")


def _files(updater: Updater, paths: Sequence[str], folder: Path) -> tuple[tuple[str, str], ...]:
    found = []
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        for path in paths:
            require_path(path)
            info = updater.get_targetinfo(path)
            if info is None:  # a delegation that does not cover what its role lists
                continue
            if info.length > limits.TRUST_FILE_BYTES:
                raise LimitExceededError(f"{path} is larger than {limits.TRUST_FILE_BYTES} bytes")
            content = Path(updater.download_target(info, str(Path(temporary) / "file"))).read_bytes()
            digest = sha256(content).hex()
            if info.hashes.get("sha256") != digest:
                raise DigestMismatchError(f"{path} is not named by its SHA-256")
            make_folder((folder / path).parent)
            write_file(folder / path, content)
            found.append((path, digest))
    return tuple(found)


def _require_distinct(role: Role, keys: object) -> None:
    """One key under two identifiers would count twice. Raises VerificationError, MalformedError."""
    assert isinstance(keys, dict)  # noqa: S101  (`tuf` read it)
    found = [keys[keyid] for keyid in role.keyids]
    if not all(isinstance(key, DoorKey) for key in found):
        raise MalformedError("the trust root holds a key of a type that is not used here")
    if len({key.public.fingerprint for key in found}) != len(found):
        raise VerificationError("the trust root names one key twice in a role, so that it would count twice")


def _meaning(error: Exception, mirror: str) -> TrustkitError:
    if isinstance(error, TrustkitError):
        return error
    made = next(make for kind, make in _MEANINGS if isinstance(error, kind))(f"{mirror}: {str(error)[:300]}")
    made.__cause__ = error
    return made


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let updates of one folder wait for each other."""
    with (folder / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
