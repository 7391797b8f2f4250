"""A repository's next state: the files that it has, and the bodies that are to replace some of them."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from trustkit.codec.notary_tuf import ROOT, SNAPSHOT, TARGETS, Key, Role, Root, Targets
from trustkit.errors import UsageError
from trustkit.model.values import NamedTuple
from trustkit.signing.content_trust.files import read

# as docker and notary write them
ROOT_LIFE = timedelta(days=3650)
TARGETS_LIFE = SNAPSHOT_LIFE = timedelta(days=3 * 365)


class Signers(NamedTuple):
    """A role, and the keys its identifiers stand for."""

    role: Role
    keys: Mapping[str, Key]


class Draft:
    """Changes to a repository, before anybody signs them."""

    def __init__(
        self,
        gun: str,
        files: Mapping[str, bytes],
        now: datetime,
        unusable: Mapping[str, int] | None = None,
        seen: Mapping[str, bytes] | None = None,
    ) -> None:
        """Begin with the files as they are, which are proven, or with none.

        `unusable` are the versions of files whose content counts for nothing, `seen` are files from before, perhaps of
        a delegation that ended and begins again: what replaces them has a higher version.
        """
        self.gun, self.files, self.now = gun, files, now
        self.unusable, self._seen = dict(unusable or {}), dict(seen or {})
        self.changed: dict[str, Root | Targets] = {}

    @property
    def root(self) -> Root:
        """The root as it will be."""
        found = self.changed.get(ROOT)
        return found if isinstance(found, Root) else read(ROOT, self.files[ROOT]).root

    def targets(self, role: str = TARGETS) -> Targets | None:
        """The targets of a role as they will be."""
        found = self.changed.get(role)
        if isinstance(found, Targets):
            return found
        content = self.files.get(role)
        return read(role, content).targets if content is not None else None

    def put_root(self, body: Root) -> None:
        """Replace the root, with the next version and a new end."""
        version = self._next(ROOT)
        self.changed[ROOT] = body._replace(version=version, expires=self.now + ROOT_LIFE)

    def put_targets(self, role: str, body: Targets) -> None:
        """Replace the targets of a role, with the next version and a new end."""
        version = self._next(role)
        self.changed[role] = body._replace(version=version, expires=self.now + TARGETS_LIFE)

    def signers(self, role: str) -> Signers:
        """Return who signs for targets or a delegation. Raises UsageError: nobody delegates to it."""
        if role == TARGETS:
            return Signers(self.root.roles[TARGETS], self.root.keys)
        parent = self.targets(role.rpartition("/")[0])
        found = next((one for one in parent.roles if one.name == role), None) if parent else None
        if parent is None or found is None:
            raise UsageError(f"{self.gun} has no {role}", next_step=f"see trustkit trust inspect {self.gun}")
        return Signers(found, parent.keys)

    def roles(self) -> Iterator[tuple[str, Targets | None]]:
        """Yield targets and every delegation, parents first, with their bodies as far as they have a file."""
        waiting = [TARGETS]
        while waiting:
            name = waiting.pop(0)
            body = self.targets(name)
            yield name, body
            waiting += [role.name for role in body.roles] if body else []

    def _next(self, role: str) -> int:
        known = [read(role, files[role]).body.version for files in (self.files, self._seen) if role in files]
        if role not in self.files and SNAPSHOT in self.files:
            # whoever never saw what this role said before it ended: no role is published more often than the snapshot
            known.append(read(SNAPSHOT, self.files[SNAPSHOT]).body.version)
        return max([*known, self.unusable.get(role, 0)]) + 1


def empty(now: datetime) -> Targets:
    """Return the targets of a role that names no tag yet."""
    return Targets(1, now + TARGETS_LIFE, {}, {}, ())
