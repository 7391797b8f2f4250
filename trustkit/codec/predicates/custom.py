"""Cosign's `custom`: any text, and when it was attested as the signer says."""

from datetime import datetime

from trustkit.codec.canonical_json import canonical
from trustkit.codec.predicates.fields import members, moment
from trustkit.errors import MalformedError
from trustkit.model.values import NamedTuple

TYPE = "https://cosign.sigstore.dev/attestation/v1"
_WHAT = "custom predicate"


class Custom(NamedTuple):
    """The text as it was given; values that are no text as their canonical JSON."""

    data: str
    at: datetime | None


def read(value: object) -> Custom:
    """Return the text. Raises MalformedError, LimitExceededError."""
    found = members(value, _WHAT)
    if "Data" not in found:
        raise MalformedError(f"{_WHAT} has no Data")
    data = found["Data"]
    return Custom(data if isinstance(data, str) else canonical(data).decode("utf-8"), moment(found, "Timestamp", _WHAT))
