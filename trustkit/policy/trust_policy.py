"""`trustpolicy.json` of the Notary Project: which signatures suffice for which repository.

trust-store-trust-policy.md, trust policy 1.0; what notation 1.3 refuses to load is refused here too.
"""

from collections.abc import Iterable

from trustkit import limits
from trustkit.codec.strict_json import as_list, as_object, as_text, parse
from trustkit.errors import MalformedError
from trustkit.model.notation import AUTHENTICITY, CHECKS, REVOCATION, Identity, NotationChecks
from trustkit.model.values import NamedTuple
from trustkit.policy.distinguished_name import DistinguishedName
from trustkit.policy.trusted import CA, SIGNING_AUTHORITY, TSA

SKIP = "skip"
# "Signature Verification details": what each level enforces; integrity always is, and the rest is told.
LEVELS: dict[str, frozenset[str]] = {
    "strict": CHECKS,
    "permissive": frozenset((AUTHENTICITY,)),
    "audit": frozenset(),
    SKIP: frozenset(),
}
_WHAT = "trustpolicy.json"
_SUBJECT = "x509.subject:"
_EVERYTHING = "*"
_ENFORCE, _LOG = "enforce", "log"
_ALWAYS, _AFTER_EXPIRY = "always", "afterCertExpiry"
# "Trusted Identities constraints": these three must be given.
_NEEDED = frozenset(("C", "ST", "O"))
_STATEMENTS = 256
_ITEMS = 1024
_NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")


class Statement(NamedTuple):
    """One trust policy: the repositories it is for (`*`: all others), its level, its checks and stores (`ca:NAME`)."""

    name: str
    scopes: tuple[str, ...]
    level: str
    checks: NotationChecks
    stores: tuple[str, ...]


def statements(content: bytes) -> tuple[Statement, ...]:
    """Return the trust policies of a file. Raises MalformedError, LimitExceededError."""
    document = as_object(parse(content, what=_WHAT, limit_bytes=limits.POLICY_BYTES), _WHAT)
    _only(document, "version", "trustPolicies")
    if as_text(document.get("version"), f"{_WHAT} version") != "1.0":
        raise MalformedError(f"{_WHAT} is of another version than 1.0")
    rows = as_list(document.get("trustPolicies"), "trustPolicies")
    if not 0 < len(rows) <= _STATEMENTS:
        raise MalformedError(f"{_WHAT} has {len(rows)} trust policies; 1 to {_STATEMENTS} are allowed")
    found = tuple(_statement(as_object(row, "trust policy")) for row in rows)
    _distinct([one.name for one in found], "name")
    _distinct([scope for one in found for scope in one.scopes], "registry scope")
    return found


def applicable(found: Iterable[Statement], repository: str) -> Statement | None:
    """Return the trust policy of a repository: the one that names it exactly, else the one for `*`."""
    by_scope = {scope: one for one in found for scope in one.scopes}
    return by_scope.get(repository) or by_scope.get(_EVERYTHING)


def _statement(row: dict[str, object]) -> Statement:
    _only(row, "name", "registryScopes", "signatureVerification", "trustStores", "trustedIdentities")
    name = as_text(row.get("name"), "name")
    if not name:
        raise MalformedError(f"{_WHAT}: a trust policy has no name")
    verification = as_object(row.get("signatureVerification"), "signatureVerification")
    _only(verification, "level", "override", "verifyTimestamp")
    level = as_text(verification.get("level"), "level")
    if level not in LEVELS:
        raise MalformedError(f"{_WHAT}: level {level[:40]!r} is not known")
    stores, identities = _texts(row, "trustStores"), _texts(row, "trustedIdentities")
    if level == SKIP and (stores or identities or verification.get("override")):
        raise MalformedError(f"{_WHAT}: {name[:80]} skips verification, and names what to verify with")
    if level != SKIP and not (stores and identities):
        raise MalformedError(f"{_WHAT}: {name[:80]} lacks trust stores or trusted identities")
    _distinct(stores, "trust store")
    return Statement(name, _scopes(row), level, _checks(level, verification, identities), tuple(map(_store, stores)))


def _checks(level: str, verification: dict[str, object], identities: tuple[str, ...]) -> NotationChecks:
    enforced, skipped = set(LEVELS[level]), set(CHECKS if level == SKIP else ())
    for name, action in as_object(verification.get("override", {}), "override").items():
        if name not in CHECKS or action not in (_ENFORCE, _LOG, SKIP) or (action == SKIP and name != REVOCATION):
            raise MalformedError(f"{_WHAT}: {name[:40]!r} cannot be overridden by {str(action)[:40]!r}")
        enforced.discard(name)
        if action == _ENFORCE:
            enforced.add(name)
        if action == SKIP:
            skipped.add(name)
    when = as_text(verification.get("verifyTimestamp", _ALWAYS), "verifyTimestamp")
    if when not in (_ALWAYS, _AFTER_EXPIRY):
        raise MalformedError(f"{_WHAT}: verifyTimestamp {when[:40]!r} is not known")
    return NotationChecks(frozenset(enforced), frozenset(skipped), when == _ALWAYS, _identities(identities))


def _identities(texts: tuple[str, ...]) -> tuple[Identity, ...] | None:
    if texts == (_EVERYTHING,):
        return None
    found = tuple(_identity(text) for text in texts)
    for at, one in enumerate(found):
        if any(one <= other for other in (*found[:at], *found[at + 1 :])):
            raise MalformedError(f"{_WHAT}: the identity {texts[at][:80]!r} overlaps another one")
    return found


def _identity(text: str) -> Identity:
    name = DistinguishedName.read(text.removeprefix(_SUBJECT).strip()) if text.startswith(_SUBJECT) else None
    if name is None or not {kind for kind, _ in name.attributes} >= _NEEDED:
        raise MalformedError(f"{_WHAT}: identity {text[:80]!r} is no x509.subject with C, ST and O, nor * alone")
    return frozenset(name.attributes)


def _scopes(row: dict[str, object]) -> tuple[str, ...]:
    found = _texts(row, "registryScopes")
    if not found or (_EVERYTHING in found and len(found) > 1):
        raise MalformedError(f"{_WHAT}: registryScopes are repositories, or * alone")
    for scope in found:
        host, slash, path = scope.partition("/")
        if scope != _EVERYTHING and not (host and slash and path and "*" not in scope and "@" not in scope):
            raise MalformedError(f"{_WHAT}: {scope[:80]!r} is no registry/repository")
    return found


def _store(text: str) -> str:
    kind, colon, name = text.partition(":")
    plain = bool(name) and set(name) <= _NAME_LETTERS and name not in (".", "..")
    if not colon or kind not in (CA, SIGNING_AUTHORITY, TSA) or not plain:
        raise MalformedError(f"{_WHAT}: {text[:80]!r} is no trust store: ca:NAME, signingAuthority:NAME or tsa:NAME")
    return text


def _texts(row: dict[str, object], name: str) -> tuple[str, ...]:
    listed = as_list(row.get(name, []), name)
    if len(listed) > _ITEMS:
        raise MalformedError(f"{_WHAT}: {name} has {len(listed)} items; {_ITEMS} are allowed")
    return tuple(as_text(item, name) for item in listed)


def _only(members: dict[str, object], *known: str) -> None:
    odd = sorted(set(members) - set(known))
    if odd:
        raise MalformedError(f"{_WHAT}: the member {odd[0][:40]!r} is not known")


def _distinct(texts: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for text in texts:
        if text in seen:
            raise MalformedError(f"{_WHAT}: the {what} {text[:80]!r} stands there twice")
        seen.add(text)
