"""Moments in DER: UTCTime and GeneralizedTime, always in UTC (RFC 5280 4.1.2.5, RFC 3161 2.4.2)."""

import re
from datetime import UTC, datetime

from trustkit.codec import der
from trustkit.errors import MalformedError

UTC_TIME = 0x17
GENERALIZED_TIME = 0x18

_UTC = re.compile(rb"[0-9]{12}Z\Z")
_GENERALIZED = re.compile(rb"([0-9]{14})(?:\.([0-9]{0,17}[1-9]))?Z\Z")
# RFC 5280 4.1.2.5.1: years from 50 on are of the twentieth century.
_CENTURY_TURNS = 50
_MICROSECOND_DIGITS = 6


def certificate_time(reader: der.Reader, what: str) -> datetime:
    """Return the next Time of a certificate, a CRL or an OCSP answer: whole seconds. Raises MalformedError."""
    tag, content = reader.element()
    if tag == UTC_TIME and _UTC.match(content):
        century = b"19" if int(content[:2]) >= _CENTURY_TURNS else b"20"
        return _moment(century + content[:-1], what)
    if tag == GENERALIZED_TIME and (found := _GENERALIZED.match(content)) and found[2] is None:
        return _moment(found[1], what)
    raise MalformedError(f"{what} has a time that is neither UTCTime nor GeneralizedTime of whole seconds in UTC")


def generalized_time(reader: der.Reader, what: str) -> datetime:
    """Return the next GeneralizedTime, cut to microseconds. Raises MalformedError. RFC 3161 2.4.2."""
    found = _GENERALIZED.match(reader.value(GENERALIZED_TIME))
    if found is None:
        raise MalformedError(f"{what} has a time that is no GeneralizedTime in UTC")
    fraction = (found[2] or b"")[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, b"0")
    return _moment(found[1], what).replace(microsecond=int(fraction))


def _moment(digits: bytes, what: str) -> datetime:
    text = digits.decode("ascii")
    parts = (int(text[:4]), *(int(text[at : at + 2]) for at in range(4, 14, 2)))
    year, month, day, hour, minute, second = parts
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise MalformedError(f"{what} has a time that does not exist: {text}") from error
