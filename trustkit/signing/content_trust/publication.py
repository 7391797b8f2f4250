"""A draft becomes files to publish: every changed role signed by its keys, and checked as a stranger would.

Root: by the keys of the root before it too. Snapshot: only where its key is here; otherwise the server signs it, as it
does the timestamp.
"""

from collections.abc import Sequence
from typing import Protocol

from trustkit.codec.notary_build import listing_value, root_value, targets_value
from trustkit.codec.notary_tuf import ROOT, SNAPSHOT, Key, Listing, Role, Root, Targets
from trustkit.errors import KeyUnavailableError
from trustkit.fips.provider import CryptoProvider
from trustkit.signing.content_trust.draft import SNAPSHOT_LIFE, Draft, Signers
from trustkit.signing.content_trust.files import meta_of, read, require_current, require_listed
from trustkit.signing.content_trust.identifiers import bare, id_of
from trustkit.signing.content_trust.root import RootCheck, proven_root
from trustkit.signing.content_trust.sign import signed_file
from trustkit.signing.content_trust.signers import require_key, require_role_signed
from trustkit.signing.content_trust.values import Trusted
from trustkit.signing.keys import SigningKey


class Holder(Protocol):
    """The private keys that are at hand, by the identifiers of their bare public halves."""

    def holds(self, key_id: str) -> bool:
        """Whether the key is here; nothing is opened."""

    def open(self, key_id: str) -> SigningKey:
        """Return the key. Raises KeyFileError, KeyUnavailableError."""


def signed(draft: Draft, holder: Holder, crypto: CryptoProvider) -> dict[str, bytes]:
    """Return the files to publish, by role.

    Raises KeyUnavailableError when too few of a role's keys are here, KeyFileError, UsageError, CryptoError.
    """
    files = {role: _signed(draft, role, body, holder) for role, body in draft.changed.items()}
    snapshot = _snapshot(draft, files, holder)
    if snapshot:
        files[SNAPSHOT] = snapshot
    _require_sound(draft, files, crypto)
    return files


def enough(signers: Signers, holder: Holder) -> bool:
    """Whether so many of a role's keys are here as it needs."""
    held = [key_id for key_id in signers.role.key_ids if holder.holds(_bare_id(key_id, signers.keys[key_id]))]
    return len(held) >= signers.role.threshold


def _signed(draft: Draft, name: str, body: Root | Targets, holder: Holder) -> bytes:
    if isinstance(body, Root):
        return signed_file(root_value(body), _opened(_root_signers(draft, body), holder))
    return signed_file(targets_value(body), _opened([draft.signers(name)], holder))


def _root_signers(draft: Draft, body: Root) -> list[Signers]:
    old = draft.files.get(ROOT)
    roots = [body] if old is None else [read(ROOT, old).root, body]
    return [Signers(root.roles[ROOT], root.keys) for root in roots]


def _snapshot(draft: Draft, files: dict[str, bytes], holder: Holder) -> bytes:
    """Return the snapshot of what will be there; nothing where its key is not here."""
    root = draft.root
    signers = Signers(root.roles[SNAPSHOT], root.keys)
    if not enough(signers, holder):
        return b""
    there = {**draft.files, **files}
    listed = [ROOT, *(name for name, body in draft.roles() if body is not None)]
    meta = {name: meta_of(there[name]) for name in listed}
    version = 1
    if old := draft.files.get(SNAPSHOT):
        before = read(SNAPSHOT, old)
        version = before.body.version + 1
        # still there, though it counts for nothing: who is to replace it has to find its version
        meta = {name: one for name, one in before.listing.meta.items() if name in draft.unusable} | meta
    listing = Listing(version, draft.now + SNAPSHOT_LIFE, meta)
    return signed_file(listing_value(listing, SNAPSHOT), _opened([signers], holder))


def _opened(needed: Sequence[Signers], holder: Holder) -> dict[str, SigningKey]:
    """Return all keys of these roles that are here, by the identifiers that their files use."""
    found: dict[str, SigningKey] = {}
    for signers in needed:
        bare_ids = {key_id: _bare_id(key_id, signers.keys[key_id]) for key_id in signers.role.key_ids}
        held = {key_id: bare_id for key_id, bare_id in bare_ids.items() if holder.holds(bare_id)}
        if len(held) < signers.role.threshold:
            raise _missing(signers.role, len(held), [one for one in bare_ids.values() if one not in held.values()])
        found |= {key_id: holder.open(bare_id) for key_id, bare_id in held.items()}
    return found


def _missing(role: Role, held: int, missing: Sequence[str]) -> KeyUnavailableError:
    return KeyUnavailableError(
        f"{role.name} needs {role.threshold} of its keys, and {held} are here; missing: "
        + ", ".join(one[:16] for one in missing[:8]),
        next_step="give the key with --key, or put its file into `private` of trust.folder",
    )


def _bare_id(key_id: str, key: Key) -> str:
    return id_of(bare(require_key(key_id, key)))


def _require_sound(draft: Draft, files: dict[str, bytes], crypto: CryptoProvider) -> None:
    """Return if a client that knew the repository as it was would believe what becomes of it."""
    there = {**draft.files, **files}
    trusted = Trusted(pinned_root=draft.files.get(ROOT) or there[ROOT], renewing=ROOT not in files)
    root = proven_root(there, trusted, RootCheck(draft.gun, draft.now, crypto)).file.root
    for name in files:
        file = read(name, there[name])
        if name == SNAPSHOT:
            require_role_signed(file.envelope, root.roles[SNAPSHOT], root.keys, crypto)
            for role, meta in file.listing.meta.items():
                if role in there:
                    require_listed(read(role, there[role]), meta, SNAPSHOT)
        elif name != ROOT:
            signers = draft.signers(name)
            require_role_signed(file.envelope, signers.role, signers.keys, crypto)
        require_current(file, draft.now)
