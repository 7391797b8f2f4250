"""How far inwards an address lies. Who names a host may not make us ask further inwards than he may reach himself.

IANA's special-purpose address registries (RFC 6890), and where clouds hand out credentials.
"""

import _socket

# From outside to inside; what is NOWHERE is never asked.
WORLD, PRIVATE, MACHINE, NOWHERE = range(4)
NAMES = ("in the world", "in a private network", "on this machine", "where nothing is asked")

_BITS, _ALL = 32, (1 << 32) - 1


def _networks(reach: int, *texts: str) -> tuple[tuple[int, int, int], ...]:
    found = (text.split("/") for text in texts)
    return tuple((_number(at), -1 << _BITS - int(bits) & _ALL, reach) for at, bits in found)


def _number(address: str) -> int:
    return int.from_bytes(_socket.inet_aton(address), "big")


_IPV4 = (
    # Alibaba's and Oracle's metadata services lie in ranges that are private otherwise.
    *_networks(NOWHERE, "0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "100.100.100.200/32", "192.0.0.0/24"),
    *_networks(MACHINE, "127.0.0.0/8"),
    *_networks(PRIVATE, "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15"),
)
# IPv6 addresses that stand for an IPv4 one: mapped, translated (RFC 6052), 6to4 (RFC 3056); and where it begins.
_CARRIERS = ((bytes(10) + b"\xff\xff", 12), (b"\0\x64\xff\x9b" + bytes(8), 12), (b"\x20\x02", 2))
# Amazon's metadata service by IPv6.
_AMAZON = _socket.inet_pton(_socket.AF_INET6, "fd00:ec2::254")


def reach_of(address: str) -> int:
    """Return how far inwards a numeric address lies: WORLD, PRIVATE, MACHINE or NOWHERE. What is unknown is NOWHERE."""
    try:
        if ":" not in address:
            return _of_ipv4(_socket.inet_aton(address))
        return _of_ipv6(_socket.inet_pton(_socket.AF_INET6, address.partition("%")[0]))
    except OSError:
        return NOWHERE


def _of_ipv4(packed: bytes) -> int:
    number = int.from_bytes(packed, "big")
    return next((reach for network, mask, reach in _IPV4 if number & mask == network), WORLD)


def _of_ipv6(packed: bytes) -> int:
    for prefix, start in _CARRIERS:
        if packed.startswith(prefix):
            return _of_ipv4(packed[start : start + 4])
    if packed == bytes(15) + b"\1":
        return MACHINE
    link_local = packed[0] == 0xFE and packed[1] & 0xC0 == 0x80  # noqa: PLR2004
    # ::/96 was a way to write IPv4 once (RFC 4291 2.5.5.1); ff00::/8 is multicast
    if packed[:12] == bytes(12) or link_local or packed[0] == 0xFF or packed == _AMAZON:  # noqa: PLR2004
        return NOWHERE
    return PRIVATE if packed[0] & 0xFE == 0xFC else WORLD  # noqa: PLR2004
