"""OpenVEX documents: which vulnerabilities matter, and which do not, and why.

Specification: github.com/openvex/spec, OPENVEX-SPEC.md v0.2.0; 0.0.1 named vulnerability and products in plain text.
"""

from datetime import datetime

from trustkit.codec.predicates.fields import each, members, moment, one_text, required, text
from trustkit.errors import MalformedError
from trustkit.model.values import NamedTuple

NAMESPACE = "https://openvex.dev/ns"
TYPES = (NAMESPACE, f"{NAMESPACE}/v0.0.1", f"{NAMESPACE}/v0.2.0")
NOT_AFFECTED, AFFECTED, FIXED, INVESTIGATING = "not_affected", "affected", "fixed", "under_investigation"
STATUSES = (NOT_AFFECTED, AFFECTED, FIXED, INVESTIGATING)
JUSTIFICATIONS = (
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
)
_WHAT = "OpenVEX document"
_STATEMENTS = 20_000
_PRODUCTS = 2_000


class VexStatement(NamedTuple):
    """What is said of one vulnerability; without products it is about the attestation's subject."""

    vulnerability: str
    status: str
    justification: str = ""
    impact: str = ""
    action: str = ""
    aliases: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    at: datetime | None = None


class Vex(NamedTuple):
    """A document: by whom, of when, and its statements in their order."""

    id: str
    author: str
    at: datetime
    statements: tuple[VexStatement, ...]


def read(value: object) -> Vex:
    """Return the document. Raises MalformedError, LimitExceededError."""
    found = members(value, _WHAT)
    context = required(found, "@context", _WHAT)
    if context != NAMESPACE and not context.startswith(f"{NAMESPACE}/"):
        raise MalformedError(f"{_WHAT} has @context {context[:80]!r}")
    at = moment(found, "timestamp", _WHAT)
    if at is None:
        raise MalformedError(f"{_WHAT} has no timestamp")
    statements = each(found, "statements", _WHAT, _statement, _STATEMENTS)
    if not statements:
        raise MalformedError(f"{_WHAT} has no statements")
    return Vex(required(found, "@id", _WHAT), required(found, "author", _WHAT), at, statements)


def _statement(value: object, what: str) -> VexStatement:
    found = members(value, what)
    name, aliases = _vulnerability(found, what)
    statement = VexStatement(
        vulnerability=name,
        status=required(found, "status", what),
        justification=text(found, "justification", what),
        impact=text(found, "impact_statement", what),
        action=text(found, "action_statement", what),
        aliases=aliases,
        products=each(found, "products", what, _product, _PRODUCTS),
        at=moment(found, "timestamp", what),
    )
    _require_sound(statement)
    return statement


def _require_sound(one: VexStatement) -> None:
    """OPENVEX-SPEC.md, "Status Labels" and "Status Justifications"."""
    if one.status not in STATUSES:
        raise MalformedError(f"{_WHAT} has an unknown status {one.status[:40]!r}")
    if one.justification and one.justification not in JUSTIFICATIONS:
        raise MalformedError(f"{_WHAT} has an unknown justification {one.justification[:60]!r}")
    if one.status == NOT_AFFECTED and not (one.justification or one.impact):
        raise MalformedError(f"{_WHAT} says not_affected of {one.vulnerability[:60]!r} and not why")
    if one.status == AFFECTED and not one.action:
        raise MalformedError(f"{_WHAT} says affected of {one.vulnerability[:60]!r} and not what to do")


def _vulnerability(found: dict[str, object], what: str) -> tuple[str, tuple[str, ...]]:
    told = found.get("vulnerability")
    if isinstance(told, str):
        return required(found, "vulnerability", what), ()
    within = members(told, f"{what} vulnerability")
    return required(within, "name", f"{what} vulnerability"), each(within, "aliases", what, one_text, 256)


def _product(value: object, what: str) -> str:
    return one_text(value, what) if isinstance(value, str) else required(members(value, what), "@id", what)
