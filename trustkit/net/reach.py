"""How far inwards an address lies. Who names a host may not make us ask further inwards than he may reach himself.

IANA's special-purpose address registries (RFC 6890), and where clouds hand out credentials.
"""

import _socket

# From outside to inside; what is NOWHERE is never asked.
WORLD, PRIVATE, MACHINE, NOWHERE = range(4)
NAMES = ("in the world", "in a private network", "on this machine", "where nothing is asked")


def _networks(reach: int, *texts: str) -> tuple[tuple[int, int, int], ...]:
    found = (text.split("/") for text in texts)
    return tuple((*_network(_packed(at), int(bits)), reach) for at, bits in found)


def _network(packed: bytes, bits: int) -> tuple[int, int]:
    rest = len(packed) * 8 - bits
    return int.from_bytes(packed, "big") >> rest, rest


def _packed(address: str) -> bytes:
    if ":" in address:
        return _socket.inet_pton(_socket.AF_INET6, address)
    return _socket.inet_aton(address)


# No address of one machine, so nothing that a translator would be asked for.
_NO_HOST = _networks(NOWHERE, "0.0.0.0/8", "224.0.0.0/3")
_IPV4 = (
    *_NO_HOST,
    # Alibaba's and Oracle's metadata services lie in ranges that are private otherwise, Azure's in the world's.
    *_networks(NOWHERE, "169.254.0.0/16", "100.100.100.200/32", "192.0.0.0/24", "168.63.129.16/32"),
    *_networks(MACHINE, "127.0.0.0/8"),
    *_networks(PRIVATE, "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15"),
)
_IPV6 = (
    *_networks(MACHINE, "::1/128"),
    # ::/96 was a way to write IPv4 once (RFC 4291 2.5.5.1)
    *_networks(NOWHERE, "::/96", "fe80::/10", "ff00::/8"),
    # Credentials: Amazon's block (metadata and pod identity), Google's, Oracle's and Scaleway's metadata services.
    *_networks(NOWHERE, "fd00:ec2::/32", "fd20:ce::/64", "fd00:c1::a9fe:a9fe/128", "fd00:42::42/128"),
    # fec0::/10 was private once (RFC 3879)
    *_networks(PRIVATE, "fc00::/7", "fec0::/10"),
)
# IPv6 addresses that stand for an IPv4 one, and where it begins: mapped, translated (RFC 7915 as it was, RFC 6052),
# and 6to4 (RFC 3056).
_CARRIERS = (
    (_packed("::ffff:0:0")[:12], 12),
    (_packed("::ffff:0:0:0")[:12], 12),
    (_packed("64:ff9b::")[:12], 12),
    (_packed("2002::")[:2], 2),
)
# Translators of a network's own (RFC 8215). How long their prefix is they alone know, so an address could stand for
# any of several: each place where RFC 6052 puts the four bytes, for prefixes of 48, 56, 64 and 96 bits.
_LOCAL = _packed("64:ff9b:1::")[:6]
_PLACES = ((6, 7, 9, 10), (7, 9, 10, 11), (9, 10, 11, 12), (12, 13, 14, 15))


def reach_of(address: str) -> int:
    """Return how far inwards a numeric address lies: WORLD, PRIVATE, MACHINE or NOWHERE. What is unknown is NOWHERE."""
    try:
        packed = _packed(address.partition("%")[0] if ":" in address else address)
    except OSError:
        return NOWHERE
    return _of_ipv6(packed) if ":" in address else _of(packed, _IPV4)


def _of(packed: bytes, table: tuple[tuple[int, int, int], ...]) -> int:
    number = int.from_bytes(packed, "big")
    return next((reach for network, rest, reach in table if number >> rest == network), WORLD)


def _of_ipv6(packed: bytes) -> int:
    for prefix, start in _CARRIERS:
        if packed.startswith(prefix):
            return _of(packed[start : start + 4], _IPV4)
    if packed.startswith(_LOCAL):
        readings = [bytes(packed[place] for place in places) for places in _PLACES]
        return max((_of(one, _IPV4) for one in readings if _of(one, _NO_HOST) == WORLD), default=NOWHERE)
    return _of(packed, _IPV6)
