"""The table of a tar file: where each plain file's bytes lie (POSIX ustar and pax, GNU long names).

Nothing is unpacked and no path of the archive ever touches the disk. `tarfile` is not used: it
takes 15 ms to import and repairs what should be refused.
"""

from typing import BinaryIO

from trustkit import limits
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

_BLOCK = 512
_FILE = b"0\0"
_LINKS = b"12"
_FOLDER = b"5"
_GLOBAL_PAX, _PAX, _LONG_NAME, _LONG_LINK = b"g", b"x", b"L", b"K"
_LINK_STEPS = 8


class TarEntry(NamedTuple):
    """A file's place in the archive, or where a link leads."""

    offset: int
    size_bytes: int
    link: str = ""


def read_table(file: BinaryIO, what: str) -> dict[str, TarEntry]:
    """Return the files and links of an archive by their plain path.

    Raises MalformedError, LimitExceededError.
    """
    file_bytes = file.seek(0, 2)
    table: dict[str, TarEntry] = {}
    long: dict[str, str] = {}
    at, count = 0, 0
    while at + _BLOCK <= file_bytes:
        file.seek(at)
        header = file.read(_BLOCK)
        if not header.strip(b"\0"):
            return table
        _require_checksum(header, what)
        count += 1
        if count > limits.ARCHIVE_ENTRIES:
            raise LimitExceededError(f"{what} has more than {limits.ARCHIVE_ENTRIES} entries")
        kind, size = header[156:157], _number(header[124:136], what)
        content = at + _BLOCK
        if kind in (_PAX, _GLOBAL_PAX, _LONG_NAME, _LONG_LINK):
            _read_long(file, kind, size, long, what)
        else:
            size = _size(kind, size, long, what)
            if size > file_bytes - content:
                raise MalformedError(f"{what} is cut off")
            _note(table, header, TarEntry(content, size), long, what)
            long = {}
        at = content + -(-size // _BLOCK) * _BLOCK
    if not count:
        raise MalformedError(f"{what} is no tar archive", next_step="check the file")
    return table


def follow(table: dict[str, TarEntry], name: str, what: str) -> TarEntry | None:
    """Return the file a name leads to, through links inside the archive only.

    Raises MalformedError.
    """
    for _ in range(_LINK_STEPS):
        found = table.get(name)
        if found is None or not found.link:
            return found
        name = found.link
    raise MalformedError(f"{what}: {name[:120]!r} is a chain of links")


def plain_path(name: str) -> str:
    """Return a path without `.` and `..`, or "" if it leaves the archive."""
    parts: list[str] = []
    if name.startswith("/"):
        return ""
    for part in name.split("/"):
        if part == "..":
            if not parts:
                return ""
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _note(table: dict[str, TarEntry], header: bytes, entry: TarEntry, long: dict[str, str], what: str) -> None:
    kind = header[156:157]
    name = plain_path(long.get("path") or _name(header, what))
    if kind == _FOLDER or not name:
        return
    if kind and kind in _LINKS:
        target = long.get("linkpath") or _text(header[157:257], what)
        # a hard link names a path of the archive, a symbolic one is relative to its folder
        start = name.rpartition("/")[0] if kind == b"2" else ""
        entry = TarEntry(0, 0, plain_path(f"{start}/{target}".lstrip("/")) or "/")
    elif kind not in _FILE:
        return
    if name in table:
        raise MalformedError(f"{what} holds {name[:120]!r} twice")
    table[name] = entry


def _name(header: bytes, what: str) -> str:
    prefix = _text(header[345:500], what) if header[257:263] == b"ustar\0" else ""
    name = _text(header[:100], what)
    return f"{prefix}/{name}" if prefix else name


def _size(kind: bytes, size: int, long: dict[str, str], what: str) -> int:
    """Return the real size: pax may override it, and only files have one."""
    told = long.get("size", "")
    if told:
        if not (told.isascii() and told.isdigit() and len(told) < 16):  # noqa: PLR2004
            raise MalformedError(f"{what} has a wrong size in a pax header")
        size = int(told)
    if any(name.startswith("GNU.sparse") for name in long):
        raise MalformedError(f"{what} holds sparse files, which images do not")
    return 0 if kind and kind in _LINKS + _FOLDER else size


def _read_long(file: BinaryIO, kind: bytes, size: int, long: dict[str, str], what: str) -> None:
    if size > limits.ARCHIVE_HEADER_BYTES:
        raise LimitExceededError(f"{what} has a header of {size} bytes")
    content = file.read(size)
    if len(content) < size:
        raise MalformedError(f"{what} is cut off")
    if kind == _LONG_NAME:
        long["path"] = _text(content, what)
    elif kind == _LONG_LINK:
        long["linkpath"] = _text(content, what)
    elif kind == _PAX:
        long.update(_pax(content, what))


def _pax(content: bytes, what: str) -> dict[str, str]:
    """Read `LENGTH NAME=VALUE LF` records (POSIX pax, 3.4.1)."""
    found: dict[str, str] = {}
    while content:
        digits, space, _ = content.partition(b" ")
        length = int(digits) if digits.isdigit() and len(digits) < 8 else 0  # noqa: PLR2004
        record, content = content[len(digits) + 1 : length], content[length:]
        name, equals, value = record.partition(b"=")
        if not space or not equals or not value.endswith(b"\n"):
            raise MalformedError(f"{what} has a malformed pax header")
        found[_text(name, what)] = _text(value[:-1], what)
    return found


def _number(field: bytes, what: str) -> int:
    """Read an octal field, or GNU's base-256 for large ones."""
    if field[0] == 0x80:  # noqa: PLR2004
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    if any(digit not in b"01234567" for digit in digits):
        raise MalformedError(f"{what} is no tar archive, or damaged: a header field is no number")
    return int(digits or b"0", 8)


def _require_checksum(header: bytes, what: str) -> None:
    expected = sum(header[:148]) + 8 * 0x20 + sum(header[156:])
    if _number(header[148:156], what) != expected:
        raise MalformedError(f"{what} is no tar archive, or damaged", next_step="check the file")


def _text(field: bytes, what: str) -> str:
    try:
        return field.partition(b"\0")[0].decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(f"{what} has a name that is not UTF-8") from error
