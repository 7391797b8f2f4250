"""Distinguished names as policies write them: RFC 4514 text, compared attribute by attribute.

A name is within another if each of its attributes stands there with the same value, whatever the order
(Notary Project, trust-store-trust-policy.md, "Trusted identities").
"""

from collections import Counter
from typing import Self

from trustkit.model.values import NamedTuple

_CHARS = 4096
# Other spellings of one attribute type; RFC 4519 has ST for state or province.
_SAME = {"S": "ST", "E": "EMAILADDRESS", "1.2.840.113549.1.9.1": "EMAILADDRESS"}
_ESCAPED = frozenset(' "#+,;<=>\\')
_HEX = frozenset("0123456789abcdefABCDEF")


class DistinguishedName(NamedTuple):
    """The attributes of a name: type in upper case, value as text."""

    text: str
    attributes: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return the name that RFC 4514 text stands for, or None if it is none."""
        if not text or len(text) > _CHARS:
            return None
        attributes = []
        for part in _split(text):
            kind, equals, value = part.partition("=")
            kind = kind.strip().upper()
            plain = _unescaped(value.strip(" ") if not value.endswith("\\ ") else value.lstrip(" "))
            if not (equals and kind and kind.replace(".", "").isalnum() and plain):
                return None
            attributes.append((_SAME.get(kind, kind), plain))
        return cls(text, tuple(attributes))

    def within(self, other: "DistinguishedName") -> bool:
        """Whether the other name has every attribute of this one, as often."""
        return Counter(self.attributes) <= Counter(other.attributes)


def _split(text: str) -> list[str]:
    """Split at commas and plus signs that are not escaped."""
    parts, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] in ",+":
            parts.append(text[start:at])
            start = at + 1
        at += 1
    parts.append(text[start:])
    return parts


def _unescaped(value: str) -> str:
    """Return the value without escapes, or nothing if an escape is none (RFC 4514 section 3)."""
    found = bytearray()
    at = 0
    while at < len(value):
        character = value[at]
        if character != "\\":
            found += character.encode("utf-8", "replace")
            at += 1
        elif value[at + 1 : at + 2] in _ESCAPED and at + 1 < len(value):
            found += value[at + 1].encode()
            at += 2
        elif len(value) >= at + 3 and set(value[at + 1 : at + 3]) <= _HEX:
            found.append(int(value[at + 1 : at + 3], 16))
            at += 3
        else:
            return ""
    return found.decode("utf-8", "replace")
