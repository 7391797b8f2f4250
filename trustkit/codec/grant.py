"""Break-glass grants as people sign them: the predicate of an in-toto statement about one image digest.

    {"id": "2f0c...", "namespace": "production", "rules": ["require.vulnerabilities"],
     "requester": {"key": FINGERPRINT} or {"issuer": URL, "subject": TEXT},
     "reason": "...", "notBefore": "2026-11-29T01:00:00Z", "notAfter": "2026-11-29T05:00:00Z"}

Requester and approvers sign the same bytes, each in an envelope of their own. Nothing read here is proven.
"""

import re
from datetime import UTC, datetime

from trustkit import limits
from trustkit.codec.strict_json import as_list, as_object, as_text, parse
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

PREDICATE_TYPE = "https://trustkit.dev/break-glass/v1"

_WHAT = "break-glass grant"
_FIELDS = {"id", "namespace", "rules", "requester", "reason", "notBefore", "notAfter"}
_ID = re.compile(r"[0-9a-f]{16,64}\Z")
_RULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\Z")
_NAMESPACE_CHARS = 63
_REASON_CHARS = 1000
_NAME_CHARS = 1024
_FINGERPRINT = re.compile(r"[0-9a-f]{64}\Z")


class Requester(NamedTuple):
    """Who asks: the fingerprint of a key, or whom a certificate names."""

    fingerprint: str = ""
    issuer: str = ""
    subject: str = ""

    @property
    def told_apart(self) -> tuple[str, ...]:
        """What tells them from everybody else, as policies tell signers apart."""
        return ("key", self.fingerprint) if self.fingerprint else ("identity", self.issuer, self.subject)

    def __str__(self) -> str:
        """Return it as sentences have it."""
        return f"key {self.fingerprint[:16]}" if self.fingerprint else self.subject


class ClaimedGrant(NamedTuple):
    """What a grant says; an empty namespace means engines that have none."""

    id: str
    namespace: str
    rules: tuple[str, ...]
    requester: Requester
    reason: str
    not_before: datetime
    not_after: datetime


def parse_grant(content: bytes) -> ClaimedGrant:
    """Return what a predicate says. Raises MalformedError, LimitExceededError."""
    members = as_object(parse(content, what=_WHAT, limit_bytes=limits.GRANT_BYTES), _WHAT)
    if set(members) != _FIELDS:
        odd = min(set(members) ^ _FIELDS)
        raise MalformedError(f"{_WHAT}: {odd[:40]!r} is {'missing' if odd in _FIELDS else 'no member'}")
    rules = as_list(members["rules"], f"{_WHAT} rules")
    if not 0 < len(rules) <= limits.GRANT_RULES:
        raise LimitExceededError(f"{_WHAT} names {len(rules)} rules; 1 to {limits.GRANT_RULES} are allowed")
    named = tuple(_fitting(_RULE, as_text(rule, f"{_WHAT} rule"), "rule") for rule in rules)
    grant = ClaimedGrant(
        id=_fitting(_ID, as_text(members["id"], f"{_WHAT} id"), "id"),
        namespace=_words(members, "namespace", _NAMESPACE_CHARS, empty=True),
        rules=named,
        requester=_requester(members["requester"]),
        reason=_words(members, "reason", _REASON_CHARS),
        not_before=_moment(members, "notBefore"),
        not_after=_moment(members, "notAfter"),
    )
    if len(set(named)) != len(named):
        raise MalformedError(f"{_WHAT} names a rule twice")
    if grant.not_before >= grant.not_after:
        raise MalformedError(f"{_WHAT} ends before it begins")
    return grant


def grant_value(grant: ClaimedGrant) -> dict[str, object]:
    """Return the predicate as a JSON value."""
    who = grant.requester
    return {
        "id": grant.id,
        "namespace": grant.namespace,
        "rules": list(grant.rules),
        "requester": {"key": who.fingerprint} if who.fingerprint else {"issuer": who.issuer, "subject": who.subject},
        "reason": grant.reason,
        "notBefore": _text(grant.not_before),
        "notAfter": _text(grant.not_after),
    }


def _requester(value: object) -> Requester:
    members = as_object(value, f"{_WHAT} requester")
    if set(members) == {"key"}:
        return Requester(_fitting(_FINGERPRINT, as_text(members["key"], f"{_WHAT} requester"), "requester's key"))
    if set(members) != {"issuer", "subject"}:
        raise MalformedError(f"{_WHAT}: the requester has a key, or an issuer and a subject")
    return Requester(
        issuer=_words(members, "issuer", _NAME_CHARS),
        subject=_words(members, "subject", _NAME_CHARS),
    )


def _words(members: dict[str, object], name: str, most: int, *, empty: bool = False) -> str:
    found = as_text(members[name], f"{_WHAT} {name}")
    if len(found) > most or not found.isprintable() or not (empty or found.strip()):
        raise MalformedError(f"{_WHAT}: {name} is empty, longer than {most} characters or has control characters")
    return found


def _fitting(shape: re.Pattern[str], found: str, name: str) -> str:
    if not shape.match(found):
        raise MalformedError(f"{_WHAT}: {found[:60]!r} is no {name}")
    return found


def _moment(members: dict[str, object], name: str) -> datetime:
    found = as_text(members[name], f"{_WHAT} {name}")
    try:
        at = datetime.strptime(found, "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007  (the zone is in the format)
    except ValueError as error:
        raise MalformedError(f"{_WHAT}: {name} is no time; write 2026-11-29T01:00:00Z") from error
    if _text(at) != found:
        raise MalformedError(f"{_WHAT}: {name} is written otherwise than {_text(at)}")
    return at.replace(tzinfo=UTC)


def _text(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
