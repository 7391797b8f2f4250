"""What an upload must prove before any of it is stored: signers, versions, and that all files fit together.

Every refusal names the role in the detail `role`, by which clients are told which of their files was refused.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from trustkit import limits
from trustkit.codec.notary_tuf import ROOT, SNAPSHOT, TARGETS, Key, Role, Root, is_delegation
from trustkit.errors import (
    DigestMismatchError,
    LimitExceededError,
    RollbackError,
    SignatureExpiredError,
    TrustkitError,
    UntrustedSignerError,
)
from trustkit.fips.provider import CryptoProvider
from trustkit.signing.content_trust.signers import require_role_signed
from trustkit.trust_server.files import File, View


class Checked(NamedTuple):
    """An upload that holds: the root in force, the files its roles have, and the snapshot if it was uploaded."""

    root: Root
    files: Mapping[str, File]
    snapshot: File | None
    dropped: frozenset[str]


def check(view: View, crypto: CryptoProvider, now: datetime) -> Checked:
    """Return what the upload leads to. Raises VerificationError, MalformedError with the detail `role`."""
    root = _root(view, crypto)
    files = {ROOT: root}
    for file in _targets(view, root.root, crypto):
        files[file.role] = file
    for file in view.new.values():
        if file.role != SNAPSHOT and file.role not in files:
            raise UntrustedSignerError(f"nobody delegates to {file.role}", role=file.role)
    snapshot = _snapshot(view, root.root, files, crypto)
    for file in view.new.values():
        _require_newer(file, view.there(file.role), now)
    dropped = frozenset(role for role in view.roles_there if is_delegation(role) and role not in files)
    return Checked(root.root, files, snapshot, dropped)


def require_signed(file: File, role: Role, keys: Mapping[str, Key], crypto: CryptoProvider) -> None:
    """Return if so many of the role's keys signed the file as it needs. Raises VerificationError, MalformedError."""
    try:
        require_role_signed(file.envelope, role, keys, crypto)
    except TrustkitError as error:
        error.details["role"] = file.role
        raise


def _root(view: View, crypto: CryptoProvider) -> File:
    """Return the root in force; a new one is signed by its own keys and by those of the one before it."""
    new, old = view.new.get(ROOT), view.there(ROOT)
    if new is None:
        if old is None:
            raise missing(ROOT, "the repository has no root yet, and none is uploaded")
        return old
    require_signed(new, new.root.roles[ROOT], new.root.keys, crypto)
    if old is not None:
        require_signed(new, old.root.roles[ROOT], old.root.keys, crypto)
        if new.root.version != old.root.version + 1:
            message = f"root {new.root.version} does not follow root {old.root.version}"
            raise RollbackError(message, role=ROOT)
    return new


def _targets(view: View, root: Root, crypto: CryptoProvider) -> Iterator[File]:
    """Yield targets and every delegation that has a file, parents first."""
    targets = view.find(TARGETS)
    if targets is None:
        raise missing(TARGETS, "the repository has no targets yet, and none are uploaded")
    if targets.new or ROOT in view.new:
        require_signed(targets, root.roles[TARGETS], root.keys, crypto)
    waiting = [targets]
    count = 0
    while waiting:
        parent = waiting.pop(0)
        yield parent
        for role in parent.targets.roles:
            file = view.find(role.name)
            if file is None:
                continue
            count += 1
            if count > limits.TRUST_UPLOAD_FILES:
                message = f"more than {limits.TRUST_UPLOAD_FILES} delegations"
                raise LimitExceededError(message, role=file.role)
            if file.new:
                require_signed(file, role, parent.targets.keys, crypto)
            waiting.append(file)


def _snapshot(view: View, root: Root, files: Mapping[str, File], crypto: CryptoProvider) -> File | None:
    """Return the uploaded snapshot, which lists exactly files that will be there."""
    snapshot = view.new.get(SNAPSHOT)
    if snapshot is None:
        return None
    require_signed(snapshot, root.roles[SNAPSHOT], root.keys, crypto)
    listed = snapshot.listing.meta
    for role, meta in listed.items():
        file = files.get(role)
        if file is None:
            raise missing(SNAPSHOT, f"the snapshot lists {role[:80]!r}, which the repository does not have")
        if meta.length != len(file.content) or any(file.digest(name) != value for name, value in meta.hashes):
            raise DigestMismatchError(f"the snapshot lists another {role} than the repository has", role=SNAPSHOT)
    for role, file in files.items():
        if file.new and role not in listed:
            raise missing(SNAPSHOT, f"the snapshot does not list {role}, which is uploaded with it")
    return snapshot


def _require_newer(file: File, old: File | None, now: datetime) -> None:
    if old is not None and file.body.version <= old.body.version:
        message = f"{file.role} {file.body.version} is not newer than {old.body.version}, which is there"
        raise RollbackError(message, role=file.role, next_step="fetch the repository's state and sign again")
    if file.body.expires <= now:
        message = f"{file.role} {file.body.version} expired at {file.body.expires:%Y-%m-%d %H:%M:%S}Z"
        raise SignatureExpiredError(message, role=file.role)


def missing(role: str, reason: str) -> UntrustedSignerError:
    """Return the refusal of a hierarchy that lacks a file, as notary's clients know it."""
    return UntrustedSignerError(reason, role=role, hierarchy="missing")
