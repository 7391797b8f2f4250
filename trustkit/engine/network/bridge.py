"""One bridge, a veth pair a container, addresses from its subnet (rtnetlink by pyroute2).

Synchronous, and made for the one network thread: pyroute2's synchronous interface starts an event loop of its own,
which must not happen in a thread where one runs.
"""

import contextlib
import os
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, NamedTuple

from trustkit.engine.errors import EngineError
from trustkit.engine.network import firewall, namespaces

_INTERFACE = "eth0"
# 64 subnets of 4094 addresses in 172.28.0.0/14, where docker's own come last.
_CANDIDATES = tuple(IPv4Network((int(IPv4Address("172.28.0.0")) + (number << 12), 20)) for number in range(64))


class Address(NamedTuple):
    """A container's place on the bridge."""

    address: IPv4Address
    prefix_length: int
    gateway: IPv4Address
    mac_address: str


def mac_of(address: IPv4Address) -> str:
    """Return a locally administered MAC that follows from the address, as docker's do."""
    return ":".join(f"{byte:02x}" for byte in (0x02, 0x42, *address.packed))


def veth_of(container: str) -> str:
    """Return the name of the host's end; interface names have 15 characters."""
    return f"tkv{container[:12]}"


def _open_netlink() -> Any:
    from pyroute2 import IPRoute

    return IPRoute()


def load() -> None:
    """Import pyroute2 while nobody waits for it."""
    import pyroute2  # noqa: F401


@contextlib.contextmanager
def _reported(what: str) -> Iterator[None]:
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        yield
    except (NetlinkError, OSError) as error:
        raise EngineError(f"{what}: {error}", next_step="use --network none or host meanwhile") from error


class Bridge:
    """The bridge and its netlink socket."""

    def __init__(self, name: str) -> None:
        """Open netlink."""
        self.name = name
        self._index = 0
        self._netlink = _open_netlink()

    def close(self) -> None:
        """Close netlink."""
        self._netlink.close()

    def free_subnet(self) -> IPv4Network:
        """Return a subnet that no route of the machine touches.

        Raises EngineError.
        """
        with _reported("the routes cannot be read"):
            routes = [
                IPv4Network((found, route["dst_len"]), strict=False)
                for route in self._netlink.get_routes(family=2)
                if (found := route.get_attr("RTA_DST")) and route["dst_len"]
            ]
        for candidate in _CANDIDATES:
            if not any(candidate.overlaps(route) for route in routes):
                return candidate
        raise EngineError("no free subnet in 172.28.0.0/14", next_step="give the engine a subnet of your own")

    def raise_up(self, subnet: IPv4Network) -> None:
        """Make the bridge with the subnet's first address, and its firewall rules.

        Raises EngineError.
        """
        with _reported(f"the bridge {self.name} cannot be made"):
            found = self._netlink.link_lookup(ifname=self.name)
            if not found:
                self._netlink.link("add", ifname=self.name, kind="bridge")
                found = self._netlink.link_lookup(ifname=self.name)
            self._index = found[0]
            gateway = str(next(subnet.hosts()))
            if not self._netlink.get_addr(index=self._index, address=gateway):
                self._netlink.addr("add", index=self._index, address=gateway, prefixlen=subnet.prefixlen)
            self._netlink.link("set", index=self._index, state="up")
        firewall.raise_rules(self.name, subnet)

    def drop(self) -> None:
        """Remove the bridge and its rules, if they are there.

        Raises EngineError.
        """
        firewall.drop_rules(self.name)
        with _reported(f"the bridge {self.name} cannot be removed"):
            for index in self._netlink.link_lookup(ifname=self.name):
                self._netlink.link("del", index=index)
        self._index = 0

    def attach(self, container: str, netns: Path, place: Address) -> None:
        """Give the namespace an `eth0` with its address and default route.

        Raises EngineError.
        """
        veth = veth_of(container)
        with _reported("the container's interface cannot be made"):
            self.detach(container)
            descriptor = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
            try:
                peer = {"ifname": _INTERFACE, "net_ns_fd": descriptor, "address": mac_of(place.address)}
                self._netlink.link("add", ifname=veth, kind="veth", peer=peer, master=self._index, state="up")
            finally:
                os.close(descriptor)
            with namespaces.inside(netns), _open_netlink() as inner:
                index = inner.link_lookup(ifname=_INTERFACE)[0]
                inner.addr("add", index=index, address=str(place.address), prefixlen=place.prefix_length)
                inner.link("set", index=index, state="up")
                inner.route("add", dst="default", gateway=str(place.gateway))

    def detach(self, container: str) -> None:
        """Remove the container's veth pair, if it is there."""
        for index in self._netlink.link_lookup(ifname=veth_of(container)):
            with contextlib.suppress(EngineError), _reported("the interface cannot be removed"):
                self._netlink.link("del", index=index)
