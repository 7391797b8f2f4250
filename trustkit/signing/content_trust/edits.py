"""What authors change in a repository: its beginning, tags, delegations, keys. Nothing is signed here."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from trustkit.codec.notary_tuf import BASE_ROLES, RELEASES, ROOT, TARGETS, FileMeta, Key, Role, Root, is_delegation
from trustkit.errors import UsageError
from trustkit.model.values import NamedTuple
from trustkit.signing.content_trust.draft import ROOT_LIFE, Draft, empty
from trustkit.signing.content_trust.identifiers import id_of


class RoleKeys(NamedTuple):
    """Whose signatures a role is to need, and how many of them."""

    keys: Sequence[Key]
    threshold: int = 1

    def role(self, name: str, paths: tuple[str, ...] = ("",)) -> Role:
        """Return the role. Raises UsageError."""
        key_ids = tuple(dict.fromkeys(map(id_of, self.keys)))
        if not 1 <= self.threshold <= len(key_ids):
            raise UsageError(
                f"{name}: {self.threshold} of {len(key_ids)} keys cannot sign", next_step="give more keys, or ask fewer"
            )
        return Role(name, key_ids, self.threshold, paths)


def begun(gun: str, roles: Mapping[str, RoleKeys], now: datetime) -> Draft:
    """Return the first state of a repository, with these keys for the four roles and no tag. Raises UsageError."""
    keys = _keys(key for role in roles.values() for key in role.keys)
    draft = Draft(gun, {}, now)
    draft.put_root(Root(1, now + ROOT_LIFE, keys, {name: roles[name].role(name) for name in BASE_ROLES}))
    draft.put_targets(TARGETS, empty(now))
    return draft


def with_tags(draft: Draft, role: str, tags: Mapping[str, FileMeta]) -> None:
    """Let tags stand for what they say, by this role. Raises UsageError: it may not name one of them."""
    paths = draft.signers(role).role.paths
    for tag in tags:
        if not tag.startswith(paths):
            raise UsageError(f"{role} of {draft.gun} may not name {tag}", next_step=f"its tags begin with {paths}")
    body = draft.targets(role) or empty(draft.now)
    draft.put_targets(role, body._replace(targets={**body.targets, **tags}))


def without_tags(draft: Draft, role: str, tags: Iterable[str]) -> None:
    """Let tags stand for nothing any more, by this role."""
    body, gone = draft.targets(role) or empty(draft.now), frozenset(tags)
    kept = {tag: meta for tag, meta in body.targets.items() if tag not in gone}
    draft.put_targets(role, body._replace(targets=kept))


def delegate(
    draft: Draft, name: str, keys: Sequence[Key], *, threshold: int | None = None, paths: tuple[str, ...] | None = None
) -> None:
    """Let these keys, beside those it has, sign for a delegation. Raises UsageError.

    What is not said stays as it is; of a new delegation one key must sign, for every tag.
    """
    parent = _parent(draft, name)
    body = draft.targets(parent) or empty(draft.now)
    before = next((role for role in body.roles if role.name == name), Role(name, (), 1))
    wanted = RoleKeys(
        [*(body.keys[key_id] for key_id in before.key_ids), *keys],
        before.threshold if threshold is None else threshold,
    )
    role = wanted.role(name, before.paths if paths is None else paths)
    roles = tuple(role if one is before else one for one in body.roles)
    if before not in body.roles:
        roles = (*roles, role)
    draft.put_targets(parent, body._replace(keys={**body.keys, **_keys(keys)}, roles=roles))


def add_signer(
    draft: Draft,
    name: str,
    keys: Sequence[Key],
    *,
    threshold: int | None = None,
    paths: tuple[str, ...] | None = None,
    releases: bool = True,
) -> None:
    """Delegate as `delegate`, and with `releases` let the keys of a signer count where tags are looked up.

    Raises UsageError, also where a key of the signer could do more there than the signer's own role says.
    """
    delegate(draft, name, keys, threshold=threshold, paths=paths)
    if name.rpartition("/")[0] != TARGETS or name == RELEASES:
        return
    if releases:
        delegate(draft, RELEASES, keys)
    _require_no_more(draft, draft.signers(name).role)


def _require_no_more(draft: Draft, signer: Role) -> None:
    """Return if no key of the signer may do alone in `targets/releases` what it may not do as the signer."""
    body = draft.targets() or empty(draft.now)
    shared = next((one for one in body.roles if one.name == RELEASES), Role(RELEASES, (), 1))
    if not frozenset(shared.key_ids) & frozenset(signer.key_ids):
        return
    if shared.threshold < signer.threshold or not all(path.startswith(signer.paths) for path in shared.paths):
        raise UsageError(
            f"a key of {signer.name} would count in {RELEASES} as well, and so for more than it may: there all signers "
            f"share the threshold {shared.threshold} and the tags {', '.join(f'{path}*' for path in shared.paths)}",
            next_step="give --no-releases; if the key counts there already, end the signer first (--remove)",
        )


def undelegate(draft: Draft, name: str) -> tuple[str, ...]:
    """End a delegation, and return the roles that are gone.

    Its keys sign for `targets/releases` no more, unless another signer has them; without keys that ends too.

    Raises UsageError.
    """
    parent = _parent(draft, name)
    body = draft.targets(parent)
    role = next((one for one in body.roles if one.name == name), None) if body else None
    if body is None or role is None:
        raise UsageError(f"{draft.gun} has no {name}", next_step=f"see trustkit trust inspect {draft.gun}")
    roles = tuple(one for one in body.roles if one is not role)
    if parent == TARGETS and name != RELEASES:
        others = {key_id for one in roles if one.name != RELEASES for key_id in one.key_ids}
        roles = _released(roles, frozenset(role.key_ids) - others)
    needed = {key_id for one in roles for key_id in one.key_ids}
    keys = {key_id: key for key_id, key in body.keys.items() if key_id in needed}
    draft.put_targets(parent, body._replace(keys=keys, roles=roles))
    kept = {one.name for one in roles}
    return tuple(one.name for one in body.roles if one.name not in kept)


def rekeyed(draft: Draft, name: str, new: RoleKeys) -> None:
    """Let other keys sign for one of the four roles. Raises UsageError."""
    root = draft.root
    roles = {**root.roles, name: new.role(name)}
    named = {key_id for role in roles.values() for key_id in role.key_ids}
    keys = {key_id: key for key_id, key in {**root.keys, **_keys(new.keys)}.items() if key_id in named}
    draft.put_root(root._replace(keys=keys, roles=roles))
    if name == TARGETS:
        renewed(draft, TARGETS)


def renewed(draft: Draft, name: str) -> None:
    """Let a role's file be signed again, with a new end. Raises UsageError."""
    if name == ROOT:
        draft.put_root(draft.root)
        return
    draft.signers(name)
    draft.put_targets(name, draft.targets(name) or empty(draft.now))


