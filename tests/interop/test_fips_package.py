"""`fips install` without a module: the distribution's package from a repository of its own, by the real apt-get."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from peers.fips import SHARED_LIBRARY
from peers.trustkit import Trustkit
from trustkit.fips import installation

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "openssl-provider-fips"


@pytest.fixture(autouse=True)
def _no_module_on_this_system() -> None:
    # with one, it would be found and nothing fetched
    assert installation.find() is None


@pytest.fixture(name="apt")
def apt_(tmp_path: Path) -> Path:
    """An apt of its own, without any repository: APT_CONFIG names its settings."""
    for name in ("state/lists/partial", "cache/archives/partial", "repo"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "status").touch()
    (tmp_path / "sources.list").write_text(f"deb [trusted=yes] file:{tmp_path}/repo ./\n")
    (tmp_path / "repo" / "Packages").touch()
    (tmp_path / "apt.conf").write_text(f"""Dir::State "{tmp_path}/state"; Dir::State::status "{tmp_path}/status";
Dir::Cache "{tmp_path}/cache"; Dir::Etc::sourcelist "{tmp_path}/sources.list"; Dir::Etc::sourceparts "-";
Dir::Etc::main "-"; Dir::Etc::parts "-"; Dir::Etc::preferencesparts "-"; APT::Sandbox::User "root";
""")
    return tmp_path


def offer(apt: Path, package: Path) -> None:
    """Put a package into the repository, and have apt read it."""
    content = package.read_bytes()
    about = subprocess.run(["dpkg-deb", "--field", package], check=True, capture_output=True, text=True).stdout
    name = f"{PACKAGE}.deb"
    (apt / "repo" / name).write_bytes(content)
    told = f"Filename: ./{name}\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n"
    (apt / "repo" / "Packages").write_text(about + told)
    subprocess.run(
        ["apt-get", "update"], check=True, capture_output=True, env=settings(apt) | {"PATH": "/usr/bin:/bin"}
    )


def settings(apt: Path) -> dict[str, str]:
    return {"APT_CONFIG": str(apt / "apt.conf")}


def made_of(tmp_path: Path, files: dict[str, bytes]) -> Path:
    """Return a package of this name that holds these files."""
    tree = tmp_path / "tree"
    for name, content in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(content)
    (tree / "DEBIAN").mkdir(parents=True)
    control = (
        f"Package: {PACKAGE}\nVersion: 9\nArchitecture: amd64\nMaintainer: a test <t@example>\nDescription: none\n"
    )
    (tree / "DEBIAN" / "control").write_text(control)
    subprocess.run(["dpkg-deb", "--build", tree, tmp_path / "made.deb"], check=True, capture_output=True)
    return tmp_path / "made.deb"


def test_debian_s_own_package_is_fetched_and_its_module_copied(trustkit: Trustkit, apt: Path) -> None:
    offer(apt, next((ROOT / ".peers/deb").glob("openssl-fips_*.deb")))
    done = trustkit.must("fips", "install", env=settings(apt))
    assert "fetched" in done.stdout
    assert f"package {PACKAGE}_" in done.stdout
    assert "NOT VALIDATED" in done.stdout
    assert (trustkit.home / "fips" / "fips.so").read_bytes() == SHARED_LIBRARY.read_bytes()
    assert installation.find() is None
    assert trustkit.run("key", "list", env={"TRUSTKIT_FIPS": "1"}).status == 0


def test_a_repository_without_the_package_is_a_clear_refusal(trustkit: Trustkit, apt: Path) -> None:
    done = trustkit.run("fips", "install", env=settings(apt))
    assert done.status == 2, done.said
    assert PACKAGE in done.stderr
    assert "--module" in done.stderr
    assert not (trustkit.home / "fips").exists()


def test_a_package_that_is_not_the_one_of_the_index_is_refused(trustkit: Trustkit, apt: Path) -> None:
    offer(apt, next((ROOT / ".peers/deb").glob("openssl-fips_*.deb")))
    package = apt / "repo" / f"{PACKAGE}.deb"
    content = bytearray(package.read_bytes())
    content[len(content) // 2] ^= 1
    package.write_bytes(content)
    done = trustkit.run("fips", "install", env=settings(apt))
    assert done.status == 2, done.said
    assert not (trustkit.home / "fips").exists()


@pytest.mark.parametrize(
    "files",
    [
        {"usr/share/doc/nothing": b""},
        {"usr/lib/fips.so": b"\x7fELF", "usr/lib64/fips.so": b"\x7fELF"},
        {"usr/lib/x86_64-linux-gnu/ossl-modules/fips.so": b"#!/bin/sh\n"},
    ],
)
def test_a_package_without_one_module_is_refused(
    trustkit: Trustkit, apt: Path, tmp_path: Path, files: dict[str, bytes]
) -> None:
    offer(apt, made_of(tmp_path, files))
    done = trustkit.run("fips", "install", env=settings(apt))
    assert done.status == 2, done.said
    assert not (trustkit.home / "fips").exists()


def test_without_apt_the_refusal_says_what_to_give(trustkit: Trustkit, tmp_path: Path) -> None:
    done = trustkit.run("fips", "install", env={"PATH": str(tmp_path)})
    assert done.status == 2, done.said
    assert "--module" in done.stderr


def test_where_dnf_is_the_next_step_is_dnf_s(trustkit: Trustkit, tmp_path: Path) -> None:
    (tmp_path / "dnf").write_text("#!/bin/sh\n")
    (tmp_path / "dnf").chmod(0o755)
    done = trustkit.run("fips", "install", env={"PATH": str(tmp_path)})
    assert done.status == 2, done.said
    assert "dnf install openssl-fips-provider" in done.stderr
