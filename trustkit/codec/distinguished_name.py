"""Distinguished names of certificates: DER in, RFC 4514 text out."""

from trustkit import limits
from trustkit.codec import der
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

_WHAT = "distinguished name"
# RFC 4514 section 3, and the others people write by name.
SHORT_NAMES = {
    "2.5.4.3": "CN",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.6": "C",
    "2.5.4.9": "STREET",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
}
# X.520 string types and how Python calls their alphabets.
_ENCODINGS = {
    0x0C: "utf-8",
    0x12: "ascii",
    0x13: "ascii",
    0x14: "latin-1",
    0x16: "ascii",
    0x1A: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}
_SPECIAL = frozenset('"+,;<>\\')


class Attribute(NamedTuple):
    """One attribute: its type (object identifier) and value.

    The value of one that is no string is `#` and the hex of its DER (RFC 4514 2.4), and `encoded` says so.
    """

    oid: str
    value: str
    encoded: bool = False


class Name(NamedTuple):
    """A name: exact DER, by which names are compared, and its relative names in the order of the DER."""

    der: bytes
    relative: tuple[tuple[Attribute, ...], ...]

    def __str__(self) -> str:
        """Return the name as RFC 4514 writes it, last part first."""
        return ",".join("+".join(map(_written, part)) for part in reversed(self.relative))

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """All attributes in order."""
        return tuple(attribute for part in self.relative for attribute in part)


def read_name(reader: der.Reader) -> Name:
    """Return the next value, a Name. Raises MalformedError, LimitExceededError. RFC 5280 4.1.2.4."""
    content = reader.raw(der.SEQUENCE)
    return parse_name(content)


def parse_name(content: bytes) -> Name:
    """Return a name from its DER. Raises MalformedError, LimitExceededError."""
    outer = der.Reader(content, _WHAT)
    parts = outer.nested()
    outer.require_end()
    found: list[tuple[Attribute, ...]] = []
    count = 0
    while parts.peek() is not None:
        part = _relative(parts.nested(der.SET))
        count += len(part)
        if count > limits.CERTIFICATE_PARTS:
            raise LimitExceededError(f"{_WHAT} has more than {limits.CERTIFICATE_PARTS} attributes")
        found.append(part)
    return Name(content, tuple(found))


def _relative(reader: der.Reader) -> tuple[Attribute, ...]:
    found: list[Attribute] = []
    while reader.peek() is not None:
        pair = reader.nested()
        oid = pair.oid()
        found.append(_attribute(oid, pair.raw()))
        pair.require_end()
        if len(found) > limits.CERTIFICATE_PARTS:
            raise LimitExceededError(f"{_WHAT} has more than {limits.CERTIFICATE_PARTS} attributes")
    if not found:
        raise MalformedError(f"{_WHAT} has an empty part")
    return tuple(found)


def _attribute(oid: str, whole: bytes) -> Attribute:
    encoding = _ENCODINGS.get(whole[0])
    if encoding is None:
        return Attribute(oid, "#" + whole.hex(), encoded=True)
    _, content = der.Reader(whole, _WHAT).element()
    try:
        return Attribute(oid, content.decode(encoding))
    except UnicodeDecodeError as error:
        raise MalformedError(f"{_WHAT} has a value that is not {encoding}") from error


def _written(attribute: Attribute) -> str:
    value = attribute.value if attribute.encoded else escape(attribute.value)
    return f"{SHORT_NAMES.get(attribute.oid, attribute.oid)}={value}"


def escape(value: str) -> str:
    """Return a value with what RFC 4514 2.4 wants escaped."""
    last = len(value) - 1
    return "".join(_escaped(letter, at == 0, at == last) for at, letter in enumerate(value))


def _escaped(letter: str, first: bool, last: bool) -> str:  # noqa: FBT001  (three facts on one letter)
    if letter == "\0":
        return "\\00"
    if letter in _SPECIAL or (first and letter in "# ") or (last and letter == " "):
        return "\\" + letter
    return letter
