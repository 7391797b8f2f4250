"""Times in files and messages: in UTC, with a zone, and within the calendar; whatever else is malformed."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import pytest

from trustkit.codec.revocation_list import read_revocations
from trustkit.codec.zoned_time import zoned_time
from trustkit.errors import MalformedError
from trustkit.signing.notation import envelope
from trustkit.signing.trust_root import revocations

BEYOND = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-01-01T10:00:00+02:00", datetime(2027, 1, 1, 8, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_time_is_brought_to_utc(text: str, moment: datetime) -> None:
    found = zoned_time(text, "it")
    assert (found, found.tzinfo) == (moment, UTC)


@pytest.mark.parametrize("text", ["", "x", "2027-01-01", "2027-01-01T00:00:00", "2027-13-01T00:00:00Z", *BEYOND])
def test_what_is_no_such_time_is_malformed(text: str) -> None:
    with pytest.raises(MalformedError, match="it has a time"):
        zoned_time(text, "it")


@pytest.mark.parametrize("text", BEYOND)
def test_lists_with_a_time_that_leaves_the_calendar_are_malformed(text: str) -> None:
    entry = f'"name": "k", "at": "{text}", "reason": "x", "allowBefore": false'
    with pytest.raises(MalformedError):
        revocations.read(f'{{"keys": [{{"fingerprint": "{"a" * 64}", {entry}}}]}}'.encode())
    with pytest.raises(MalformedError):
        read_revocations(f'{{"revoked": [{{"kind": "key", "what": "{"a" * 64}", "by": "x", {entry}}}]}}'.encode())


@pytest.mark.parametrize("text", BEYOND)
def test_a_signature_that_says_such_a_time_is_malformed_and_no_fault_of_ours(text: str) -> None:
    said = urlsafe_b64encode(json.dumps({"alg": "ES256", envelope.SIGNING_TIME: text}).encode()).decode().rstrip("=")
    jws = {"payload": "", "protected": said, "header": {}, "signature": ""}
    with pytest.raises(MalformedError, match="has a time that is none"):
        envelope.read(envelope.JWS, json.dumps(jws).encode())
