"""What is trusted before a repository is looked at, and what is proven of it afterwards."""

from collections.abc import Mapping
from datetime import datetime

from trustkit.codec.notary_tuf import RELEASES, ROOT, TARGETS, FileMeta
from trustkit.errors import SignatureExpiredError, VerificationError
from trustkit.model.digest import Digest
from trustkit.model.values import NamedTuple
from trustkit.signing.content_trust.errors import NotSignedError
from trustkit.signing.content_trust.signers import RoleSigner

# Where docker looks for a tag, first to last; the roles of single delegates are for people to look at.
TAG_ROLES = (RELEASES, TARGETS)


class Trusted(NamedTuple):
    """What is trusted of a repository: files seen before (`root`, `timestamp`, ...), and a root given by hand.

    One that is given holds whatever was seen, perhaps by another program and at first sight. With neither, a root is
    believed at first sight only if `first_use` says so, in so many words.
    For an author who is `renewing` it, files but the timestamp may have ended; then no tag stands for anything.
    """

    seen: Mapping[str, bytes] = {}
    pinned_root: bytes = b""
    first_use: bool = False
    renewing: bool = False

    @property
    def roots(self) -> tuple[bytes, ...]:
        """The roots that each must lead to the one in force."""
        return tuple(root for root in (self.pinned_root, self.seen.get(ROOT, b"")) if root)


class VerifiedRole(NamedTuple):
    """Targets or a delegation, proven: whose keys signed it, and which tags it may and does name."""

    name: str
    version: int
    expires: datetime
    signers: tuple[RoleSigner, ...]
    threshold: int
    targets: Mapping[str, FileMeta]


class UnusableRole(NamedTuple):
    """A delegation that says nothing now, although the rest holds: why, and which version its file calls itself.

    Too few of its keys signed it, as after one of them was taken away, its time is over, or the server hides it.
    """

    name: str
    version: int
    error: VerificationError


class VerifiedTag(NamedTuple):
    """What a tag stands for: the manifest's digest and size, by which role, and who signed it."""

    tag: str
    digest: Digest
    size_bytes: int
    role: VerifiedRole


class VerifiedRepository(NamedTuple):
    """A repository whose every file is proven; only `content_trust.verify` makes one.

    `files` are what to remember for the next time, `expires` the first end of any file.
    """

    gun: str
    root_version: int
    root_keys: tuple[RoleSigner, ...]
    first_use: bool
    expires: datetime
    versions: Mapping[str, int]
    roles: tuple[VerifiedRole, ...]
    files: Mapping[str, bytes]
    unusable: tuple[UnusableRole, ...] = ()
    renewing: bool = False

    def tag(self, name: str) -> VerifiedTag:
        """Return what the tag stands for, by the first role that may name it and does.

        Raises NotSignedError; ThresholdError, SignatureExpiredError when a role that is asked before says nothing now.
        """
        self._require_usable()
        by_name = {role.name: role for role in self.roles}
        for role in (by_name[known] for known in TAG_ROLES if known in by_name):
            meta = role.targets.get(name)
            if meta is not None:
                return VerifiedTag(name, Digest("sha256", meta.hash_of("sha256").hex()), meta.length, role)
        signed = ", ".join(sorted(self.tags)[:8]) or "none"
        raise NotSignedError(
            f"tag {name[:80]!r} of {self.gun} is not signed (signed tags: {signed})",
            next_step=f"sign it: trustkit trust sign {self.gun}:{name[:80]}",
        )

    @property
    def tags(self) -> frozenset[str]:
        """Every tag that stands for something. Raises as `tag`, but for NotSignedError."""
        self._require_usable()
        return frozenset(tag for role in self.roles if role.name in TAG_ROLES for tag in role.targets)

    def _require_usable(self) -> None:
        """Roles are asked in an order: what comes later would say what the first may say otherwise."""
        if self.renewing:
            raise SignatureExpiredError(f"{self.gun} was looked at to be renewed: its files may have ended")
        for one in self.unusable:
            if one.name in TAG_ROLES:
                raise one.error
