"""SLSA verification summaries (VSA): somebody else verified it, by which policy, with which result.

Specification: slsa.dev/spec/v1.0/verification_summary.
"""

from datetime import datetime

from trustkit.codec.predicates.fields import Resource, each, inner, members, moment, one_text, required, text
from trustkit.codec.predicates.fields import resource as read_resource
from trustkit.errors import MalformedError
from trustkit.model.values import NamedTuple

V1 = "https://slsa.dev/verification_summary/v1"
PASSED = "PASSED"
RESULTS = (PASSED, "FAILED")
_WHAT = "verification summary"
_LEVELS = 64


class VerificationSummary(NamedTuple):
    """The result of a verifier; levels count only where `result` is PASSED."""

    verifier_id: str
    verified_at: datetime
    resource_uri: str
    policy: Resource
    result: str
    levels: tuple[str, ...]
    slsa_version: str


def read(value: object) -> VerificationSummary:
    """Return the summary. Raises MalformedError, LimitExceededError."""
    found = members(value, _WHAT)
    at = moment(found, "timeVerified", _WHAT)
    if at is None:
        raise MalformedError(f"{_WHAT} has no timeVerified")
    result = required(found, "verificationResult", _WHAT)
    if result not in RESULTS:
        raise MalformedError(f"{_WHAT} verificationResult {result[:40]!r} is neither PASSED nor FAILED")
    return VerificationSummary(
        verifier_id=required(inner(found, "verifier", _WHAT), "id", f"{_WHAT} verifier"),
        verified_at=at,
        resource_uri=required(found, "resourceUri", _WHAT),
        policy=read_resource(found.get("policy"), f"{_WHAT} policy"),
        result=result,
        levels=each(found, "verifiedLevels", _WHAT, one_text, _LEVELS),
        slsa_version=text(found, "slsaVersion", _WHAT),
    )
