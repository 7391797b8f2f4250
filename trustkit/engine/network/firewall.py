"""The rules that let a bridge's containers out, and nothing else in: one iptables-restore a change."""

import subprocess
from ipaddress import IPv4Network
from pathlib import Path

from trustkit.engine.errors import EngineError

_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_TIMEOUT_SECONDS = 30


def chains(bridge: str) -> tuple[str, str]:
    """Return the names of the nat and the filter chain of a bridge."""
    return f"{bridge}-nat", f"{bridge}-fwd"


def raise_rules(bridge: str, subnet: IPv4Network) -> None:
    """Put the bridge's rules in place; the same again when they are there.

    Raises EngineError.
    """
    _enable_forwarding()
    nat, forward = chains(bridge)
    _restore(
        "*nat",
        f":{nat} - [0:0]",
        f"-A {nat} -s {subnet} ! -o {bridge} -j MASQUERADE",
        *([] if _jumps("nat", "POSTROUTING", nat) else [f"-I POSTROUTING -j {nat}"]),
        "COMMIT",
        "*filter",
        f":{forward} - [0:0]",
        f"-A {forward} -o {bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        f"-A {forward} -i {bridge} -j ACCEPT",
        *([] if _jumps("filter", "FORWARD", forward) else [f"-I FORWARD -j {forward}"]),
        "COMMIT",
    )


def drop_rules(bridge: str) -> None:
    """Take the bridge's rules away, if they are there.

    Raises EngineError.
    """
    nat, forward = chains(bridge)
    lines: list[str] = []
    for table, parent, chain in (("nat", "POSTROUTING", nat), ("filter", "FORWARD", forward)):
        if _jumps(table, parent, chain):
            lines += [f"*{table}", f"-D {parent} -j {chain}", f"-F {chain}", f"-X {chain}", "COMMIT"]
    if lines:
        _restore(*lines)


def _enable_forwarding() -> None:
    try:
        if _FORWARDING.read_text("ascii").strip() != "1":
            _FORWARDING.write_text("1", "ascii")
    except OSError as error:
        message = f"IP forwarding cannot be switched on: {error.strerror}"
        raise EngineError(
            message, next_step="run with --network none or host, or: sysctl net.ipv4.ip_forward=1"
        ) from error


def _jumps(table: str, parent: str, chain: str) -> bool:
    command = ["iptables", "-w", "-t", table, "-C", parent, "-j", chain]
    return _run(command, "").returncode == 0


def _restore(*lines: str) -> None:
    done = _run(["iptables-restore", "-w", "--noflush"], "".join(f"{line}\n" for line in lines))
    if done.returncode != 0:
        reason = " ".join(done.stderr.split())[:400]
        raise EngineError(
            f"the firewall rules were refused: {reason}", next_step="check iptables, or use --network none"
        )


def _run(command: list[str], text: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603  (fixed commands)
            command, input=text, capture_output=True, text=True, check=False, timeout=_TIMEOUT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"{command[0]} cannot be run: {error}"
        raise EngineError(message, next_step="install iptables, or use --network none or host") from error
