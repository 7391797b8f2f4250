"""Base64 in its one canonical spelling (RFC 4648, sections 3.5, 4 and 5)."""

from binascii import Error, a2b_base64, b2a_base64

from trustkit.errors import MalformedError


def decode(text: str, what: str) -> bytes:
    """Return the bytes of standard base64 with padding; `what` names it in errors.

    White space, missing padding and stray trailing bits are refused. Raises MalformedError.
    """
    try:
        encoded = text.encode("ascii")
    except UnicodeEncodeError as error:
        raise MalformedError(f"{what} is not base64: not ASCII") from error
    return _decode(encoded, what)


def decode_either(text: str, what: str) -> bytes:
    """Return the bytes of base64 in the standard or the URL-safe alphabet, never a mixture.

    Raises MalformedError. RFC 4648 section 5.
    """
    if "-" not in text and "_" not in text:
        return decode(text, what)
    if "+" in text or "/" in text:
        raise MalformedError(f"{what} is not base64: two alphabets at once")
    return decode(text.replace("-", "+").replace("_", "/"), what)


def encode(content: bytes) -> str:
    """Return standard base64 with padding."""
    return b2a_base64(content, newline=False).decode("ascii")


def _decode(encoded: bytes, what: str) -> bytes:
    try:
        content = a2b_base64(encoded, strict_mode=True)
    except Error as error:
        raise MalformedError(f"{what} is not base64: {str(error).lower()}") from error
    # RFC 4648 3.5: other trailing bits would give one value several spellings.
    if b2a_base64(content, newline=False) != encoded:
        raise MalformedError(f"{what} is not base64: stray trailing bits")
    return content
