"""The files of /etc that every container gets from the engine: hosts, hostname, resolv.conf."""

import ipaddress
from pathlib import Path

from trustkit.durable import make_folder

_HOSTS = """127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
"""
# Asked when the host names loopback servers only, which a container cannot reach (docker does the same).
_PUBLIC_SERVERS = ("8.8.8.8", "8.8.4.4")


def paths(folder: Path) -> dict[str, Path]:
    """Return where the files are, by their place in the container."""
    return {f"/etc/{name}": folder / name for name in ("hostname", "hosts", "resolv.conf")}


def write(folder: Path, hostname: str, address: str, *, host_network: bool) -> None:
    """Write them; in place, because a bind mount follows the file and not its name."""
    make_folder(folder)
    own = f"{address}\t{hostname}\n" if address else ""
    hosts = _read(Path("/etc/hosts")) if host_network else _HOSTS + own
    resolv = _read(Path("/etc/resolv.conf"))
    contents = {
        "hostname": f"{hostname}\n",
        "hosts": hosts,
        "resolv.conf": resolv if host_network or not address else reachable_servers(resolv),
    }
    for name, content in contents.items():
        path = folder / name
        path.write_text(content, "utf-8")
        # Readable by any user of the container, as in docker; the folder above is closed to the host's users.
        path.chmod(0o644)


def reachable_servers(resolv: str) -> str:
    """Return a resolv.conf without loopback name servers."""
    kept = [line for line in resolv.splitlines() if not _is_loopback_server(line)]
    if not any(line.split()[:1] == ["nameserver"] for line in kept):
        kept += [f"nameserver {server}" for server in _PUBLIC_SERVERS]
    return "".join(f"{line}\n" for line in kept)


def _is_loopback_server(line: str) -> bool:
    words = line.split()
    if words[:1] != ["nameserver"] or len(words) < 2:  # noqa: PLR2004  (keyword and address)
        return False
    try:
        return ipaddress.ip_address(words[1].partition("%")[0]).is_loopback
    except ValueError:
        return False


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
