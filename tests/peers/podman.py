"""The real podman with a store of its own; containers are made by runc, which works on every kernel that tests meet."""

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from peers import images
from peers.guarded_docker import POLICY
from peers.processes import PeerError
from peers.registry import Registry
from peers.signed import Signed
from peers.tools import Ran, clean_environment, run
from peers.trixie import netavark, trixie
from peers.trustkit import COMMAND, Trustkit
from peers.workspace import short_folder

RUNTIME = COMMAND.with_name("trustkit-runtime")
_NUMBERS = itertools.count()
_ANYTHING = {"default": [{"type": "insecureAcceptAnything"}]}
# The default asks for more open files than a container of the tests' own machine may have.
_CONFIGURATION = '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'


def podman5() -> tuple[str | Path, ...]:
    """Return how podman 5.4 starts, which knows sigstore."""
    return trixie("podman5")


class Podman:
    """One podman: its store, its networks, and the options that every call gets."""

    def __init__(self, folder: Path, *options: str | Path, program: Sequence[str | Path] = ("podman",)) -> None:
        """Keep everything in `folder`, which must have a short path."""
        self.folder, self.options, self.program = folder, options, tuple(program)
        self.store = folder / "root"
        newer = f'[engine]\nhelper_binaries_dir = ["{netavark()}"]\n[network]\nfirewall_driver = "iptables"\n'
        (folder / "containers.conf").write_text(_CONFIGURATION + (newer if len(program) > 1 else ""), encoding="utf-8")
        (folder / "anything.json").write_text(json.dumps(_ANYTHING), encoding="utf-8")
        self.env = clean_environment(
            HOME=str(folder),
            CONTAINERS_CONF=str(folder / "containers.conf"),
            XDG_RUNTIME_DIR=str(folder),
            PODMAN_IGNORE_CGROUPSV1_WARNING="1",
        )

    def run(self, *words: str | Path, timeout: float = 60) -> Ran:
        """Run podman and return what it did."""
        folders = {"--root": self.store, "--runroot": self.folder / "run", "--tmpdir": self.folder / "tmp"}
        where = [str(word) for pair in folders.items() for word in pair]
        kinds = ["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file"]
        return run([*self.program, *where, *kinds, *self.options, *words], env=self.env, timeout=timeout)

    def must(self, *words: str | Path) -> str:
        """Run podman and return its standard output. Raises PeerError when it fails."""
        done = self.run(*words)
        if done.status != 0:
            raise PeerError(done.said)
        return done.stdout.strip()

    def unasked(self) -> "Podman":
        """Return a podman over the same store that asks nobody."""
        return Podman(self.folder, "--runtime", "runc", program=self.program)

    def pull(self, reference: str) -> str:
        """Pull whatever it is, without a policy of podman's own, and return the image's id."""
        policy = self.folder / "anything.json"
        return self.must("pull", "--quiet", "--tls-verify=false", "--signature-policy", policy, reference)


@contextmanager
def podman(*options: str | Path, program: Sequence[str | Path] = ("podman",)) -> Iterator[Podman]:
    """Give a podman with these global options; its containers end with it."""
    with short_folder("pod") as folder:
        running = Podman(folder, *options, program=program)
        try:
            yield running
        finally:
            running.run("rm", "--all", "--force", "--time", "0")


def guarded(trustkit: Trustkit) -> tuple[str | Path, ...]:
    """Return the options by which podman asks this trustkit's runtime wrapper, which calls runc."""
    return ("--runtime", RUNTIME, "--runtime-flag", f"trustkit-home={trustkit.home}")


class Asking:
    """podman before this trustkit, and images that its policy admits and does not admit."""

    def __init__(self, running: Podman, trustkit: Trustkit, signed: Signed) -> None:
        self.podman, self.trustkit, self.signed = running, trustkit, signed
        self.run, self.must = running.run, running.must

    def pulled(self, image: images.Image | None = None, *, sign: bool = True) -> str:
        """Return the name of an image in podman's store that nobody else has."""
        self.signed.repository = f"podman/{next(_NUMBERS)}"
        self.image = image or images.build(files={"name": self.signed.repository.encode()})
        name = self.signed.push(self.image, sign=sign)
        self.podman.pull(name)
        return name

    @contextmanager
    def policy(self, text: str = POLICY) -> Iterator[None]:
        """Put another policy in force for a while."""
        config = self.trustkit.home / "config.toml"
        before = config.read_text(encoding="utf-8") if config.exists() else ""
        file = self.podman.folder / f"policy-{next(_NUMBERS)}.yaml"
        file.write_text(text.replace("KEY", str(self.signed.key_ring / "release.pub")), encoding="utf-8")
        config.write_text(f'{before}\n[trust]\npolicy = "{file}"\n', encoding="utf-8")
        try:
            yield
        finally:
            config.write_text(before, encoding="utf-8")

    def decisions(self) -> list[dict[str, object]]:
        """Return the decisions on record, the newest last."""
        listed = self.trustkit.json("audit", "log", "--kind", "decision")
        assert isinstance(listed, list)
        return listed


@contextmanager
def asking(
    registry: Registry,
    options: Callable[[Trustkit], tuple[str | Path, ...]],
    program: Sequence[str | Path] = ("podman",),
) -> Iterator[Asking]:
    """Run podman with options that make it ask a trustkit of its own, which trusts one key."""
    with short_folder("state") as folder:
        home = folder / "state"
        home.mkdir(mode=0o700)
        trustkit = Trustkit(home)
        signed = Signed(trustkit, registry, "podman")
        with podman(*options(trustkit), program=program) as running:
            yield Asking(running, trustkit, signed)
