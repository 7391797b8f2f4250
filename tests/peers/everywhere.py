"""One trustkit and one policy behind six engines, which are all asked about the same image."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from peers import crio, images
from peers.docker import Dockerd, authorized
from peers.engines import Containerd, containerd2
from peers.podman import Podman, guarded, podman
from peers.registry import Registry, Tls
from peers.reviews import container
from peers.tools import Cosign, peer, run
from peers.trustkit import COMMAND, Trustkit
from peers.webhook import WebhookServer, pod, webhook
from peers.workspace import short_folder

_NUMBERS = itertools.count()
ENGINES = ("trustkit", "docker", "containerd", "podman", "cri-o", "kubernetes")


class Told(NamedTuple):
    """What an engine did, and what is on record about its last question: verdict, and the deciding rule."""

    ran: bool
    verdict: str
    rule: str


class Everywhere:
    """Six engines that ask one trustkit."""

    def __init__(self, trustkit: Trustkit, registry: Registry, keys: Path) -> None:
        """Push to this registry; keys are made in a folder."""
        self.trustkit, self.registry = trustkit, registry
        self.cosign = Cosign("cosign2", keys)
        self._seen = 0
        self.keys: dict[str, tuple[Path, Path]] = {}
        self.docker: Dockerd
        self.containerd: Containerd
        self.podman: Podman
        self.webhook: WebhookServer
        self.pod: Mapping[str, str]

    def key(self, name: str) -> tuple[Path, Path]:
        """Return the private and the public file of a key, made when first asked for."""
        if name not in self.keys:
            self.keys[name] = self.cosign.generate_key(name)
        return self.keys[name]

    def push(self, repository: str, image: images.Image, *signers: str) -> str:
        """Push an image, have these sign it, and return its name with its digest."""
        name = self.registry.reference(repository, self.registry.push(image, repository))
        for signer in signers:
            self.cosign.must("sign", "--key", self.key(signer)[0], "--tlog-upload=false", "--yes", name)
        return name

    def ask(self, name: str, *, privileged: bool = False) -> dict[str, Told]:
        """Return what each engine did with an image, and what is on record."""
        asked: dict[str, Callable[[str, bool], bool]] = {
            "trustkit": self._trustkit, "docker": self._docker, "containerd": self._containerd,
            "podman": self._podman, "kubernetes": self._kubernetes,
        }  # fmt: skip
        with ThreadPoolExecutor(2) as pool:
            done = {engine: pool.submit(ask, name, privileged) for engine, ask in asked.items()}
            ran = {engine: future.result() for engine, future in done.items()}
        # podman's store has the image by now, and CRI-O's is of the same kind
        ran["cri-o"] = self._crio(name, privileged)
        last: dict[str, Any] = {}
        decisions = self._decisions()
        for record in decisions[self._seen :]:
            last[record["body"]["request"]["engine"]] = record["body"]
        self._seen = len(decisions)
        return {engine: Told(ran[engine], last[engine]["verdict"], last[engine]["rule"]) for engine in ENGINES}

    def _decisions(self) -> list[dict[str, Any]]:
        listed = self.trustkit.json("audit", "log", "--kind", "decision")
        assert isinstance(listed, list)
        return listed

    def _trustkit(self, name: str, privileged: bool) -> bool:
        return self.trustkit.run("create", *_flags(privileged), name, "true").status == 0

    def _docker(self, name: str, privileged: bool) -> bool:
        if self.docker.docker("pull", name).status != 0:
            return False
        return self.docker.docker("create", "--network=none", *_flags(privileged), name, "true").status == 0

    def _containerd(self, name: str, privileged: bool) -> bool:
        words = ("--address", self.containerd.socket, "images", "pull", "--plain-http", name)
        return run([peer("ctr2"), *words]).status == 0

    def _podman(self, name: str, privileged: bool) -> bool:
        self.podman.pull(name)
        return self.podman.run("run", "--rm", "--net=none", *_flags(privileged), name, "true").status == 0

    def _crio(self, name: str, privileged: bool) -> bool:
        made, folder = crio.made(self.podman, name, *_flags(privileged))
        crio.rewrite(folder, name, made, self.pod, privileged=privileged)
        return crio.create(self.trustkit, folder, made).status == 0

    def _kubernetes(self, name: str, privileged: bool) -> bool:
        asked = pod(name)
        if privileged:
            asked["request"]["object"]["spec"]["containers"] = [container(name, securityContext={"privileged": True})]
        return self.webhook.answer("/validate", asked)["allowed"] is True


def _flags(privileged: bool) -> tuple[str, ...]:
    return ("--privileged",) if privileged else ()


@contextmanager
def everywhere(registry: Registry, folder: Path) -> Iterator[Everywhere]:
    """Give a trustkit whose policy a test puts into `policy` of the state directory, before the engines start."""
    with short_folder("six") as short:
        home = short / "state"
        home.mkdir(mode=0o700)
        (home / "policy").mkdir()
        (home / "config.toml").write_text('[trust]\npolicy = "policy"\n', encoding="utf-8")
        yield Everywhere(Trustkit(home), registry, folder / "keys")


@contextmanager
def started(found: Everywhere, tls: Tls, folder: Path) -> Iterator[None]:
    """Run the engines, which need a policy in force."""
    trustkit, port = found.trustkit, int(found.registry.host.rpartition(":")[2])
    verifiers = folder / "verifiers"
    verifiers.mkdir()
    (verifiers / "trustkit").symlink_to(COMMAND.with_name("trustkit-image-verifier"))
    variables = {"HOME": str(trustkit.user_home), "TRUSTKIT_HOME": str(trustkit.home)}
    with (
        short_folder("docker") as short,
        authorized(short, trustkit, port) as (found.docker, _),
        containerd2(verifiers, **variables) as found.containerd,
        podman(*guarded(trustkit)) as found.podman,
        webhook(trustkit, tls, folder) as found.webhook,
        crio.pod_namespaces(folder) as found.pod,
    ):
        yield
