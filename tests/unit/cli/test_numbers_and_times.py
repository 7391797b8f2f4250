"""Numbers and times on the command line: what no clock, log or Python can count is the caller's mistake."""

import argparse
from datetime import UTC, datetime

import pytest

from trustkit.cli.numbers import number, whole
from trustkit.cli.words import moment_of
from trustkit.errors import ConfigError, UsageError
from trustkit.trust_server.listen import Address


@pytest.mark.parametrize("text", ["0", "7", "0009"])
def test_a_number_within_bounds_is_read(text: str) -> None:
    assert whole(0, 9)(text) == int(text)


@pytest.mark.parametrize("text", ["", "x", "-1", "10", "1.0", "1_0", " 1", "\u0661", "9" * 19, "9" * 5000, "--1", "-"])
def test_a_number_beyond_its_bounds_is_refused_in_a_short_sentence(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no whole number from 0 to 9") as refused:
        whole(0, 9)(text)
    assert len(str(refused.value)) < 100


@pytest.mark.parametrize("text", ["9" * 19, "-" + "9" * 19, "9" * 5000, "²", "a"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2027-01-01T10:00:00", datetime(2027, 1, 1, 10, tzinfo=UTC)),
        ("2027-01-01T10:00:00+02:00", datetime(2027, 1, 1, 8, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_utc(text: str, moment: datetime) -> None:
    found = moment_of(text)
    # equal times of two zones are equal, and not written alike
    assert found is not None
    assert (found, found.tzinfo) == (moment, UTC)


@pytest.mark.parametrize(
    "text",
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01", "1969-12-31T23:59:59Z", "9" * 5000, "x"],
)
def test_a_time_that_leaves_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        moment_of(text)
    assert refused.value.next_step
    assert len(refused.value.message) < 100


@pytest.mark.parametrize("port", ["65536", "9" * 5000, "-1", ""])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(ConfigError, match="names no port") as refused:
        Address.parse(f"127.0.0.1:{port}")
    assert len(refused.value.message) < 200
