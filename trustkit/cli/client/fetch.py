"""A pull, with its progress on standard error."""

import sys

from trustkit.cli.client.daemon import Daemon, told_error
from trustkit.cli.client.layouts import whole
from trustkit.cli.output import plain


def fetch(peer: Daemon, image: str, platform: str, *, quiet: bool) -> str:
    """Pull one image and return its digest. Raises the daemon's error."""
    digest = ""
    shown: set[tuple[str, str]] = set()
    for line in peer.lines("POST", "/images/create", fromImage=whole(image), platform=platform):
        if "error" in line:
            raise told_error(line)
        status, name = str(line.get("status", "")), str(line.get("id", ""))
        if status.startswith("Digest: "):
            digest = status.removeprefix("Digest: ")
        if not quiet and (status, name) not in shown:
            shown.add((status, name))
            print(plain(f"{name}: {status}" if name else status), file=sys.stderr)
    return digest
