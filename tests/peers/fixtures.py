"""The pytest fixtures; `tests/conftest.py` loads them for every test."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from peers import engines, images, misbehaving, registry, trustkit, workspace
from peers.fips import enter_fips_mode
from peers.tools import Cosign, Ran

_NAMES = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def _swept() -> None:
    """Clear what killed test runs left behind."""
    workspace.sweep()


@pytest.fixture(scope="session", name="registry")
def registry_() -> Iterator[registry.Registry]:
    """Debian's docker-registry, without the referrers API; shared, so use `repository` for a name of your own."""
    with registry.docker_registry() as running:
        yield running


@pytest.fixture(scope="session")
def referrers_registry() -> Iterator[registry.Registry]:
    """A registry with the referrers API; shared, so use `repository` for a name of your own."""
    with registry.referrers_registry() as running:
        yield running


@pytest.fixture
def start_registry() -> Iterator[Callable[..., registry.Registry]]:
    """Return a function that starts a docker-registry for this test alone; see `registry.docker_registry`."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(registry.docker_registry(**options))


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> registry.Tls:
    """A certificate for 127.0.0.1 under a throw-away authority."""
    return registry.make_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def misbehaving_registry() -> Iterator[misbehaving.MisbehavingRegistry]:
    """A fake registry that does what the test scripts."""
    with misbehaving.misbehaving_registry() as fake:
        yield fake


@pytest.fixture
def misbehaving_tls_registry(tls: registry.Tls) -> Iterator[misbehaving.MisbehavingRegistry]:
    """The same fake behind TLS."""
    with misbehaving.misbehaving_registry(tls) as fake:
        yield fake


@pytest.fixture
def repository() -> str:
    """A repository name nobody else uses."""
    return f"test/{os.getpid()}-{next(_NAMES)}"


@pytest.fixture(scope="session")
def image() -> images.Image:
    """A busybox image of one layer whose command is `/bin/sh`; `peers.images.build` makes others."""
    return images.build()


@pytest.fixture(scope="session")
def multi_arch_image() -> images.Image:
    """An index of linux/amd64 and linux/arm64 (whose busybox is still the amd64 one)."""
    arm = images.build(architecture="arm64", files={"etc/arch": b"arm64"})
    return images.index({"linux/amd64": images.build(), "linux/arm64": arm})


@pytest.fixture
def cosign3(tmp_path: Path) -> Cosign:
    """Real cosign 3 with a home of its own."""
    return Cosign("cosign3", tmp_path / "cosign3")


@pytest.fixture
def cosign2(tmp_path: Path) -> Cosign:
    """Real cosign 2.5 with a home of its own."""
    return Cosign("cosign2", tmp_path / "cosign2")


@pytest.fixture(scope="session")
def containerd() -> Iterator[engines.Containerd]:
    """A private containerd; shared, so use namespaces and names of your own."""
    with engines.containerd() as running:
        yield running


@pytest.fixture
def start_containerd() -> Iterator[Callable[[], engines.Containerd]]:
    """Return a function that starts a containerd for this test alone, to be killed at will."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(engines.containerd())


@pytest.fixture
def netns() -> Iterator[str]:
    """The name of a fresh network namespace with only loopback, up."""
    with engines.network_namespace() as name:
        yield name


@pytest.fixture
def trustkit_home() -> Iterator[Path]:
    """A TRUSTKIT_HOME with a short path; daemons, containers and mounts in it are gone after the test."""
    with workspace.short_folder("home") as folder:
        home = folder / "state"
        home.mkdir(mode=0o700)
        yield home


@pytest.fixture(name="trustkit")
def trustkit_(trustkit_home: Path) -> trustkit.Trustkit:
    """The installed command with a state directory of its own: `trustkit.run("verify", image).status`."""
    return trustkit.Trustkit(trustkit_home)


@pytest.fixture(name="fips")
def fips_(trustkit: trustkit.Trustkit) -> trustkit.Trustkit:
    """A trustkit with the module installed, in FIPS mode by its configuration."""
    return enter_fips_mode(trustkit)


@pytest.fixture
def run_trustkit(trustkit: trustkit.Trustkit) -> Callable[..., Ran]:
    """`trustkit.run`, for tests that need nothing else of it."""
    return trustkit.run
