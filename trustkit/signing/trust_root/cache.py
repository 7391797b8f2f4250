"""What a client of a trust root holds: the files of the last update that verified, and until when they count.

    FOLDER/trust.json       the state, replaced as the last step of an update
    FOLDER/files/NUMBER/    the distributed files of one update
    FOLDER/metadata/        what `tuf` needs for the next update

The folder is the user's, like his key ring: who may write there decides whom he trusts. Reading it needs no
network and no `tuf`; files that changed since the update are refused, and so is everything once it is too old.
"""

import json
from datetime import datetime, timedelta
from pathlib import Path

from trustkit import limits
from trustkit.codec.strict_json import as_int, as_list, as_object, as_text, parse
from trustkit.codec.zoned_time import zoned_time
from trustkit.durable import write_file
from trustkit.errors import DigestMismatchError, MalformedError, StorageError, TrustExpiredError, UsageError
from trustkit.fips.hashing import sha256
from trustkit.model.keys import stricter
from trustkit.model.revocations import KEY, Revocation, Revocations
from trustkit.model.values import NamedTuple
from trustkit.signing.trust.roots import TrustRoots
from trustkit.signing.trust_root.layout import KEYS, POLICIES, REVOKED, require_path
from trustkit.signing.trust_root.revocations import Revoked, read

STATE = "trust.json"
_BY = "the trust root"
_WHAT = "state of the trust root"
_FIELDS = ("mirrors", "checked", "expires", "root", "number", "files")


class State(NamedTuple):
    """The last update: from where, when, until when it counts, the root's version, and the digest of each file."""

    mirrors: tuple[str, ...]
    checked: datetime
    expires: datetime
    root: int
    number: int
    files: tuple[tuple[str, str], ...]


class Distributed(NamedTuple):
    """What is trusted because a trust root says so: files by path, keys that are revoked, and until when."""

    folder: Path
    expires: datetime
    files: tuple[tuple[str, bytes], ...]
    revoked: tuple[Revoked, ...] = ()

    def of_kind(self, kind: str) -> tuple[tuple[str, bytes], ...]:
        """Return names and contents of one kind."""
        found = [(path, content) for path, content in self.files if path.startswith(f"{kind}/")]
        return tuple((path.partition("/")[2].rpartition(".")[0], content) for path, content in found)

    @property
    def keys(self) -> dict[str, bytes]:
        """Public keys in PEM by name."""
        return dict(self.of_kind(KEYS))

    def applied(self, trust: TrustRoots) -> TrustRoots:
        """Return the same trust without the keys that the trust root revoked; a stricter word stays."""
        listed = (Revocation(KEY, one.fingerprint, one.name, _BY, one.revocation) for one in self.revoked)
        lost = Revocations().joined(listed)
        words = {fingerprint: one.lost for fingerprint, one in lost.of(KEY).items()}
        keys = tuple(key._replace(revoked=stricter(key.revoked, words.get(key.key.fingerprint))) for key in trust.keys)
        return trust._replace(keys=keys, revoked=trust.revoked.joined(lost.items))

    @property
    def policies(self) -> Path | None:
        """The folder of policies, if any is distributed."""
        return self.folder / POLICIES if self.of_kind(POLICIES) else None


def read_cache(folder: Path, now: datetime, grace_hours: float) -> Distributed:
    """Return what the last update brought, if it counts still or expired at most `grace_hours` ago.

    Raises UsageError before the first update, TrustExpiredError, DigestMismatchError, MalformedError, StorageError.
    """
    state = read_state(folder)
    if now > state.expires + timedelta(hours=grace_hours):
        raise TrustExpiredError(
            f"what the trust root in {folder} distributed expired at {state.expires.isoformat()}",
            next_step="trustkit trust root update",
        )
    kept = folder / "files" / str(state.number)
    files = tuple((path, _content(kept / path, digest)) for path, digest in state.files)
    revoked = dict(files).get(REVOKED)
    return Distributed(kept, state.expires, files, read(revoked) if revoked is not None else ())


def read_state(folder: Path) -> State:
    """Return the state of the last update. Raises UsageError, MalformedError, StorageError."""
    try:
        with (folder / STATE).open("rb") as stream:
            content = stream.read(limits.TRUST_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise UsageError(
            f"{folder} holds nothing of a trust root yet", next_step="trustkit trust root update --url URL --root FILE"
        ) from error
    except OSError as error:
        raise StorageError(f"{folder / STATE}: {(error.strerror or str(error)).lower()}") from error
    whole = as_object(parse(content, what=_WHAT, limit_bytes=limits.TRUST_FILE_BYTES), _WHAT)
    if set(whole) != set(_FIELDS):
        raise MalformedError(f"{folder / STATE} is no state of a trust root")
    files = as_object(whole["files"], f"{_WHAT} files")
    return State(
        tuple(as_text(one, f"{_WHAT} mirrors") for one in as_list(whole["mirrors"], f"{_WHAT} mirrors")),
        _moment(whole["checked"]),
        _moment(whole["expires"]),
        as_int(whole["root"], f"{_WHAT} root"),
        as_int(whole["number"], f"{_WHAT} number"),
        tuple((require_path(path), as_text(digest, f"{_WHAT} digest")) for path, digest in files.items()),
    )


def write_state(folder: Path, state: State) -> None:
    """Put a state in force. Raises StorageError."""
    value = {
        **state._asdict(),
        "checked": state.checked.isoformat(),
        "expires": state.expires.isoformat(),
        "files": dict(state.files),
    }
    write_file(folder / STATE, json.dumps(value, indent=1).encode() + b"\n")


def _content(file: Path, digest: str) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(limits.TRUST_FILE_BYTES + 1)
    except OSError as error:
        raise StorageError(
            f"{file}: {(error.strerror or str(error)).lower()}", next_step="trustkit trust root update"
        ) from error
    if sha256(content).hex() != digest:
        raise DigestMismatchError(f"{file} is not what the trust root distributed", next_step="find out who changed it")
    return content


def _moment(value: object) -> datetime:
    return zoned_time(as_text(value, f"{_WHAT} time"), _WHAT)
