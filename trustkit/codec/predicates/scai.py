"""SCAI attribute reports: properties of an artifact or of how it was made.

Specification: in-toto attestation spec/predicates/scai.md.
"""

from trustkit.codec.predicates.fields import Resource, each, members, required
from trustkit.codec.predicates.fields import resource as read_resource
from trustkit.errors import MalformedError
from trustkit.model.values import NamedTuple

TYPES = tuple(f"https://in-toto.io/attestation/scai/{name}" for name in ("attribute-report/v0.2", "v0.3"))
_WHAT = "SCAI report"
_ATTRIBUTES = 10_000


class Attribute(NamedTuple):
    """One property, of `target` if it is not of the statement's subject."""

    name: str
    target: Resource | None = None
    evidence: Resource | None = None


class AttributeReport(NamedTuple):
    """All properties, and who found them out."""

    attributes: tuple[Attribute, ...]
    producer: Resource | None


def read(value: object) -> AttributeReport:
    """Return the report. Raises MalformedError, LimitExceededError."""
    found = members(value, _WHAT)
    attributes = each(found, "attributes", _WHAT, _attribute, _ATTRIBUTES)
    if not attributes:
        raise MalformedError(f"{_WHAT} has no attributes")
    return AttributeReport(attributes, _optional(found, "producer", _WHAT))


def _attribute(value: object, what: str) -> Attribute:
    found = members(value, what)
    return Attribute(
        required(found, "attribute", what), _optional(found, "target", what), _optional(found, "evidence", what)
    )


def _optional(found: dict[str, object], name: str, what: str) -> Resource | None:
    return read_resource(found[name], f"{what} {name}") if name in found else None
