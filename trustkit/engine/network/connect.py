"""Networks of containers: none, host or bridge; the one place that knows the network thread.

A few namespaces are made ahead, because making one costs milliseconds that a start would wait for.
"""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import TypeVar

from trustkit.durable import make_folder
from trustkit.engine.errors import EngineError
from trustkit.engine.names import new_id
from trustkit.engine.network import namespaces
from trustkit.engine.network.bridge import Address, Bridge, load, mac_of
from trustkit.engine.settings import EngineSettings
from trustkit.engine.state import State
from trustkit.engine.values import NetworkView
from trustkit.errors import UsageError
from trustkit.fips.hashing import sha256

MODES = ("none", "host", "bridge")
_AHEAD = 3
_NAME_CHARS = 16
Result = TypeVar("Result")


def mode_of(text: str) -> str:
    """Return the network mode of a request; `default` is the bridge.

    Raises UsageError.
    """
    mode = "bridge" if text in ("", "default") else text
    if mode not in MODES:
        message = f"network {text!r} is not known"
        raise UsageError(message, next_step=f"use one of: {', '.join(MODES)}")
    return mode


class Network:
    """Connects containers, and takes away everything it made."""

    def __init__(self, settings: EngineSettings, state: State) -> None:
        """Start the network thread; the bridge is made with the first container that wants it."""
        self.folder = make_folder(settings.run_directory / "netns")
        self._state = state
        self._thread = ThreadPoolExecutor(1, "network")
        self._ahead: deque[Path] = deque()
        self._bridge: Bridge | None = None
        self._subnet = IPv4Network(settings.subnet) if settings.subnet else None
        name = sha256(os.fsencode(settings.directory.resolve())).hex()[:8]
        self.bridge_name = settings.bridge or f"tk{name}"
        self._refill: asyncio.Task[None] | None = None
        self._raising = asyncio.Lock()

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def prepare(self) -> None:
        """Make namespaces ahead, in the background."""
        if self._refill is None or self._refill.done():
            self._refill = asyncio.create_task(self._fill())

    async def _fill(self) -> None:
        await self._run(load)
        if self._state.setting("subnet"):
            with contextlib.suppress(EngineError):
                await self._raised()
        while len(self._ahead) < _AHEAD:
            path = self._new_path()
            await self._run(partial(namespaces.make, path))
            self._ahead.append(path)

    def _new_path(self) -> Path:
        return self.folder / new_id()[:_NAME_CHARS]

    async def new_namespace(self) -> str:
        """Return the path of a fresh namespace."""
        if self._ahead:
            path = self._ahead.popleft()
        else:
            path = self._new_path()
            await self._run(lambda: namespaces.make(path))
        self.prepare()
        return str(path)

    async def ensure_namespace(self, path: str) -> None:
        """Make the namespace at this very path again, if a reboot took it."""
        place = Path(path)
        if not namespaces.exists(place):
            await self._run(partial(namespaces.remove, place))
            await self._run(partial(namespaces.make, place))

    async def connect(self, container: str, netns: str) -> NetworkView:
        """Put a namespace on the bridge.

        Raises EngineError.
        """
        bridge, subnet = await self._raised()
        address = self._address(container, subnet)
        place = Address(address, subnet.prefixlen, next(subnet.hosts()), mac_of(address))
        await self._run(lambda: bridge.attach(container, Path(netns), place))
        return NetworkView(
            "bridge", str(address), subnet.prefixlen, str(place.gateway), place.mac_address, self.bridge_name
        )

    def reserve(self, container: str) -> str:
        """Return the address a container will have on the bridge, if the subnet is chosen already."""
        subnet = self._known_subnet()
        return str(self._address(container, subnet)) if subnet else ""

    async def raise_bridge(self) -> None:
        """Make the bridge and choose its subnet now.

        Raises EngineError.
        """
        await self._raised()

    async def _raised(self) -> tuple[Bridge, IPv4Network]:
        async with self._raising:
            subnet = self._known_subnet()
            if self._bridge is not None and subnet is not None:
                return self._bridge, subnet
            raised = await self._run(self._raise)
            self._bridge, self._subnet = raised
            self._state.remember("subnet", str(self._subnet))
            return raised

    def _raise(self) -> tuple[Bridge, IPv4Network]:
        bridge = Bridge(self.bridge_name)
        subnet = self._subnet or bridge.free_subnet()
        bridge.raise_up(subnet)
        return bridge, subnet

    def _known_subnet(self) -> IPv4Network | None:
        if self._subnet is None and (text := self._state.setting("subnet")):
            self._subnet = IPv4Network(text)
        return self._subnet

    def _address(self, container: str, subnet: IPv4Network) -> IPv4Address:
        known = self._state.address_of(container)
        if known is not None and IPv4Address(known) in subnet:
            return IPv4Address(known)
        taken = self._state.addresses()
        # The first host address is the gateway's.
        for number in range(int(subnet.network_address) + 2, int(subnet.broadcast_address)):
            if number not in taken:
                self._state.take_address(number, container)
                return IPv4Address(number)
        raise EngineError(f"no address left in {subnet}", next_step="remove containers, or give a larger subnet")

    async def disconnect(self, container: str) -> None:
        """Take a container off the bridge."""
        bridge = self._bridge
        if bridge is not None:
            await self._run(lambda: bridge.detach(container))

    async def release(self, netns: str) -> None:
        """Remove a namespace; its end of a veth pair goes with it."""
        if netns:
            await self._run(lambda: namespaces.remove(Path(netns)))

    async def close(self, *, in_use: set[str], drop: bool) -> None:
        """Remove namespaces that no container has; with `drop`, the bridge and its rules too."""
        if self._refill is not None:
            await asyncio.gather(self._refill, return_exceptions=True)
        unused = [path for path in self.folder.iterdir() if str(path) not in in_use]
        await self._run(partial(_remove_all, unused))
        if drop and self._state.setting("subnet"):
            bridge, _ = await self._raised()
            await self._run(bridge.drop)
        if self._bridge is not None:
            await self._run(self._bridge.close)
        self._thread.shutdown(wait=True)

    async def sweep(self, in_use: set[str]) -> None:
        """At the start: remove what a killed daemon made ahead."""
        unused = [path for path in self.folder.iterdir() if str(path) not in in_use]
        await self._run(partial(_remove_all, unused))


def _remove_all(paths: list[Path]) -> None:
    for path in paths:
        namespaces.remove(path)
