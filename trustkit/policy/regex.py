"""Regular expressions of policies: RE2 only, so matching takes linear time, and always the whole text.

The library is loaded when the first one is compiled; policies without any do not pay for it.
"""

from typing import Protocol

from trustkit.errors import MalformedError
from trustkit.model.values import NamedTuple

PATTERN_CHARS = 2048
# A subject or label as a certificate or configuration has it.
_TEXT_CHARS = 65_536
# Memory of one compiled expression; RE2's own default is 8 MiB.
_MEMORY_BYTES = 1024 * 1024
_compiled: dict[str, "Expression"] = {}


class Expression(Protocol):
    """What the library compiles a text to."""

    def fullmatch(self, text: bytes) -> object | None:
        """Return a match of the whole text, or None."""

    def search(self, text: bytes) -> object | None:
        """Return a match of a part of the text, or None."""


class Regex(NamedTuple):
    """An expression that must match from the first character to the last, whether or not it says so."""

    text: str

    @classmethod
    def compile(cls, text: str) -> "Regex":
        """Check an expression. Raises MalformedError."""
        _expression(text)
        return cls(text)

    def matches(self, text: str) -> bool:
        """Whether the whole text fits; a text beyond all measure, or no Unicode, does not."""
        if not _searchable(text):
            return False
        return _expression(self.text).fullmatch(text.encode()) is not None

    def found_in(self, text: str) -> bool:
        """Whether any part of the text fits; with the same bounds."""
        if not _searchable(text):
            return False
        return _expression(self.text).search(text.encode()) is not None


def _searchable(text: str) -> bool:
    """Whether a text is within the bounds and has a UTF-8 form: no surrogates."""
    if len(text) > _TEXT_CHARS:
        return False
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _expression(text: str) -> Expression:
    found = _compiled.get(text)
    if found is None:
        found = _compiled[text] = _compile(text)
    return found


def _compile(text: str) -> Expression:
    import re2

    if not text or len(text) > PATTERN_CHARS:
        raise MalformedError(f"a regular expression has between 1 and {PATTERN_CHARS} characters")
    options = re2.Options()
    options.max_mem = _MEMORY_BYTES
    options.log_errors = False
    options.never_nl = False
    try:
        found: Expression = re2.compile(text, options)
    except (re2.error, UnicodeError) as error:
        raise MalformedError(f"not a regular expression of RE2: {_reason(error)}") from error
    return found


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return (reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(error))[:200]
