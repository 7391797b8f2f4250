"""dockerd with its plugin, and images that the policy admits and does not admit."""

import functools
import io
import itertools
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peers import images
from peers.docker import DEBIAN12, Dockerd, Release, authorized
from peers.processes import Process
from peers.registry import Registry
from peers.signed import Signed
from peers.tools import Ran
from peers.trustkit import Trustkit

_NUMBERS = itertools.count()
POLICY = """
apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: test, revision: 1}
spec:
  trust: {keys: {release: {pem: KEY}}}
  verify: {signatures: {key: release}}
"""
AUDIT = POLICY + "  enforcement: {mode: audit}\n"
RUNTIME = (
    POLICY
    + """  require:
    runtime:
      denyPrivileged: true
      denyHostNamespaces: true
      denyHostPath: true
      denyHostPorts: true
      capabilities: {add: [NET_BIND_SERVICE]}
"""
)
NONE = ("--network", "none")


class Guarded:
    """dockerd and its plugin, and images that its policy admits and does not admit."""

    def __init__(self, daemon: Dockerd, plugin: Process, trustkit: Trustkit, signed: Signed) -> None:
        self.daemon, self.plugin, self.trustkit, self.signed = daemon, plugin, trustkit, signed
        self.docker, self.must = daemon.docker, daemon.must

    def pushed(self, *, sign: bool = True) -> str:
        """Return the name of an image that nobody else has."""
        self.signed.repository = f"authz/{next(_NUMBERS)}"
        self.image = images.build(files={"name": self.signed.repository.encode()})
        return self.signed.push(self.image, sign=sign)

    @functools.cached_property
    def evil(self) -> str:
        """The name of an unsigned image in the store, for tests that leave it there."""
        name = self.pushed(sign=False)
        self.bring(name)
        return name

    def bring(self, name: str) -> None:
        """Put an image into the store that the policy does not admit."""
        with self.policy(AUDIT):
            self.must("pull", name)

    @contextmanager
    def policy(self, text: str) -> Iterator[None]:
        """Put another policy in force for a while."""
        config = self.trustkit.home / "config.toml"
        before = config.read_text(encoding="utf-8") if config.exists() else ""
        file = self.daemon.folder / f"policy-{next(_NUMBERS)}.yaml"
        file.write_text(text.replace("KEY", str(self.signed.key_ring / "release.pub")), encoding="utf-8")
        config.write_text(f'[trust]\npolicy = "{file}"\n', encoding="utf-8")
        try:
            yield
        finally:
            config.write_text(before, encoding="utf-8")

    def pulled(self) -> str:
        name = self.pushed()
        self.must("pull", name)
        return name

    def post(self, target: str, *lines: str, body: bytes = b"") -> tuple[int, str]:
        """Send a POST with these header lines, and return the status and what dockerd says."""
        head = "\r\n".join((f"POST {target} HTTP/1.1", "Host: docker", "Connection: close", *lines))
        status, content = self.daemon.ask(head.encode() + b"\r\n\r\n" + body)
        return status, content.decode(errors="replace")

    def post_json(self, target: str, document: object) -> tuple[int, str]:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.post(target, "Content-Type: application/json", f"Content-Length: {len(body)}", body=body)


def start_guarded(folder: Path, registry: Registry, *words: str, release: Release = DEBIAN12) -> Iterator[Guarded]:
    """Run dockerd with its plugin and these words more; the policy trusts one key."""
    home = folder / "state"
    home.mkdir(mode=0o700)
    trustkit = Trustkit(home)
    signed = Signed(trustkit, registry, "authz")
    with authorized(folder, trustkit, int(registry.host.rpartition(":")[2]), *words, release=release) as (
        daemon,
        plugin,
    ):
        yield Guarded(daemon, plugin, trustkit, signed)


def refused(done: Ran, *reasons: str) -> None:
    assert done.status != 0, done.said
    assert "trustkit" in done.stderr, done.said
    for reason in reasons:
        assert reason in done.stderr, done.said


def tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        content = b"FROM scratch\nLABEL a=b\n"
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()
