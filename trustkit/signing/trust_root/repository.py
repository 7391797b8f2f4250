"""The keeper's side of a trust root: a folder with published metadata, and the next versions, staged.

    FOLDER/metadata/N.root.json, N.targets.json, N.ROLE.json, N.snapshot.json, timestamp.json
    FOLDER/targets/KIND/SHA256.NAME.SUFFIX
    FOLDER/staged/root.json, targets.json, ROLE.json     versions that wait for signatures
    FOLDER/periods.json                                  days until each role expires

Everybody who holds a key signs what is staged, each on his own machine if need be; `publish` takes it when
every threshold is met, and makes snapshot and timestamp. A web server that serves FOLDER is all there is to it.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (  # type: ignore[attr-defined]
    DelegatedRole,
    Delegations,
    Metadata,
    Role,
    Root,
    TargetFile,
    Targets,
)

from trustkit import limits
from trustkit.codec.strict_json import as_int, as_object, parse
from trustkit.durable import make_folder, write_file
from trustkit.errors import LimitExceededError, MalformedError, UsageError
from trustkit.fips.hashing import sha256
from trustkit.model.keys import PublicKey
from trustkit.model.values import NamedTuple
from trustkit.signing.keys import SigningKey
from trustkit.signing.trust_root.door import DoorKey, open_door, signature_of
from trustkit.signing.trust_root.layout import TOP_ROLES, require_path, require_role

PERIODS = {"root": 365, "targets": 90, "snapshot": 14, "timestamp": 14}
ROOT, TARGETS = "root", "targets"
_METADATA_BYTES = 5_000_000
_PUBLIC = 0o644


class RolePlan(NamedTuple):
    """Who signs for a role, and how many of them must."""

    keys: tuple[PublicKey, ...]
    threshold: int = 1


class Standing(NamedTuple):
    """A role as it stands: version, end, signatures there are and needed; `staged` if not yet published."""

    role: str
    version: int
    expires: datetime
    signed: int
    threshold: int
    keys: tuple[str, ...]
    staged: bool


class Repository:
    """One trust root in a folder."""

    def __init__(self, folder: Path, now: datetime) -> None:
        """Take the folder of an existing trust root. Raises UsageError."""
        open_door()
        self.folder, self.now = folder, now.replace(microsecond=0)
        if not (folder / "periods.json").is_file():
            raise UsageError(f"{folder} holds no trust root", next_step="make one: trustkit trust root init")

    @staticmethod
    def create(folder: Path, plans: Mapping[str, RolePlan], periods: Mapping[str, int], now: datetime) -> "Repository":
        """Stage the first root and an empty list of targets. Raises UsageError, StorageError."""
        if (folder / "periods.json").exists() or (folder / "metadata").exists():
            raise UsageError(f"{folder} holds a trust root already", next_step="choose another folder")
        for name in ("metadata", "targets", "staged"):
            make_folder(folder / name, mode=0o755)
        text = json.dumps({**PERIODS, **periods}, indent=1).encode() + b"\n"
        write_file(folder / "periods.json", text, mode=_PUBLIC)
        made = Repository(folder, now)
        root = Metadata(Root(version=1, expires=made.expiry(ROOT), consistent_snapshot=True))
        for role in TOP_ROLES:
            _assign(root.signed, role, plans[role])
        made.stage(ROOT, root)
        made.stage(TARGETS, Metadata(Targets(version=1, expires=made.expiry(TARGETS))))
        return made

    def expiry(self, role: str) -> datetime:
        """Return when a version of the role made now expires. Raises MalformedError."""
        content = (self.folder / "periods.json").read_bytes()
        days = as_object(parse(content, what="periods.json", limit_bytes=limits.TRUST_FILE_BYTES), "periods.json")
        return self.now + timedelta(days=as_int(days.get(role, days.get(TARGETS)), f"periods.json {role}"))

    def roles(self) -> tuple[str, ...]:
        """Return root, targets and the delegated roles. Raises UsageError, MalformedError."""
        delegations = self.targets(TARGETS).signed.delegations
        return (ROOT, TARGETS, *(delegations.roles or {} if delegations else {}))

    def root(self, *, staged: bool = True) -> Metadata[Root]:
        """Return the newest root. Raises UsageError if there is none, MalformedError."""
        found = self.load(ROOT, staged=staged)
        if found is None:
            raise UsageError("no root has been published", next_step="sign it, then trustkit trust root publish")
        return found

    def targets(self, role: str) -> Metadata[Targets]:
        """Return the newest targets of a role. Raises UsageError, MalformedError."""
        found = self.load(role, staged=True)
        if found is None:
            raise UsageError(f"no role is called {role[:60]!r}", next_step="see trustkit trust root show")
        return found

    def load(self, role: str, *, staged: bool) -> Metadata[Any] | None:
        """Return a role's staged version if asked for and there, else the published one. Raises MalformedError."""
        file = self.folder / "staged" / f"{role}.json"
        if not (staged and file.is_file()):
            newest = self.published(role)
            if newest is None:
                return None
            file = newest
        return read_metadata(file)

    def published(self, role: str) -> Path | None:
        """Return the file of the newest published version."""
        if role == "timestamp":
            file = self.folder / "metadata" / "timestamp.json"
            return file if file.is_file() else None
        found = [
            (int(number), file)
            for file in (self.folder / "metadata").glob(f"*.{role}.json")
            if (number := file.name.partition(".")[0]).isdecimal() and file.name == f"{number}.{role}.json"
        ]
        return max(found)[1] if found else None

    def stage(self, role: str, metadata: Metadata[Any]) -> None:
        """Keep the next version of a role; signatures of what it was before are gone. Raises StorageError."""
        metadata.signatures.clear()
        latest = self.load(role, staged=False)
        metadata.signed.version = latest.signed.version + 1 if latest else 1
        metadata.signed.expires = self.expiry(role)
        write_file(self.folder / "staged" / f"{role}.json", metadata.to_bytes(), mode=_PUBLIC)

    def put(self, path: str, content: bytes, role: str = TARGETS) -> None:
        """Distribute content under a path from the next version on. Raises LimitExceededError, StorageError."""
        require_path(path)
        if not 0 < len(content) <= limits.TRUST_FILE_BYTES:
            raise LimitExceededError(f"{path} is empty or larger than {limits.TRUST_FILE_BYTES} bytes")
        metadata = self.targets(role)
        digest = sha256(content).hex()
        folder, slash, name = path.rpartition("/")
        file = self.folder / "targets" / f"{folder}{slash}{digest}.{name}"
        make_folder(file.parent, mode=0o755)
        write_file(file, content, mode=_PUBLIC)
        metadata.signed.targets[path] = TargetFile(len(content), {"sha256": digest}, path)
        self.stage(role, metadata)

    def content(self, path: str, role: str = TARGETS) -> bytes | None:
        """Return what is distributed under a path, staged or published."""
        found = self.targets(role).signed.targets.get(path)
        if found is None:
            return None
        folder, slash, name = path.rpartition("/")
        return (self.folder / "targets" / f"{folder}{slash}{found.hashes['sha256']}.{name}").read_bytes()

    def anywhere(self, path: str) -> bytes | None:
        """Return what any role distributes under a path."""
        return next((found for role in self.roles()[1:] if (found := self.content(path, role)) is not None), None)

    def drop(self, path: str) -> bool:
        """Distribute nothing under the path any more, in whichever role; say whether something was there."""
        dropped = False
        for role in self.roles()[1:]:
            metadata = self.targets(role)
            if metadata.signed.targets.pop(path, None) is not None:
                self.stage(role, metadata)
                dropped = True
        return dropped

    def rotate(self, role: str, add: Sequence[PublicKey], drop: Sequence[str], threshold: int | None) -> None:
        """Stage a root in which other keys sign for a role. Raises UsageError."""
        root = self.root()
        if role not in root.signed.roles:
            raise UsageError(f"{role[:60]!r} is no top role", next_step=f"name one of {', '.join(TOP_ROLES)}")
        held = root.signed.roles[role]
        kept = [keyid for keyid in held.keyids if not _named(root.signed.keys[keyid], drop)]
        if len(kept) + len(drop) != len(held.keyids):
            raise UsageError(f"not all of the keys to drop sign for {role}", next_step="see trustkit trust root show")
        keys = [_public(root.signed.keys[keyid]) for keyid in kept] + list(add)
        _assign(root.signed, role, RolePlan(tuple(keys), threshold or held.threshold))
        used = {keyid for one in root.signed.roles.values() for keyid in one.keyids}
        for keyid in set(root.signed.keys) - used:
            del root.signed.keys[keyid]
        self.stage(ROOT, root)
        if role == TARGETS:
            self.stage(TARGETS, self.targets(TARGETS))

    def delegate(self, role: str, plan: RolePlan, paths: Sequence[str]) -> None:
        """Stage a delegation of paths (`keys/team-*.pub`), and the role's empty list. Raises UsageError."""
        require_role(role)
        _require_plan(role, plan)
        metadata = self.targets(TARGETS)
        delegations = metadata.signed.delegations or Delegations(keys={}, roles={})
        roles = delegations.roles if delegations.roles is not None else {}
        keys = {one.keyid: one for one in map(DoorKey.of, plan.keys)}
        delegations.keys.update(keys)
        roles[role] = DelegatedRole(role, list(keys), plan.threshold, terminating=False, paths=list(paths))
        delegations.roles = roles
        metadata.signed.delegations = delegations
        self.stage(TARGETS, metadata)
        existing = self.load(role, staged=True)
        self.stage(role, existing or Metadata(Targets(version=1, expires=self.expiry(role))))

    def renew(self) -> None:
        """Stage a new version of root, targets and delegated roles with new ends. Raises UsageError."""
        for role in self.roles():
            if not (self.folder / "staged" / f"{role}.json").is_file():
                metadata = self.load(role, staged=False)
                if metadata is not None:
                    self.stage(role, metadata)

    def sign(self, key: SigningKey) -> tuple[str, ...]:
        """Add the key's signature to every staged role it counts for, and return those. Raises UsageError."""
        signed = []
        for role in self.roles():
            file = self.folder / "staged" / f"{role}.json"
            metadata = read_metadata(file) if file.is_file() else None
            if metadata is None or DoorKey.of(key.public).keyid not in self.signers(role):
                continue
            made = signature_of(key, metadata.signed_bytes)
            metadata.signatures[made.keyid] = made
            write_file(file, metadata.to_bytes(), mode=_PUBLIC)
            signed.append(role)
        if not signed:
            raise UsageError(
                f"nothing staged waits for the key {key.public.short}", next_step="see trustkit trust root show"
            )
        return tuple(signed)

    def signers(self, role: str) -> frozenset[str]:
        """Return the key identifiers that count for a role; the old root's count for the new one too."""
        if role == ROOT:
            before = self.load(ROOT, staged=False)
            held = [self.root().signed, *([before.signed] if before else [])]
            return frozenset(keyid for root in held for keyid in root.roles[ROOT].keyids)
        return frozenset(self.assigned(role).keyids)

    def assigned(self, role: str) -> Role:
        """Return keys and threshold of a role. Raises UsageError."""
        if role in TOP_ROLES:
            return self.root().signed.roles[role]
        delegations = self.targets(TARGETS).signed.delegations
        found = (delegations.roles or {}).get(role) if delegations else None
        if found is None:
            raise UsageError(f"no role is called {role[:60]!r}", next_step="see trustkit trust root show")
        return found

    def standing(self) -> tuple[Standing, ...]:
        """Return each role as it stands. Raises UsageError, MalformedError."""
        found = []
        for role in (*self.roles(), "snapshot", "timestamp"):
            metadata = self.load(role, staged=True)
            assigned = self.assigned(role)
            if metadata is None:
                continue
            found.append(
                Standing(
                    role,
                    metadata.signed.version,
                    metadata.signed.expires,
                    len(set(metadata.signatures) & set(assigned.keyids)),
                    assigned.threshold,
                    tuple(assigned.keyids),
                    (self.folder / "staged" / f"{role}.json").is_file(),
                )
            )
        return tuple(found)


