"""`spec.trust.roots`: the files under which identities, certificates and repositories are believed."""

from collections.abc import Callable

from trustkit.policy.fields import Fields, choice, mapping, text
from trustkit.policy.nodes import MAPPING, TEXT, Node, refuse, shown
from trustkit.policy.trusted import CA, CRL, DEFAULT_ROOT, OPENPGP, SIGNING_AUTHORITY, SIGSTORE, TSA, PolicyRoot

_NAME_CHARS = 63
_NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")
# What becomes of certificates of which nobody can tell whether they were revoked: refused, or let through.
_PERMISSIVE = "permissive"
_REVOCATION = ("strict", _PERMISSIVE)

Load = Callable[[str], bytes]


def roots(node: Node | None, load: Load) -> tuple[PolicyRoot, ...]:
    """Return the root files of `spec.trust.roots`. Raises PolicySyntaxError, and what `load` raises."""
    if node is None:
        return ()
    fields = Fields(node, ("sigstore", "tsa", "x509", "openpgp"), ("contentTrust",))
    found: list[PolicyRoot] = []
    for word, kind, alone in (("sigstore", SIGSTORE, DEFAULT_ROOT), ("tsa", TSA, TSA), ("openpgp", OPENPGP, "")):
        found += _files(fields.get(word), kind, alone, load)
    found += _stores(fields.get("x509"), load)
    return tuple(found)


def _files(node: Node | None, kind: str, alone: str, load: Load) -> list[PolicyRoot]:
    """Return files by name; where `alone` names it, one file may stand without a mapping."""
    if node is None:
        return []
    if alone and node.kind == TEXT:
        return [PolicyRoot(kind, alone, _content(node, load))]
    return [PolicyRoot(kind, _name(name, value), _content(value, load)) for name, value in mapping(node).items()]


def _stores(node: Node | None, load: Load) -> list[PolicyRoot]:
    if node is None:
        return []
    found = []
    for name, value in mapping(node).items():
        kind, file, permissive = CA, value, False
        if value.kind == MAPPING:
            fields = Fields(value, ("pem", "kind", "crl", "revocation"))
            file, given = fields.require("pem"), fields.get("kind")
            kind = choice(given, (CA, SIGNING_AUTHORITY)) if given is not None else CA
            word = fields.get("revocation")
            permissive = word is not None and choice(word, _REVOCATION) == _PERMISSIVE
            listed = fields.get("crl")
            if listed is not None:
                found.append(PolicyRoot(CRL, _name(name, value), _content(listed, load)))
        found.append(PolicyRoot(kind, _name(name, value), _content(file, load), unknown_passes=permissive))
    return found


def _name(name: str, node: Node) -> str:
    if not name or len(name) > _NAME_CHARS or not set(name) <= _NAME_LETTERS:
        raise refuse(node, f"{shown(name)} is no name: at most {_NAME_CHARS} of a-z A-Z 0-9 - . _")
    return name


def _content(node: Node, load: Load) -> bytes:
    written = text(node)
    if written.lstrip().startswith("-----BEGIN "):
        return written.encode("utf-8", "replace")
    if "\n" in written or "\0" in written:
        raise refuse(node, "is neither a path nor a PEM block")
    return load(written)
