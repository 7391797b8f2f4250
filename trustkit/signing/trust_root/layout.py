"""What a trust root distributes, by path: `KIND/NAME.SUFFIX`, and the list of revoked keys."""

import re

from trustkit.errors import MalformedError, UsageError

REVOKED = "revoked.json"
KEYS, POLICIES, SIGSTORE, IDENTITIES = "keys", "policies", "sigstore", "identities"
# kind (the folder) → suffix of its files
KINDS = {
    KEYS: "pub",
    IDENTITIES: "json",
    POLICIES: "yaml",
    SIGSTORE: "json",
    "ca": "pem",
    "signingAuthority": "pem",
    "tsa": "pem",
    "openpgp": "gpg",
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_ROLE = re.compile(r"[a-z0-9][a-z0-9-]{0,40}\Z")
TOP_ROLES = ("root", "targets", "snapshot", "timestamp")


def path_of(kind: str, name: str) -> str:
    """Return where a thing of this kind and name is distributed. Raises UsageError."""
    if kind not in KINDS:
        raise UsageError(f"{kind[:40]!r} is no kind of trust", next_step=f"use one of {', '.join(KINDS)}")
    if not _NAME.match(name):
        raise UsageError(f"{name[:80]!r} is no name", next_step="use letters, digits, dots, dashes and underscores")
    return f"{kind}/{name}.{KINDS[kind]}"


def require_path(path: str) -> str:
    """Return the path of a distributed file if it is one. Raises MalformedError.

    The path becomes a file name: nothing but what `path_of` makes is taken from a repository.
    """
    if path == REVOKED:
        return path
    kind, _, file = path.partition("/")
    name, _, suffix = file.rpartition(".")
    if KINDS.get(kind) != suffix or not _NAME.match(name):
        raise MalformedError(f"the trust root distributes {path[:80]!r}, which is nothing a trust root may")
    return path


def require_role(name: str) -> str:
    """Return the name of a delegated role. Raises UsageError."""
    if not _ROLE.match(name) or name in TOP_ROLES:
        raise UsageError(f"{name[:60]!r} is no name of a delegated role", next_step="use lower-case letters and dashes")
    return name
