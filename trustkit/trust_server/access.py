"""Who may do what: the question every route asks, and what a right on repositories is."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from trustkit.errors import ConfigError, RequestError

PULL = "pull"
PUSH = "push"
# Rotate the server's keys, delete a repository: docker's word for all rights.
EVERYTHING = "*"
ACTIONS = frozenset({PULL, PUSH, EVERYTHING})
ANONYMOUS = "anonymous"
_PATTERN = re.compile(r"[A-Za-z0-9._:\[\]/-]{0,255}\*?\Z")


class Access(Protocol):
    """One way in which clients prove who they are."""

    def admit(self, authorization: str, gun: str, actions: frozenset[str], now: datetime) -> str:
        """Return who asks, if they may do all these actions on the repository; `gun` empty asks only who it is.

        Raises RequestError: 401 with a challenge, or 403.
        """


class Right(NamedTuple):
    """Actions on the repositories of a pattern: a name, or the beginning of names followed by `*`."""

    pattern: str
    actions: frozenset[str]

    def allows(self, gun: str) -> frozenset[str]:
        """What it allows on a repository."""
        prefix, star, _ = self.pattern.partition("*")
        fits = gun.startswith(prefix) if star else gun == prefix
        if not fits:
            return frozenset()
        return ACTIONS if EVERYTHING in self.actions else self.actions


def right(pattern: str, actions: frozenset[str]) -> Right:
    """Return the right. Raises ConfigError."""
    if not _PATTERN.match(pattern) or not pattern:
        message = f"{pattern!r} is no pattern of repositories"
        raise ConfigError(message, next_step="write a name, or the beginning of names and one * at the end")
    if not actions or actions - ACTIONS:
        raise ConfigError(f"{sorted(actions)!r} are no actions", next_step="write pull, push or *")
    return Right(pattern, actions)


class OpenAccess:
    """Everybody may do everything: for trying the server out on one machine."""

    def admit(self, authorization: str, gun: str, actions: frozenset[str], now: datetime) -> str:  # noqa: ARG002
        """As in the Protocol; never refuses."""
        return ANONYMOUS


def require_allowed(who: str, gun: str, actions: frozenset[str], rights: Mapping[str, frozenset[str]]) -> None:
    """Return if the rights, by repository, allow all actions. Raises RequestError."""
    missing = actions - rights.get(gun, frozenset())
    if missing:
        raise RequestError(f"{who} may not {' or '.join(sorted(missing))} {gun}", status="403")


def unauthenticated(reason: str, challenge: str) -> RequestError:
    """Return the refusal that tells a client how to prove who it is (RFC 9110 11.6.1)."""
    return RequestError(reason, status="401", challenge=challenge, next_step="docker login to the trust server's host")
