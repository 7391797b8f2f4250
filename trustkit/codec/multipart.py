"""Uploads of files as HTML forms send them (RFC 7578 over RFC 2046 5.1), in the one form that Go's clients write.

    --BOUNDARY CRLF
    Content-Disposition: form-data; name="files"; filename="targets/releases" CRLF
    Content-Type: application/octet-stream CRLF
    CRLF
    <content> CRLF
    --BOUNDARY-- CRLF

No preamble, no epilogue, no transfer encoding, no nesting, no folded or escaped header: what a lenient reader
might take differently is refused.
"""

import re

from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

_WHAT = "form upload"
# RFC 2046 5.1.1: bcharsnospace, 1 to 70 of them; blanks are left out, as every client does
_MEDIA_TYPE = re.compile(
    r"multipart/form-data *; *boundary=(?:\"([0-9A-Za-z'()+_,./:=?-]{1,70})\"|([0-9A-Za-z'+_.-]{1,70}))\Z"
)
_HEADERS_BYTES = 2048
_HEADER = re.compile(rb"([A-Za-z0-9-]{1,64}): *([\x20-\x7e]*)\Z")
_DISPOSITION = re.compile(r'form-data; name="([^"\\]{1,64})"; filename="([^"\\]{1,255})"\Z')
_HEADERS = frozenset({"content-disposition", "content-type"})


class Part(NamedTuple):
    """One file of a form: the field it was sent in, the name the sender gives it, and its bytes."""

    field: str
    filename: str
    content: bytes


def boundary_of(content_type: str) -> bytes:
    """Return the delimiter of `Content-Type: multipart/form-data; boundary=…`. Raises MalformedError."""
    found = _MEDIA_TYPE.match(content_type)
    if found is None:
        raise MalformedError(f"{_WHAT} is called {content_type[:100]!r}, not multipart/form-data with a boundary")
    return (found[1] or found[2]).encode("ascii")


def parse(body: bytes, content_type: str, *, most_parts: int) -> tuple[Part, ...]:
    """Return the files of a form, in order; at least one. Raises MalformedError, LimitExceededError."""
    delimiter = b"--" + boundary_of(content_type)
    if not body.startswith(delimiter + b"\r\n"):
        raise MalformedError(f"{_WHAT} does not begin with its boundary")
    parts: list[Part] = []
    at = len(delimiter)
    while True:
        if len(parts) == most_parts:
            raise LimitExceededError(f"{_WHAT} has more than the {most_parts} files allowed")
        end = body.find(b"\r\n" + delimiter, at + 2)
        if end < 0:
            raise MalformedError(f"{_WHAT} is cut off: its last boundary is missing")
        parts.append(_part(body, at + 2, end))
        at = end + 2 + len(delimiter)
        if body[at : at + 2] == b"--":
            if body[at + 2 :] not in (b"", b"\r\n"):
                raise MalformedError(f"{_WHAT} goes on after its last boundary")
            return tuple(parts)
        if body[at : at + 2] != b"\r\n":
            raise MalformedError(f"{_WHAT} has bytes behind a boundary")


def build(parts: tuple[Part, ...], boundary: str) -> bytes:
    """Return the form as Go's `mime/multipart` writes it; the boundary must not occur in any content."""
    pieces: list[bytes] = []
    for part in parts:
        head = f'Content-Disposition: form-data; name="{part.field}"; filename="{part.filename}"\r\n'
        pieces.append(f"--{boundary}\r\n{head}Content-Type: application/octet-stream\r\n\r\n".encode())
        pieces.append(part.content + b"\r\n")
    return b"".join(pieces) + f"--{boundary}--\r\n".encode()


def _part(body: bytes, start: int, end: int) -> Part:
    split = body.find(b"\r\n\r\n", start, min(end, start + _HEADERS_BYTES))
    if split < 0:
        raise MalformedError(f"{_WHAT}: the headers of a part are missing or longer than {_HEADERS_BYTES} bytes")
    headers: dict[str, str] = {}
    for line in body[start:split].split(b"\r\n"):
        found = _HEADER.match(line)
        name = found[1].decode("ascii").lower() if found else ""
        if found is None or name not in _HEADERS or name in headers:
            raise MalformedError(f"{_WHAT}: a part has the header {line[:60]!r}")
        headers[name] = found[2].decode("ascii")
    disposition = _DISPOSITION.match(headers.get("content-disposition", ""))
    if disposition is None:
        raise MalformedError(f"{_WHAT}: a part is no file with a name")
    return Part(disposition[1], disposition[2], body[split + 4 : end])
