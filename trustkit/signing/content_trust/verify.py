"""A repository's metadata to proven tags: root, timestamp, snapshot, targets, delegations, in this order (TUF 5.3-5.6).

No network and no clock: the files a server offers, what was trusted before, and one moment in; proven tags out.
"""

from collections.abc import Mapping
from datetime import datetime

from trustkit import limits
from trustkit.codec.notary_tuf import ROOT, SNAPSHOT, TARGETS, TIMESTAMP, FileMeta, Key, Role
from trustkit.errors import LimitExceededError, RollbackError, SignatureExpiredError
from trustkit.fips.provider import CryptoProvider
from trustkit.model.values import NamedTuple
from trustkit.signing.content_trust.errors import ThresholdError
from trustkit.signing.content_trust.files import (
    File,
    offered,
    read,
    require_current,
    require_listed,
    require_no_rollback,
)
from trustkit.signing.content_trust.root import ProvenRoot, RootCheck, proven_root
from trustkit.signing.content_trust.signers import RoleSigner, require_role_signed
from trustkit.signing.content_trust.values import Trusted, UnusableRole, VerifiedRepository, VerifiedRole


def verify_repository(
    files: Mapping[str, bytes], gun: str, trusted: Trusted, *, now: datetime, crypto: CryptoProvider
) -> VerifiedRepository:
    """Return what the server's files (by role; older roots as `2.root`) prove of a repository.

    Raises RootChainError, RollbackError, ThresholdError, DigestMismatchError, SignatureExpiredError, NotFoundError,
    MalformedError, LimitExceededError, AlgorithmNotApprovedError.
    """
    root = proven_root(files, trusted, RootCheck(gun, now, crypto))
    work = _Work(files, trusted, root, now, crypto)
    timestamp = work.base(TIMESTAMP)
    snapshot = work.base(SNAPSHOT, timestamp.listing.meta[SNAPSHOT])
    listed = snapshot.listing.meta
    require_listed(root.file, listed[ROOT], SNAPSHOT)
    proven, unusable = _targets(work, listed)
    every = (root.file, timestamp, snapshot, *(one.file for one in proven))
    ended = (one.file for one in unusable if isinstance(one.reason.error, SignatureExpiredError))
    return VerifiedRepository(
        gun=gun,
        root_version=root.file.root.version,
        root_keys=root.signers,
        first_use=root.first_use,
        expires=min(file.body.expires for file in every),
        versions={file.role: file.body.version for file in every},
        roles=tuple(one.role for one in proven),
        files={file.role: file.content for file in (*every, *ended)},
        unusable=tuple(one.reason for one in unusable),
        renewing=trusted.renewing,
    )


class _Proven(NamedTuple):
    file: File
    role: VerifiedRole


class _Unusable(NamedTuple):
    file: File
    reason: UnusableRole


class _Work(NamedTuple):
    """One verification under way."""

    files: Mapping[str, bytes]
    trusted: Trusted
    root: ProvenRoot
    now: datetime
    crypto: CryptoProvider

    def base(self, name: str, meta: FileMeta | None = None) -> File:
        """Return a file of the root's own roles, proven."""
        return self.signed(self.root.file.root.roles[name], self.root.file.root.keys, meta)[0]

    def signed(self, role: Role, keys: Mapping[str, Key], meta: FileMeta | None) -> tuple[File, tuple[RoleSigner, ...]]:
        """Return a role's file, proven, and whose keys signed it."""
        file = offered(self.files, role.name)
        if meta is not None:
            require_listed(file, meta, SNAPSHOT if role.name != SNAPSHOT else TIMESTAMP)
        signers = require_role_signed(file.envelope, role, keys, self.crypto)
        require_no_rollback(file, self.trusted.seen)
        if role.name == TIMESTAMP or not self.trusted.renewing:
            require_current(file, self.now)
        return file, signers


def _targets(work: _Work, listed: Mapping[str, FileMeta]) -> tuple[list[_Proven], list[_Unusable]]:
    """Return targets and every delegation that the snapshot lists, parents first, with the tags each may name.

    A delegation that is not signed by its keys any more, has ended, or was seen and is listed no more, is put aside
    with those below it.
    """
    top = work.root.file.root
    waiting: list[tuple[Role, Mapping[str, Key], tuple[str, ...]]] = [(top.roles[TARGETS], top.keys, ("",))]
    found: list[_Proven] = []
    unusable: list[_Unusable] = []
    while waiting:
        role, keys, allowed = waiting.pop(0)
        # a file that the snapshot does not list is not of this state of the repository
        if role.name not in listed:
            unusable += _hidden(role, work)
            continue
        if len(found) + len(unusable) == limits.TRUST_UPLOAD_FILES:
            raise LimitExceededError(f"more than {limits.TRUST_UPLOAD_FILES} delegations")
        try:
            file, signers = work.signed(role, keys, listed[role.name])
        except (ThresholdError, SignatureExpiredError) as error:
            if role.name == TARGETS:
                raise
            file = offered(work.files, role.name)
            unusable.append(_Unusable(file, UnusableRole(role.name, file.body.version, error)))
            continue
        named = {tag: meta for tag, meta in file.targets.targets.items() if tag.startswith(allowed)}
        body = file.targets
        proven = VerifiedRole(role.name, body.version, body.expires, signers, role.threshold, named)
        found.append(_Proven(file, proven))
        waiting += [(child, body.keys, _within(child.paths, allowed)) for child in body.roles]
    return found, unusable


def _hidden(role: Role, work: _Work) -> list[_Unusable]:
    """Return a role that still is delegated and was seen, and is left out: by whom has the snapshot's key (TUF 5.5.5).

    It is put aside and not refused, so that those who may sign for it can list it again.
    """
    content = work.trusted.seen.get(role.name)
    if content is None:
        return []
    before = read(role.name, content)
    error = RollbackError(
        f"{role.name} {before.body.version} was seen before, and the snapshot lists none although it is delegated",
        next_step="find out why the trust server hides it; if it was delegated anew, one of its signers has to sign",
    )
    if role.name == TARGETS:
        raise error
    return [_Unusable(before, UnusableRole(role.name, before.body.version, error))]


def _within(paths: tuple[str, ...], allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Return those path prefixes of a delegation that its parent may itself name."""
    return tuple(path for path in paths if path.startswith(allowed))
