"""`pkcs11:` URIs, which name a key in a token (RFC 7512): attributes that must match, and how to get at them."""

import re
from urllib.parse import quote_from_bytes, unquote_to_bytes

from trustkit.errors import MalformedError
from trustkit.model.values import NamedTuple

SCHEME = "pkcs11"
# RFC 7512 2.3: what a path matches by, and what the query adds. Vendor attributes are refused: nothing here
# knows what they mean, and a URI that matches less strictly than it says must not pick a key.
_PATH = (
    "token", "manufacturer", "serial", "model", "library-manufacturer", "library-version", "library-description",
    "object", "type", "id", "slot-description", "slot-manufacturer", "slot-id",
)  # fmt: skip
_QUERY = ("pin-source", "pin-value", "module-name", "module-path")
_TYPES = ("public", "private", "cert", "secret-key", "data")
_UNRESERVED = r"A-Za-z0-9\-._~:\[\]@!$'()*+,="
_PATH_VALUE = re.compile(rf"(?:[{_UNRESERVED}&]|%[0-9A-Fa-f]{{2}})*\Z")
_QUERY_VALUE = re.compile(rf"(?:[{_UNRESERVED}/?|]|%[0-9A-Fa-f]{{2}})*\Z")
_NUMBER = re.compile(r"[0-9]{1,10}\Z")
_VERSION = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})?\Z")
_URI_CHARS = 4096
_PATH_SAFE = ":[]@!$'()*+,=&"
_QUERY_SAFE = ":[]@!$'()*+,=/?|"


class Pkcs11Uri(NamedTuple):
    """The attributes of a URI; None where it has none. Its text never contains the PIN."""

    token: str | None = None
    manufacturer: str | None = None
    serial: str | None = None
    model: str | None = None
    library_manufacturer: str | None = None
    library_version: str | None = None
    library_description: str | None = None
    object: str | None = None
    type: str | None = None
    id: bytes | None = None
    slot_description: str | None = None
    slot_manufacturer: str | None = None
    slot_id: int | None = None
    pin_source: str | None = None
    pin_value: str | None = None
    module_name: str | None = None
    module_path: str | None = None

    def __str__(self) -> str:
        """Return the URI without the PIN."""
        path = ";".join(f"{name}={_quoted(value, _PATH_SAFE)}" for name, value in self._named(_PATH))
        query = "&".join(
            f"{name}={_quoted(value, _QUERY_SAFE)}" for name, value in self._named(_QUERY) if name != "pin-value"
        )
        return f"{SCHEME}:{path}" + (f"?{query}" if query else "")

    def __repr__(self) -> str:
        """Return the same: a PIN must not reach a log by way of a debugger's view."""
        return f"<{self}>"

    def _named(self, names: tuple[str, ...]) -> list[tuple[str, str | bytes | int]]:
        values = [(name, getattr(self, name.replace("-", "_"))) for name in names]
        return [(name, value) for name, value in values if value is not None]


def is_pkcs11_uri(text: str) -> bool:
    """Whether the text calls itself such a URI; schemes have no case (RFC 3986 3.1)."""
    return text[: len(SCHEME) + 1].lower() == f"{SCHEME}:"


def parse_pkcs11_uri(text: str) -> Pkcs11Uri:
    """Return the attributes of a URI. No error quotes a value, which may be a PIN. Raises MalformedError."""
    if not is_pkcs11_uri(text):
        raise MalformedError("a PKCS#11 URI begins with pkcs11:")
    if len(text) > _URI_CHARS:
        raise MalformedError(f"PKCS#11 URI of more than {_URI_CHARS} characters")
    path, mark, query = text[len(SCHEME) + 1 :].partition("?")
    if mark and not query:
        raise MalformedError("PKCS#11 URI with an empty query")
    found = {
        **_attributes(path, ";", _PATH, _PATH_VALUE),
        **_attributes(query, "&", _QUERY, _QUERY_VALUE),
    }
    if "pin-source" in found and "pin-value" in found:
        raise MalformedError("PKCS#11 URI with both pin-source and pin-value")
    values: dict[str, str | bytes | int] = {name: _value(name, content) for name, content in found.items()}
    return Pkcs11Uri(**{name.replace("-", "_"): value for name, value in values.items()})  # type: ignore[arg-type]


def _attributes(text: str, separator: str, names: tuple[str, ...], grammar: re.Pattern[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for part in text.split(separator) if text else ():
        name, equals, value = part.partition("=")
        if not equals or name not in names:
            # only a name of the RFC may be repeated in the message: the rest may be a misplaced PIN
            raise MalformedError(f"PKCS#11 URI with an attribute that is none of {', '.join(names)}")
        if name in found:
            raise MalformedError(f"PKCS#11 URI with {name} twice")
        if not grammar.match(value):
            raise MalformedError(f"PKCS#11 URI whose {name} has a character that must be percent-encoded")
        found[name] = unquote_to_bytes(value)
    return found


def _value(name: str, content: bytes) -> str | bytes | int:
    if name == "id":
        return content
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise MalformedError(f"PKCS#11 URI whose {name} is not UTF-8") from error
    if "\0" in text or (name != "pin-value" and not text.isprintable()):
        raise MalformedError(f"PKCS#11 URI whose {name} has control characters")
    if name == "type" and text not in _TYPES:
        raise MalformedError(f"PKCS#11 URI whose type is none of {', '.join(_TYPES)}")
    if name == "library-version" and not _VERSION.match(text):
        raise MalformedError("PKCS#11 URI whose library-version is no version")
    if name == "slot-id":
        if not _NUMBER.match(text):
            raise MalformedError("PKCS#11 URI whose slot-id is no number")
        return int(text)
    return text


def _quoted(value: str | bytes | int, safe: str) -> str:
    if isinstance(value, bytes):
        # as RFC 7512 2.3 wants identifiers written: every byte encoded
        return "".join(f"%{byte:02X}" for byte in value)
    return quote_from_bytes(str(value).encode(), safe=safe)
