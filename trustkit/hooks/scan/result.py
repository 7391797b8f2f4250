"""What a scan says of one image: the verdict now, the one on record before, and why they differ."""

from trustkit.codec.strict_json import as_int, as_object, as_text
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.found import Found
from trustkit.model.values import NamedTuple

UNKNOWN = "unknown"
# Why an image that was admitted is no longer.
POLICY, REVOCATION, EXPIRY, EVIDENCE = "new policy", "revocation", "expiry", "evidence"


class Result(NamedTuple):
    """A verdict (allow, deny or UNKNOWN) with the deciding rule; `before` is the last one on record, if any."""

    verdict: str
    digest: str = ""
    rule: str = ""
    reason: str = ""
    before: str = ""
    cause: str = ""
    record: int = -1

    @property
    def flips(self) -> bool:
        """Whether it was admitted and is no longer."""
        return self.before == ALLOW and self.verdict == DENY


class Scanned(NamedTuple):
    """An image where it was found, and what the scan says of it."""

    found: Found
    result: Result

    @property
    def matters(self) -> bool:
        """Whether somebody has to act: it runs and is not admitted, or it was admitted and is no longer."""
        return self.result.flips or (self.found.running and self.result.verdict == DENY)


def members_of(result: Result) -> dict[str, object]:
    """Return the result in JSON's shapes."""
    return dict(result._asdict())


def result_of(value: object) -> Result:
    """Return a result from JSON. Raises MalformedError."""
    members = as_object(value, "result of a scan")
    texts = {
        name: as_text(members.get(name, ""), name)
        for name in ("verdict", "digest", "rule", "reason", "before", "cause")
    }
    return Result(
        verdict=texts["verdict"],
        digest=texts["digest"],
        rule=texts["rule"],
        reason=texts["reason"],
        before=texts["before"],
        cause=texts["cause"],
        record=as_int(members.get("record"), "record"),
    )
