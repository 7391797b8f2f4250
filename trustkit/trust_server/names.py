"""Names of repositories (GUN, "globally unique name") and of their metadata, as paths of requests spell them."""

import re

from trustkit.errors import RequestError
from trustkit.model.values import NamedTuple

# Docker's grammar of repository names (distribution/reference), with or without a host; `notary` takes any text,
# but nothing that could be mistaken for a path of the server's own is taken here.
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-f:]+\])"
_GUN = re.compile(rf"(?:{_HOST}(?::[0-9]{{1,5}})?/)?{_COMPONENT}(?:/{_COMPONENT})*\Z")
_GUN_CHARS = 255
_ROLE = r"root|snapshot|timestamp|targets(?:/[-a-z0-9_]+)*"
_ROLE_CHARS = 255
# Delegations below delegations; docker makes one level.
_ROLE_DEPTH = 8
_ROUTE = re.compile(
    rf"/v2/(?P<gun>.{{1,512}}?)/_trust/tuf/(?:"
    rf"(?P<version>[1-9][0-9]{{0,9}})\.(?P<versioned>{_ROLE})\.json"
    rf"|(?P<hashed>{_ROLE})\.(?P<sha256>[0-9a-f]{{64}})\.json"
    rf"|(?P<current>{_ROLE})\.json"
    rf"|(?P<key>snapshot|timestamp)\.key)?\Z"
)


class Place(NamedTuple):
    """What a path below `/_trust/tuf/` names; without role and key, the repository itself."""

    gun: str
    role: str = ""
    version: int = 0
    sha256: str = ""
    key: str = ""


def place_of(path: str) -> Place:
    """Return what a request's path names. Raises RequestError (404 for no such route, 400 for a bad name)."""
    found = _ROUTE.match(path)
    if found is None:
        raise RequestError("there is nothing at this path", status="404")
    gun = require_gun(found["gun"])
    role = found["versioned"] or found["hashed"] or found["current"] or ""
    require_role(role or "root")
    return Place(gun, role, int(found["version"] or 0), found["sha256"] or "", found["key"] or "")


def require_gun(gun: str) -> str:
    """Return the name of a repository if it is one. Raises RequestError."""
    if len(gun) > _GUN_CHARS or not _GUN.match(gun):
        raise RequestError(f"{gun[:80]!r} is no repository name", status="400", notary="INVALID_GUN")
    return gun


def require_role(role: str) -> str:
    """Return the name of a role if it is one. Raises RequestError."""
    if len(role) > _ROLE_CHARS or role.count("/") > _ROLE_DEPTH or not re.fullmatch(_ROLE, role):
        raise RequestError(f"{role[:80]!r} is no role", status="400", notary="INVALID_ROLE")
    return role
