"""OpenPGP's ASCII armour, read strictly (RFC 9580 section 6.2)."""

from trustkit.codec import base64
from trustkit.errors import MalformedError

_POLYNOMIAL, _START = 0x1864CFB, 0xB704CE
_BLOCKS = 256


def unarmored(content: bytes, label: str, what: str) -> bytes:
    """Return the packets of all blocks with this label, joined. Raises MalformedError."""
    try:
        lines = [line.rstrip() for line in content.decode("ascii").splitlines()]
    except UnicodeDecodeError as error:
        raise MalformedError(f"{what} is armoured and not ASCII") from error
    found: list[bytes] = []
    at = 0
    while at < len(lines):
        if not lines[at]:
            at += 1
            continue
        if lines[at] != f"-----BEGIN {label}-----":
            raise MalformedError(f"{what} has {lines[at][:60]!r} where BEGIN {label} should be")
        try:
            end = lines.index(f"-----END {label}-----", at)
        except ValueError as error:
            raise MalformedError(f"{what} has no END {label}") from error
        if len(found) >= _BLOCKS:
            raise MalformedError(f"{what} has more than {_BLOCKS} blocks")
        found.append(_block(lines[at + 1 : end], what))
        at = end + 1
    return b"".join(found)


def _block(lines: list[str], what: str) -> bytes:
    if "" not in lines:
        raise MalformedError(f"{what} has no blank line before its armoured data")
    headers, data = lines[: lines.index("")], lines[lines.index("") + 1 :]
    if not all(": " in line or line.endswith(":") for line in headers):
        raise MalformedError(f"{what} has an armour header that is none")
    checksum = data.pop()[1:] if data and data[-1].startswith("=") else ""
    packets = base64.decode("".join(data), what)
    if checksum and base64.decode(checksum, what) != _crc24(packets).to_bytes(3, "big"):
        raise MalformedError(f"{what} is damaged: its checksum does not fit")
    return packets


def _crc24(content: bytes) -> int:
    crc = _START
    for byte in content:
        crc = crc << 8 & 0xFFFFFF ^ _TABLE[crc >> 16 & 0xFF ^ byte]
    return crc


def _row(index: int) -> int:
    crc = index << 16
    for _ in range(8):
        crc <<= 1
        if crc & 0x1000000:
            crc ^= _POLYNOMIAL
    return crc & 0xFFFFFF


_TABLE = tuple(_row(index) for index in range(256))