def read_metadata(file: Path) -> Metadata[Any]:
    """Return the metadata in a file. Raises MalformedError."""
    try:
        with file.open("rb") as stream:
            content = stream.read(_METADATA_BYTES)
        return Metadata.from_bytes(content)
    except (OSError, RepositoryError) as error:
        raise MalformedError(f"{file} is no TUF metadata: {str(error)[:200]}") from error


def _public(key: object) -> PublicKey:
    if not isinstance(key, DoorKey):
        raise MalformedError("the root holds a key of a type that is not used here")
    return key.public


def _named(key: object, wanted: Sequence[str]) -> bool:
    """Whether a key is among those named by fingerprint or key identifier, or the beginnings of them."""
    public = _public(key)
    return any(public.fingerprint.startswith(one) or DoorKey.of(public).keyid.startswith(one) for one in wanted)


def _require_plan(role: str, plan: RolePlan) -> None:
    distinct = {key.fingerprint for key in plan.keys}
    if len(distinct) != len(plan.keys):
        raise UsageError(f"a key is named twice for {role}", next_step="each key counts once")
    if not 1 <= plan.threshold <= len(plan.keys):
        raise UsageError(
            f"{role} has {len(plan.keys)} keys; {plan.threshold} of them cannot be asked to sign",
            next_step="give more keys, or a threshold between 1 and their number",
        )


def _assign(root: Root, role: str, plan: RolePlan) -> None:
    _require_plan(role, plan)
    keys = [DoorKey.of(one) for one in plan.keys]
    root.keys.update({one.keyid: one for one in keys})
    root.roles[role] = Role([one.keyid for one in keys], plan.threshold)
