"""An image in a registry, signed by a key that one TRUSTKIT_HOME trusts: what most container tests start from."""

from pathlib import Path

from peers.images import Image
from peers.registry import Registry
from peers.tools import Cosign
from peers.trustkit import Trustkit


class Signed:
    """Pushes images and signs them; the key is in the key ring of `trustkit`."""

    def __init__(self, trustkit: Trustkit, registry: Registry, repository: str) -> None:
        """Make a key and trust it."""
        self.registry, self.repository = registry, repository
        self._cosign = Cosign("cosign2", trustkit.home.parent / "cosign")
        self._private, public = self._cosign.generate_key()
        self.key_ring = trustkit.home / "keys"
        self.key_ring.mkdir(exist_ok=True)
        (self.key_ring / "release.pub").write_bytes(public.read_bytes())

    def push(self, image: Image, tag: str = "latest", *, sign: bool = True) -> str:
        """Push, sign unless told otherwise, and return `host/repository:tag`."""
        digest = self.registry.push(image, self.repository, tag)
        if sign:
            pinned = self.registry.reference(self.repository, digest)
            self._cosign.must("sign", "--key", self._private, "--tlog-upload=false", "--yes", pinned)
        return self.registry.reference(self.repository, tag)

    def distrust(self) -> None:
        """Take the key out of the key ring."""
        (self.key_ring / "release.pub").unlink()


def daemon_pids(home: Path) -> list[int]:
    """Return the daemons of a state directory."""
    from peers.processes import pids_with_environment

    found = []
    for pid in pids_with_environment(f"TRUSTKIT_HOME={home}"):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[1:].count(b"daemon") and b"trustkit" in words:
            found.append(pid)
    return found
