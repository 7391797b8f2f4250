"""`signedIdentity`: whether the name in a signature is the name an image was asked for under.

The rules of containers/image (containers-policy.json(5)), over names alone: the digest is compared elsewhere.

    matchRepoDigestOrExact   by tag: the same repository and tag; by digest: the same repository (the default)
    matchExact               the same repository, and the same tag or digest
    matchRepository          the same repository
    exactReference           this reference, whatever was asked for
    exactRepository          this repository, whatever was asked for
    remapIdentity            as the default, after `prefix` of the name was replaced by `signedPrefix`

Where both tag and digest were asked for, the tag is compared: it is what the person believes to get.
"""

from trustkit.errors import PolicySyntaxError, ReferenceSyntaxError
from trustkit.model.reference import REGISTRY, ImageRef
from trustkit.model.values import NamedTuple

MATCH_EXACT = "matchExact"
MATCH_REPO_DIGEST_OR_EXACT = "matchRepoDigestOrExact"
MATCH_REPOSITORY = "matchRepository"
EXACT_REFERENCE = "exactReference"
EXACT_REPOSITORY = "exactRepository"
REMAP_IDENTITY = "remapIdentity"
RULES = (
    MATCH_EXACT, MATCH_REPO_DIGEST_OR_EXACT, MATCH_REPOSITORY, EXACT_REFERENCE, EXACT_REPOSITORY, REMAP_IDENTITY,
)  # fmt: skip


class _Name(NamedTuple):
    """A reference without what Docker would add to it: `tag` and `digest` are empty unless written."""

    repository: str
    tag: str
    digest: str


class SignedIdentity(NamedTuple):
    """One rule; `value` is the reference, repository or prefix it names, `signed_prefix` what replaces a prefix."""

    rule: str = MATCH_REPO_DIGEST_OR_EXACT
    value: str = ""
    signed_prefix: str = ""

    def __str__(self) -> str:
        """Return it as the command line has it."""
        tail = f"={self.signed_prefix}" if self.signed_prefix else ""
        return f"{self.rule}={self.value}{tail}" if self.value else self.rule


DEFAULT = SignedIdentity()


def signed_identity(rule: str, value: str = "", signed_prefix: str = "") -> SignedIdentity:
    """Return a checked rule. Raises PolicySyntaxError."""
    if rule not in RULES:
        raise PolicySyntaxError(f"no signed identity is called {rule[:40]!r}", next_step=f"use {', '.join(RULES)}")
    wanted = (rule in (EXACT_REFERENCE, EXACT_REPOSITORY, REMAP_IDENTITY), rule == REMAP_IDENTITY)
    if (bool(value), bool(signed_prefix)) != wanted:
        shapes = {EXACT_REFERENCE: "=REFERENCE", EXACT_REPOSITORY: "=REPOSITORY", REMAP_IDENTITY: "=PREFIX=SIGNED"}
        raise PolicySyntaxError(f"{rule} is written wrongly", next_step=f"write {rule}{shapes.get(rule, '')}")
    if rule in (EXACT_REFERENCE, EXACT_REPOSITORY):
        name = _read(value)
        named = bool(name and (name.tag or name.digest))
        if name is None or named != (rule == EXACT_REFERENCE):
            kind = "a reference with a tag or digest" if rule == EXACT_REFERENCE else "a repository without a tag"
            raise PolicySyntaxError(f"{rule} needs {kind}, not {value[:120]!r}")
    return SignedIdentity(rule, value, signed_prefix)


def read_signed_identity(text: str) -> SignedIdentity:
    """Read RULE, RULE=VALUE, or remapIdentity=PREFIX=SIGNED. Raises PolicySyntaxError."""
    rule, _, rest = text.partition("=")
    value, _, signed_prefix = rest.partition("=")
    return signed_identity(rule, value, signed_prefix)


def mismatch(identity: SignedIdentity, claimed: str, asked: ImageRef) -> str:
    """Return why the claimed name does not satisfy the rule for the image asked for, or nothing if it does."""
    signed = _read(claimed)
    if signed is None:
        return f"it names {claimed[:120]!r}, which is no image reference"
    if identity.rule == EXACT_REPOSITORY:
        wanted = _read(identity.value)
        return _unless(wanted is not None and signed.repository == wanted.repository, identity, claimed, asked)
    if identity.rule == EXACT_REFERENCE:
        return _unless(signed == _read(identity.value), identity, claimed, asked)
    if asked.transport != REGISTRY:
        return f"it names {claimed[:120]!r}, and {asked.name} has no repository name to compare with"
    name = _Name(asked.name, asked.tag, str(asked.digest or ""))
    return _unless(_matches(identity, signed, name), identity, claimed, asked)


def _matches(identity: SignedIdentity, signed: _Name, asked: _Name) -> bool:
    if identity.rule == MATCH_REPOSITORY:
        return signed.repository == asked.repository
    if identity.rule == MATCH_EXACT:
        return bool(signed.tag or signed.digest) and signed == asked
    if identity.rule == REMAP_IDENTITY:
        return _by_digest_or_exactly(signed, _remapped(asked, identity))
    return identity.rule == MATCH_REPO_DIGEST_OR_EXACT and _by_digest_or_exactly(signed, asked)


def _by_digest_or_exactly(signed: _Name, asked: _Name) -> bool:
    if signed.repository != asked.repository:
        return False
    if asked.tag:
        return signed.tag == asked.tag and not signed.digest
    return bool(asked.digest)


def _remapped(asked: _Name, identity: SignedIdentity) -> _Name:
    """Return the name with its prefix replaced if the prefix is whole components of it."""
    prefix, name = identity.value, asked.repository
    if name != prefix and not name.startswith(f"{prefix}/"):
        return asked
    replaced = _read(identity.signed_prefix + name[len(prefix) :])
    return asked._replace(repository=replaced.repository if replaced else "")


def _read(text: str) -> _Name | None:
    """Read a name with Docker's defaults, but without adding a tag; None if it is none."""
    try:
        ref = ImageRef.parse(text)
    except ReferenceSyntaxError:
        return None
    if ref.transport != REGISTRY or text.startswith("docker://"):
        return None
    written = ":" in text.partition("@")[0].rpartition("/")[2]
    return _Name(ref.name, ref.tag if written else "", str(ref.digest or ""))


def _unless(satisfied: bool, identity: SignedIdentity, claimed: str, asked: ImageRef) -> str:  # noqa: FBT001
    if satisfied:
        return ""
    return f"it names {claimed[:120]!r}, which {identity.rule} does not accept for {str(asked)[:200]}"
