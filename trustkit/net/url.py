"""The few URLs that registries use, read strictly: `http[s]://host[:port]/path[?query]`.

`urllib.parse` repairs what it is given and costs 9 ms to import; a URL from a server is refused
here unless it is plain.
"""

import _socket
import re

from trustkit.errors import ProtocolError
from trustkit.model.values import NamedTuple

# `co.uk`, `com.au`, `gov.cn`: a country's two letters behind at most three. Too many labels refuse, too few would tell.
_COUNTRY_CHARS, _SECOND_LEVEL_CHARS = 2, 3
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])\Z")
_TARGET = re.compile(r"/[!-~]*\Z")
_URL_CHARS = 16 * 1024
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Url(NamedTuple):
    """Scheme, host, port and the request target (path with query)."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """`host` or `host:port`, as the Host header has it."""
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def path(self) -> str:
        """The target without its query, which may carry secrets: fit for messages."""
        return self.target.partition("?")[0]

    def __str__(self) -> str:
        """Return the URL."""
        return f"{self.scheme}://{self.authority}{self.target}"


def parse(text: str) -> Url:
    """Read an absolute URL. Raises ProtocolError."""
    scheme, found, rest = text[:_URL_CHARS].partition("://")
    scheme = scheme.lower()
    if not found or scheme not in _PORTS or len(text) > _URL_CHARS:
        raise ProtocolError(f"not an http or https URL: {text[:80]!r}")
    end = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
    authority, target = rest[:end], rest[end:].partition("#")[0]
    host, port = split_host(authority, _PORTS[scheme])
    if not target.startswith("/"):
        target = f"/{target}"
    if not _TARGET.match(target):
        raise ProtocolError(f"a URL of {host} has unprintable characters")
    return Url(scheme, host, port, target)


def split_host(authority: str, default_port: int) -> tuple[str, int]:
    """Read `host[:port]`; user information is refused. Raises ProtocolError."""
    host, colon, digits = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        host, digits = authority, str(default_port)
    if not _HOST.match(host) or not (digits.isascii() and digits.isdigit() and len(digits) < 6):  # noqa: PLR2004
        raise ProtocolError(f"not a host name: {authority[:80]!r}")
    port = int(digits)
    if not 0 < port < 1 << 16:
        raise ProtocolError(f"not a port: {authority[:80]!r}")
    return host.lower(), port


def join(base: Url, location: str) -> Url:
    """Return where a Location or Link of `base` leads. Raises ProtocolError."""
    if location.startswith("/") and not location.startswith("//"):
        return parse(f"{base.scheme}://{base.authority}{location}")
    if location.startswith("?"):
        return parse(f"{base.scheme}://{base.authority}{base.path}{location}")
    if location.startswith("//"):
        return parse(f"{base.scheme}:{location}")
    return parse(location)


def is_loopback(host: str) -> bool:
    """Whether a host can only be this machine (names are not looked up)."""
    octets = host.split(".")
    if octets[0] == "127" and len(octets) == 4 and all(each.isdigit() for each in octets):  # noqa: PLR2004
        return True
    return host in ("localhost", "[::1]")


def is_machines_own(host: str) -> bool:
    """Whether a host is written as a loopback, link-local or unspecified address, in any spelling C libraries take.

    169.254.169.254 hands a cloud machine's credentials to whoever asks from inside; `2852039166` is the same host.
    """
    try:
        packed = _packed(host)
    except OSError:
        return is_loopback(host)
    if len(packed) == 4:  # noqa: PLR2004
        return packed[0] in (0, 127) or packed[:2] == b"\xa9\xfe"
    link_local = packed[0] == 0xFE and packed[1] & 0xC0 == 0x80  # noqa: PLR2004
    return link_local or packed in (bytes(16), bytes(15) + b"\1")


def _packed(host: str) -> bytes:
    """Return the bytes of an address, an IPv4 one also out of IPv6's ::ffff:0:0/96. Raises OSError for a name."""
    if not host.startswith("["):
        return _socket.inet_aton(host)
    packed = _socket.inet_pton(_socket.AF_INET6, host[1:-1])
    return packed[12:] if packed[:12] == bytes(10) + b"\xff\xff" else packed


def quote(text: str) -> str:
    """Percent-encode everything but unreserved characters (RFC 3986 2.3)."""
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode())


def query(pairs: tuple[tuple[str, str], ...]) -> str:
    """Return `name=value&...`."""
    return "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs)


def domain(host: str) -> str:
    """Return what one party is likely to hold: the last two labels of a name, three under `co.uk` and its like."""
    labels = host.rsplit(".", 3)[-3:]
    if host.startswith("[") or labels[-1].isdigit():
        return host
    wide = len(labels[-1]) == _COUNTRY_CHARS and len(labels[-2:][0]) <= _SECOND_LEVEL_CHARS
    return ".".join(labels if wide else labels[-2:])
