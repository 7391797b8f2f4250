"""`trustpolicy.json`: which signatures suffice for which repository (trust-store-trust-policy.md, version 1.0)."""

from typing import NamedTuple

from trustkit import limits
from trustkit.codec.certificate import Certificate
from trustkit.codec.distinguished_name import SHORT_NAMES
from trustkit.codec.strict_json import as_list, as_object, as_text, parse
from trustkit.errors import IdentityError, MalformedError
from trustkit.policy.distinguished_name import DistinguishedName
from trustkit.signing.notation.rules import AUTHENTICITY, CHECKS

_WHAT = "trustpolicy.json"
_SUBJECT = "x509.subject:"
# "Signature Verification details": what each level enforces; integrity always is.
LEVELS: dict[str, frozenset[str]] = {
    "strict": CHECKS,
    "permissive": frozenset((AUTHENTICITY,)),
    "audit": frozenset(),
    "skip": frozenset(),
}
_ACTIONS = frozenset(("enforce", "log", "skip"))
_ALWAYS, _AFTER_EXPIRY = "always", "afterCertExpiry"
# "Trusted Identities constraints": these three must be given.
_NEEDED = frozenset(("C", "ST", "O"))


class TrustPolicy(NamedTuple):
    """One policy: what it enforces, the stores (`ca:NAME`) and the identities it trusts; `skip` asks for nothing."""

    name: str
    scopes: tuple[str, ...]
    level: str
    enforced: frozenset[str]
    stores: tuple[str, ...]
    identities: tuple[frozenset[tuple[str, str]], ...]
    anybody: bool
    timestamp_always: bool

    def require_identity(self, leaf: Certificate) -> None:
        """Return if the leaf is one of those trusted. Raises IdentityError."""
        found = {(_short(oid), value) for oid, value, _ in leaf.subject.attributes}
        if not self.anybody and not any(identity <= found for identity in self.identities):
            raise IdentityError(f"{leaf.subject} is not among the identities that policy {self.name} trusts")


def policy_for(content: bytes, repository: str) -> TrustPolicy | None:
    """Return the policy of a repository: one that names it exactly, else the one for `*`. Raises MalformedError."""
    document = as_object(parse(content, what=_WHAT, limit_bytes=limits.POLICY_BYTES), _WHAT)
    if as_text(document.get("version"), f"{_WHAT} version") != "1.0":
        raise MalformedError(f"{_WHAT} is of another version than 1.0")
    policies = [_policy(as_object(one, _WHAT)) for one in as_list(document.get("trustPolicies"), "trustPolicies")]
    scopes = [scope for policy in policies for scope in policy.scopes]
    if len(set(scopes)) != len(scopes):
        raise MalformedError(f"{_WHAT}: two policies name one scope")
    for wanted in (repository, "*"):
        for policy in policies:
            if wanted in policy.scopes:
                return policy
    return None


def _policy(row: dict[str, object]) -> TrustPolicy:
    verification = as_object(row.get("signatureVerification"), "signatureVerification")
    level = as_text(verification.get("level"), "level")
    if level not in LEVELS:
        raise MalformedError(f"{_WHAT}: level {level[:40]!r} is not known")
    enforced = set(LEVELS[level])
    for name, action in as_object(verification.get("override", {}), "override").items():
        if name not in CHECKS or action not in _ACTIONS:
            raise MalformedError(f"{_WHAT}: override of {name[:40]!r} is not known")
        (enforced.add if action == "enforce" else enforced.discard)(name)
    when = as_text(verification.get("verifyTimestamp", _ALWAYS), "verifyTimestamp")
    if when not in (_ALWAYS, _AFTER_EXPIRY):
        raise MalformedError(f"{_WHAT}: verifyTimestamp {when[:40]!r} is not known")
    identities = _texts(row, "trustedIdentities", needed=level != "skip")
    return TrustPolicy(
        name=as_text(row.get("name"), "name"),
        scopes=_texts(row, "registryScopes", needed=True),
        level=level,
        enforced=frozenset(enforced),
        stores=_texts(row, "trustStores", needed=level != "skip"),
        identities=tuple(_identity(text) for text in identities if text != "*"),
        anybody="*" in identities,
        timestamp_always=when == _ALWAYS,
    )


def _texts(row: dict[str, object], name: str, *, needed: bool) -> tuple[str, ...]:
    if name not in row and not needed:
        return ()
    found = tuple(as_text(item, name) for item in as_list(row.get(name), name))
    if needed and not found:
        raise MalformedError(f"{_WHAT}: {name} is empty")
    return found


def _identity(text: str) -> frozenset[tuple[str, str]]:
    name = DistinguishedName.read(text.removeprefix(_SUBJECT).strip()) if text.startswith(_SUBJECT) else None
    if name is None or not {kind for kind, _ in name.attributes} >= _NEEDED:
        raise MalformedError(f"{_WHAT}: identity {text[:80]!r} is no x509.subject with C, ST and O")
    return frozenset(name.attributes)


def _short(oid: str) -> str:
    return SHORT_NAMES.get(oid, oid)
