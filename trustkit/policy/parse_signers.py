"""`spec.trust`: identities, certificates, OpenPGP keys and content trust, each by name."""

from collections.abc import Callable, Iterable

from trustkit.errors import MalformedError, PolicySyntaxError
from trustkit.policy.distinguished_name import DistinguishedName
from trustkit.policy.fields import Fields, items, mapping, text, texts
from trustkit.policy.nodes import TEXT, Node, refuse, shown
from trustkit.policy.regex import Regex
from trustkit.policy.signed_identity import DEFAULT, SignedIdentity, read_signed_identity
from trustkit.policy.trusted import (
    CA,
    DEFAULT_ROOT,
    OPENPGP,
    SIGNING_AUTHORITY,
    SIGSTORE,
    TUF,
    Claim,
    PolicyCertificate,
    PolicyContentTrust,
    PolicyIdentity,
    PolicyOpenPgp,
    PolicyRoot,
)

Named = Iterable[tuple[str, Node]]
Roots = tuple[PolicyRoot, ...]
_HEX = frozenset("0123456789abcdef")
_FINGERPRINT_CHARS = (40, 64)
_EVERYBODY = "*"


def identities(named: Named, roots: Roots) -> dict[str, PolicyIdentity]:
    """Return the identities of `spec.trust.identities`. Raises PolicySyntaxError."""
    return {name: _identity(name, node, roots) for name, node in named}


def certificates(named: Named, roots: Roots) -> dict[str, PolicyCertificate]:
    """Return the certificates' subjects of `spec.trust.certificates`. Raises PolicySyntaxError."""
    found = {}
    for name, node in named:
        fields = Fields(node, ("root", "subjects"))
        written = fields.require("root")
        root = _root(written, text(written), (CA, SIGNING_AUTHORITY), "x509", roots)
        found[name] = PolicyCertificate(name, f"{root.kind}/{root.name}", _subjects(fields.require("subjects")))
    return found


def openpgp(named: Named, roots: Roots) -> dict[str, PolicyOpenPgp]:
    """Return the OpenPGP keys of `spec.trust.openpgp`. Raises PolicySyntaxError."""
    found = {}
    for name, node in named:
        fields = Fields(node, ("root", "fingerprints", "signedIdentity"))
        written, listed = fields.require("root"), fields.get("fingerprints")
        root = _root(written, text(written), (OPENPGP,), "openpgp", roots)
        prints = tuple(_fingerprint(item) for item in items(listed)) if listed is not None else ()
        found[name] = PolicyOpenPgp(name, root.name, prints, _identity_of(fields.get("signedIdentity")))
    return found


def content_trust(named: Named, load: Callable[[str], bytes]) -> tuple[dict[str, PolicyContentTrust], list[PolicyRoot]]:
    """Return the repositories of `spec.trust.contentTrust`, and how their roots are believed.

    Raises PolicySyntaxError, and what `load` raises.
    """
    found, believed = {}, []
    for name, node in named:
        fields = Fields(node, ("gun", "roles", "root", "server", "firstUse"))
        roles, root, gun = fields.get("roles"), fields.get("root"), _text(fields.get("gun"))
        found[name] = PolicyContentTrust(name, gun, texts(roles) if roles is not None else ())
        if root is not None and not gun:
            raise refuse(root, "pins a root, and a root is of one repository", "name it as gun")
        content = load(text(root)) if root is not None else b""
        server, first_use = _text(fields.get("server")), fields.flag("firstUse")
        believed.append(PolicyRoot(TUF, gun, content, server=server, first_use=first_use))
    return found, believed


def _identity(name: str, node: Node, roots: Roots) -> PolicyIdentity:
    fields = Fields(node, ("root", "issuer", "issuerRegex", "subject", "subjectRegex", "extensions"))
    written, extensions = fields.get("root"), fields.get("extensions")
    fields.exactly_one("issuer", "issuerRegex")
    fields.exactly_one("subject", "subjectRegex")
    wanted = text(written) if written is not None else DEFAULT_ROOT
    return PolicyIdentity(
        name=name,
        root=_root(written or node, wanted, (SIGSTORE,), "sigstore", roots).name,
        subject=_text(fields.get("subject")),
        subject_regex=_regex(fields.get("subjectRegex")),
        issuer=_text(fields.get("issuer")),
        issuer_regex=_regex(fields.get("issuerRegex")),
        extensions=tuple(_claim(oid, value) for oid, value in mapping(extensions).items()) if extensions else (),
    )


def _claim(oid: str, node: Node) -> Claim:
    if not oid.replace(".", "").isdecimal() or not oid.isascii() or ".." in oid or len(oid) > 128:  # noqa: PLR2004
        raise refuse(node, f"{shown(oid)} is no object identifier", "write 1.3.6.1.4.1.57264.1.13")
    if node.kind == TEXT:
        return Claim(oid, value=text(node))
    fields = Fields(node, ("equals", "equalsLabel"))
    fields.exactly_one("equals", "equalsLabel")
    return Claim(oid, _text(fields.get("equals")), _text(fields.get("equalsLabel")))


def _identity_of(node: Node | None) -> SignedIdentity:
    return signed_identity(node) if node is not None else DEFAULT


def signed_identity(node: Node) -> SignedIdentity:
    """Return a rule written as on the command line: `matchRepository`, `exactRepository=REPOSITORY`, ...

    Raises PolicySyntaxError.
    """
    try:
        return read_signed_identity(text(node))
    except PolicySyntaxError as error:
        raise refuse(node, error.message, error.next_step) from error


def _subjects(node: Node) -> tuple[DistinguishedName, ...]:
    """Return the listed names; `*` alone stands for every certificate under the root."""
    written = texts(node)
    if written == (_EVERYBODY,):
        return ()
    found = []
    for item, value in zip(items(node), written, strict=True):
        name = DistinguishedName.read(value)
        if name is None:
            raise refuse(item, f"{shown(value)} is no distinguished name", "write C=US, O=Corp, CN=release")
        found.append(name)
    return tuple(found)


def _root(node: Node, name: str, kinds: tuple[str, ...], field: str, roots: Roots) -> PolicyRoot:
    found = next((root for root in roots if root.kind in kinds and root.name == name), None)
    if found is None:
        raise refuse(node, f"{shown(name)} is not in spec.trust.roots.{field}", "name the root's file there")
    return found


def _fingerprint(node: Node) -> str:
    written = text(node).replace(" ", "").lower()
    if len(written) not in _FINGERPRINT_CHARS or not set(written) <= _HEX:
        raise refuse(node, "is no fingerprint", "write all 40 or 64 hexadecimal digits, as `gpg --fingerprint` does")
    return written


def _regex(node: Node | None) -> Regex | None:
    if node is None:
        return None
    try:
        return Regex.compile(text(node))
    except MalformedError as error:
        raise refuse(node, error.message, "only RE2 syntax; the expression must match the whole text") from error


def _text(node: Node | None) -> str:
    return text(node) if node is not None else ""
