"""Trust servers, ours and the real notary-server, and the real `notary` and `docker trust` against them."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peers.processes import PeerError, Process, free_port, listens
from peers.registry import Tls
from peers.tools import Ran, clean_environment, peer, run
from peers.trustkit import Trustkit
from peers.workspace import short_folder

SERVERS = ("trustkit", "notary-server")
PASSPHRASE = "correct horse battery"


class TrustServer:
    """A running server."""

    def __init__(self, url: str, process: Process, log: Path, tls: Tls | None) -> None:
        """Keep where it answers."""
        self.url = url
        self.process = process
        self.log = log
        self.tls = tls

    @property
    def host(self) -> str:
        """Host and port."""
        return self.url.rpartition("/")[2]


@contextmanager
def trust_server(trustkit: Trustkit, *words: str | Path, tls: Tls | None = None) -> Iterator[TrustServer]:
    """Run `trustkit trust serve` on a free port, with more words. Raises PeerError when it does not start."""
    secured: list[str | Path] = ["--tls-cert", tls.certificate_file, "--tls-key", tls.key_file] if tls else []
    log = trustkit.home / "trust-server.log"
    log.unlink(missing_ok=True)
    command = trustkit.command("trust", "serve", "--listen", "127.0.0.1:0", *secured, *words)
    process = Process(command, log=log, env={**trustkit.env, "TRUSTKIT_PASSWORD": PASSPHRASE})
    try:
        process.wait_until(lambda: "trust server at " in log.read_text())
        line = next(line for line in log.read_text().splitlines() if line.startswith("trust server at "))
        yield TrustServer(line.split()[-1], process, log, tls)
    finally:
        process.stop()


@contextmanager
def notary_server(tls: Tls) -> Iterator[TrustServer]:
    """Run Debian's notary-server, which keeps everything in memory and signs with Ed25519. Raises PeerError."""
    with short_folder("notary") as folder:
        port, log = free_port(), folder / "log"
        server = {
            "http_addr": f"127.0.0.1:{port}",
            "tls_cert_file": str(tls.certificate_file),
            "tls_key_file": str(tls.key_file),
        }
        settings = {
            "server": server,
            "trust_service": {"type": "local"},
            "logging": {"level": "error"},
            "storage": {"backend": "memory"},
        }
        (folder / "server.json").write_text(json.dumps(settings))
        process = Process([str(peer("notary-server")), "-config", str(folder / "server.json")], log=log)
        try:
            process.wait_until(lambda: listens(port))
            yield TrustServer(f"https://127.0.0.1:{port}", process, log, tls)
        finally:
            process.stop()


@contextmanager
def any_trust_server(kind: str, tls: Tls) -> Iterator[TrustServer]:
    """Run one of `SERVERS`. Raises PeerError."""
    if kind == "notary-server":
        with notary_server(tls) as running:
            yield running
        return
    with short_folder("trust") as folder:
        (folder / "state").mkdir(mode=0o700)
        with trust_server(Trustkit(folder / "state"), tls=tls) as running:
            yield running


class DockerTrust:
    """A docker client and its `docker trust`, with a home of its own; with a daemon it also pushes and pulls."""

    def __init__(self, server: TrustServer, home: Path, client: str = "docker", daemon: Path | None = None) -> None:
        """Work against the server, whose authority docker finds where it looks for it."""
        self.home, self._client = home, client
        self.folder = home / ".docker" / "trust"
        self.env = clean_environment(
            HOME=str(home),
            DOCKER_CONTENT_TRUST_SERVER=server.url,
            DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE=PASSPHRASE,
            DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE=PASSPHRASE,
        )
        if daemon:
            self.env["DOCKER_HOST"] = f"unix://{daemon}"
        if server.tls:
            place = home / ".docker" / "tls" / server.host
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(server.tls.ca_file, place / "ca.crt")

    def run(self, *words: str | Path, trusting: bool = False) -> Ran:
        """Run docker and return what it did; `trusting` sets DOCKER_CONTENT_TRUST."""
        env = {**self.env, "DOCKER_CONTENT_TRUST": "1"} if trusting else self.env
        return run([peer(self._client), *words], env=env, cwd=self.home)

    def must(self, *words: str | Path, trusting: bool = False) -> str:
        """Run docker and return its output. Raises PeerError when it fails."""
        done = self.run(*words, trusting=trusting)
        if done.status != 0:
            raise PeerError(done.said)
        return done.stdout

    def new_signer(self, name: str) -> Path:
        """Make a signer's key, and return its public half."""
        self.must("trust", "key", "generate", name)
        return self.home / f"{name}.pub"

    def tags(self, gun: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Return digest and signers of every tag that docker believes."""
        (found,) = json.loads(self.must("trust", "inspect", gun))
        return {one["SignedTag"]: (one["Digest"], tuple(one["Signers"])) for one in found["SignedTags"] or ()}


class Notary:
    """Debian's notary 0.7.0 with keys and cache in a folder of its own."""

    def __init__(self, server: TrustServer, folder: Path, login: str = "") -> None:
        """Work against the server; `login` is base64 of `user:password`."""
        words = ["-s", server.url, "-d", str(folder)]
        if server.tls:
            words += ["--tlscacert", str(server.tls.ca_file)]
        self.folder = folder
        self._words = words
        roles = ("ROOT", "TARGETS", "SNAPSHOT", "DELEGATION")
        passphrases = {f"NOTARY_{role}_PASSPHRASE": PASSPHRASE for role in roles}
        self._env = clean_environment(HOME=str(folder.parent), NOTARY_AUTH=login, **passphrases)

    def run(self, *words: str | Path) -> Ran:
        """Run notary and return what it did; asked whether it may give the root another key, it may."""
        return run([peer("notary"), *self._words, *words], env=self._env, stdin="yes\n")

    def must(self, *words: str | Path) -> str:
        """Run notary and return its output. Raises PeerError when it fails."""
        done = self.run(*words)
        if done.status != 0:
            raise PeerError(done.said)
        return done.stdout

    def sign(self, gun: str, tag: str, sha256: str, *words: str) -> str:
        """Publish a tag for a digest."""
        return self.must("addhash", "-p", gun, tag, "401", "--sha256", sha256, *words)

    def tags(self, gun: str) -> dict[str, tuple[str, str]]:
        """Return digest and role of every tag."""
        rows = [line.split() for line in self.must("list", gun).splitlines() if line.count(" ") > 3]
        return {row[0]: (row[1], row[3]) for row in rows[2:]} if rows and rows[0][0] == "NAME" else {}
