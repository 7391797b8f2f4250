"""Image patterns as a policy may write them: those that can match a normalised name at all."""

from trustkit.model.reference import DEFAULT_REGISTRY, DOCKER_ARCHIVE, OCI_ARCHIVE, OCI_LAYOUT
from trustkit.policy.fields import text
from trustkit.policy.nodes import Node, refuse, shown
from trustkit.policy.pattern import PATTERN_CHARS, Pattern

_TRANSPORTS = (f"{OCI_LAYOUT}:", f"{OCI_ARCHIVE}:", f"{DOCKER_ARCHIVE}:")
_NAMESPACE_CHARS = 63
_NAMESPACE_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-*")
_REGISTRY_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_/:[]*")


def image_pattern(node: Node) -> Pattern:
    """Return a pattern over normalised names. Raises PolicySyntaxError for one that can match none."""
    written = text(node)
    if len(written) > PATTERN_CHARS or not written.isprintable():
        raise refuse(node, f"{shown(written)} is too long or has unprintable characters")
    if written.startswith(_TRANSPORTS) or written == "**":
        return Pattern.compile(written)
    _require_full_name(node, written)
    return Pattern.compile(written)


def registry_pattern(node: Node) -> Pattern:
    """Return a pattern over registry hosts, or over names if it has a slash. Raises PolicySyntaxError."""
    written = text(node)
    if "/" in written or written.startswith(_TRANSPORTS):
        return image_pattern(node)
    if len(written) > PATTERN_CHARS or not set(written) <= _REGISTRY_LETTERS:
        raise refuse(node, f"{shown(written)} is not a registry host")
    return Pattern.compile(written)


def namespace_pattern(node: Node) -> Pattern:
    """Return a pattern over Kubernetes' namespaces. Raises PolicySyntaxError."""
    written = text(node)
    if len(written) > _NAMESPACE_CHARS or not set(written) <= _NAMESPACE_LETTERS:
        raise refuse(node, f"{shown(written)} is no namespace", "write production or prod-*")
    return Pattern.compile(written)


def _require_full_name(node: Node, written: str) -> None:
    host, slash, rest = written.partition("/")
    hint = "patterns are matched on full names, such as registry.example/team/app"
    if "@" in written or ":" in rest:
        raise refuse(node, f"{shown(written)} has a tag or digest; patterns match names without them")
    if not set(written) <= _REGISTRY_LETTERS:
        raise refuse(node, f"{shown(written)} has characters no image name has", hint)
    is_host = "." in host or ":" in host or "*" in host or host == "localhost" or host.startswith("[")
    if slash and rest and is_host:
        return
    full = f"{DEFAULT_REGISTRY}/{written}" if slash else f"{DEFAULT_REGISTRY}/library/{written}"
    raise refuse(node, f"{shown(written)} has no registry and matches nothing (did you mean {full}?)", hint)
