"""In which roles an author's keys sign or clear a tag, as docker chooses them."""

from trustkit.codec.notary_tuf import RELEASES, TARGETS
from trustkit.errors import KeyUnavailableError
from trustkit.signing.content_trust.draft import Draft
from trustkit.signing.content_trust.errors import NotSignedError
from trustkit.signing.content_trust.publication import Holder, enough
from trustkit.signing.content_trust.values import TAG_ROLES


def roles_to_sign(draft: Draft, tag: str, holder: Holder) -> tuple[str, ...]:
    """Return where a tag is looked for, and the author's own delegations besides.

    That is `targets/releases` once it is delegated, else `targets`. Raises KeyUnavailableError: the author's keys may
    not sign there.
    """
    targets = draft.targets()
    delegated = targets.roles if targets else ()
    looked_at = RELEASES if any(role.name == RELEASES for role in delegated) else TARGETS
    able = [role.name for role in delegated if tag.startswith(role.paths) and enough(draft.signers(role.name), holder)]
    if looked_at == TARGETS:
        # who lacks the key learns its name when it is to sign
        return (TARGETS, *able)
    if RELEASES not in able:
        raise KeyUnavailableError(
            f"none of the keys here may sign {draft.gun}:{tag} in {RELEASES}, where it is looked for",
            next_step=f"give a signer's key with --key, or become one: trustkit trust delegate {draft.gun} NAME",
        )
    return (RELEASES, *(name for name in able if name != RELEASES))


def roles_to_clear(draft: Draft, tag: str, holder: Holder) -> tuple[str, ...]:
    """Return every role that names the tag, but for signers' own delegations whose keys are not here.

    Raises NotSignedError, KeyUnavailableError: the tag would stay signed where it is looked for.
    """
    naming = [name for name, body in draft.roles() if body is not None and tag in body.targets]
    if not naming:
        raise NotSignedError(f"{draft.gun}:{tag[:80]} is not signed, so there is nothing to revoke")
    able = tuple(name for name in naming if enough(draft.signers(name), holder))
    for name in naming:
        if name in TAG_ROLES and name not in able:
            raise KeyUnavailableError(
                f"{draft.gun}:{tag} is signed in {name}, whose keys are not here",
                next_step="give the key with --key, or ask one of its signers",
            )
    return able
