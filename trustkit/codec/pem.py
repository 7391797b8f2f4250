"""One labelled block of base64 in text (RFC 7468, the strict grammar of section 3)."""

import re
from collections.abc import Mapping, Sequence

from trustkit.codec import base64
from trustkit.errors import MalformedError

_LINE_CHARS = 64
_BLOCK = re.compile(
    rb"-----BEGIN ([A-Z0-9]+(?:[ -][A-Z0-9]+)*)-----\r?\n"
    rb"([A-Za-z0-9+/=\r\n]*?)"
    rb"-----END \1-----[ \t]*(?:\r?\n|\Z)"
)

# Few and short: these are names of roles and repositories.
_HEADED = re.compile(
    rb"(-----BEGIN [A-Z0-9 -]{1,60}-----\r?\n)((?:[A-Za-z-]{1,40}: [!-~]{1,300}\r?\n){1,8})\r?\n",
)


def decode(text: bytes, labels: Sequence[str]) -> tuple[str, bytes]:
    """Return label and content of the only block; its label must be one of `labels`.

    Blank lines around the block are allowed, any other text is not. Raises MalformedError.
    """
    blocks = decode_all(text, labels)
    if len(blocks) != 1:
        raise MalformedError(f"{len(blocks)} PEM blocks where one is expected")
    return blocks[0]


def decode_all(text: bytes, labels: Sequence[str]) -> list[tuple[str, bytes]]:
    """Return label and content of every block, at least one. Raises MalformedError."""
    wanted = " or ".join(labels)
    blocks: list[tuple[str, bytes]] = []
    rest = text.lstrip()
    while rest:
        found = _BLOCK.match(rest)
        if found is None:
            raise MalformedError(f"not a PEM block of {wanted}")
        label = found[1].decode("ascii")
        if label not in labels:
            raise MalformedError(f"PEM block holds {label[:64]}, not {wanted}")
        blocks.append((label, _content(found[2], label)))
        rest = rest[found.end() :].lstrip()
    if not blocks:
        raise MalformedError(f"no PEM block of {wanted}")
    return blocks


def split_headers(text: bytes) -> tuple[dict[str, str], bytes]:
    """Return the `name: value` lines at the head of one block, and the block without them (RFC 1421 4.4).

    RFC 7468 has none; notary and docker write `role` and `gun` there. Raises MalformedError.
    """
    found = _HEADED.match(text.lstrip())
    if found is None:
        return {}, text
    headers: dict[str, str] = {}
    for line in found[2].decode("ascii").splitlines():
        name, _, value = line.partition(": ")
        if name in headers:
            raise MalformedError(f"PEM block with the header {name[:40]!r} twice")
        headers[name] = value
    return headers, found[1] + text.lstrip()[found.end() :]


def encode(label: str, content: bytes) -> bytes:
    """Return the block, in lines of 64 characters with LF."""
    encoded = base64.encode(content)
    lines = [encoded[at : at + _LINE_CHARS] for at in range(0, len(encoded), _LINE_CHARS)]
    body = "".join(f"{line}\n" for line in lines)
    return f"-----BEGIN {label}-----\n{body}-----END {label}-----\n".encode("ascii")


def with_headers(block: bytes, headers: Mapping[str, str]) -> bytes:
    """Return the block with `name: value` lines at its head, in the order of their names, as `split_headers` reads."""
    first, _, rest = block.partition(b"\n")
    lines = "".join(f"{name}: {value}\n" for name, value in sorted(headers.items()))
    return first + b"\n" + lines.encode("ascii") + b"\n" + rest


def _content(body: bytes, label: str) -> bytes:
    encoded = body.replace(b"\r\n", b"").replace(b"\n", b"").decode("ascii")
    return base64.decode(encoded, f"PEM block {label}")