def tag_role_of(name: str) -> str:
    """Return the role that signs tags under this name. Raises UsageError."""
    return TARGETS if name == TARGETS else delegation_of(name)


def delegation_of(name: str) -> str:
    """Return the role that a signer's name stands for, as docker's do. Raises UsageError."""
    role = name if name.startswith(f"{TARGETS}/") else f"{TARGETS}/{name}"
    if not is_delegation(role):
        raise UsageError(f"{name[:80]!r} names no signer", next_step="use small letters, digits, - and _")
    return role


def _parent(draft: Draft, name: str) -> str:
    parent = name.rpartition("/")[0]
    draft.signers(parent)
    return parent


def _released(roles: tuple[Role, ...], gone: frozenset[str]) -> tuple[Role, ...]:
    found = []
    for role in roles:
        kept = tuple(key_id for key_id in role.key_ids if key_id not in gone) if role.name == RELEASES else role.key_ids
        if kept and len(kept) < role.threshold:
            raise UsageError(
                f"{role.name} needs {role.threshold} signers, and {len(kept)} would be left",
                next_step="add another signer first",
            )
        found += [role._replace(key_ids=kept)] if kept else []
    return tuple(found)


def _keys(keys: Iterable[Key]) -> dict[str, Key]:
    return {id_of(key): key for key in keys}
