"""Patterns over image names as other tools write them.

What a section speaks about is translated as wide as it may be meant, what is excluded from one as narrow: every section
that matches must pass, so being wide is being strict.
"""

import re

from trustkit.model.reference import DEFAULT_REGISTRY
from trustkit.policy.importing.draft import literal

_ALIASES = ("index.docker.io", "registry-1.docker.io")
_LETTERS = re.compile(r"[a-z0-9._/:\[\]*-]+\Z")


def bare(written: str) -> tuple[str, bool]:
    """Return a pattern without tag and digest, and whether those were open (`*`) or absent."""
    name, at, digest = written.partition("@")
    head, slash, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    if colon and not slash and tag.isdecimal():
        # a host with a port alone
        return name, not at
    return f"{head}{slash}{last}", (not at or digest in ("*", "sha256:*")) and (not colon or tag == "*")


def full(written: str) -> str:
    """Return a pattern with its registry, as names are normalised here."""
    host, slash, rest = written.partition("/")
    if host in _ALIASES:
        host, written = DEFAULT_REGISTRY, f"{DEFAULT_REGISTRY}{slash}{rest}"
    if not slash:
        has_host = "." in host or ":" in host or host == "localhost" or host in ("*", "**")
        return written if has_host else f"{DEFAULT_REGISTRY}/library/{written}"
    if "." in host or ":" in host or "*" in host or host == "localhost":
        return written
    return f"{DEFAULT_REGISTRY}/{written}"


def wide(pattern: str) -> str:
    """Return a pattern of ours that covers at least what the other one does; empty if it cannot be written here."""
    if not _LETTERS.match(pattern):
        return ""
    found = re.sub(r"\*+", "**", pattern)
    if found == "**":
        return found
    host, slash, rest = found.partition("/")
    if not slash:
        return f"{host}/**" if "." in host or ":" in host or host == "localhost" else "**"
    return found if host and rest else ""


def narrow(pattern: str) -> str:
    """Return a regular expression that covers at most what the other pattern does, whatever its stars mean."""
    parts = re.split(r"(\*+)", pattern)
    return "^" + "".join("[^/]*" if part.startswith("*") else literal(part) for part in parts) + "$"
