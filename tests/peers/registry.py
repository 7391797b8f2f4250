"""Real registries on loopback: Debian's docker-registry (no referrers API) and go-containerregistry's (with it)."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from peers.images import Image, push
from peers.processes import PeerError, Process, free_port, listens
from peers.tools import peer
from peers.workspace import short_folder

USER, PASSWORD = "alice", "wonderland"
LOGIN = f"{USER}:{PASSWORD}"
# bcrypt, the only form the registry reads; made once, because Python has no bcrypt of its own.
PASSWORD_FILE = "alice:$2b$04$t3NOFuvarzD/9IMjS.Qb2uV7l0yRFso2yOfO14g9/kyX9LN1IoX6S\n"
REGISTRY = Path("/usr/bin/docker-registry")


class Registry(NamedTuple):
    """A running registry; `host` is `127.0.0.1:PORT`."""

    host: str
    storage: Path
    log: Path
    process: Process
    scheme: str = "http"
    login: str | None = None
    ca_file: Path | None = None

    def push(self, image: Image, repository: str, tag: str | None = None) -> str:
        """Push an image (over plain HTTP only) and return its digest."""
        return push(image, self.host, repository, tag, login=self.login)

    def reference(self, repository: str, tag: str = "latest") -> str:
        """Return `host/repository:tag`, or with `@` when `tag` is a digest."""
        return f"{self.host}/{repository}{'@' if tag.startswith('sha256:') else ':'}{tag}"

    def blob(self, digest: str) -> Path:
        """Return the file in which docker-registry keeps a blob or manifest, for tests that spoil it."""
        name = digest.removeprefix("sha256:")
        return self.storage / "docker/registry/v2/blobs/sha256" / name[:2] / name / "data"


class Tls(NamedTuple):
    """A server certificate for 127.0.0.1, its key, and the authority that vouches for it."""

    ca_file: Path
    certificate_file: Path
    key_file: Path


@contextmanager
def docker_registry(
    *, password: bool = False, delete: bool = True, tls: Tls | None = None, extra: str = ""
) -> Iterator[Registry]:
    """Run Debian's docker-registry with storage of its own; `extra` is more of its YAML configuration.

    With `password` it asks for Basic credentials, which are `LOGIN`.
    """
    if not REGISTRY.exists():
        raise PeerError(f"{REGISTRY} is missing: run make setup")
    with short_folder("registry") as folder:
        port = free_port()
        (folder / "htpasswd").write_text(PASSWORD_FILE, encoding="ascii")
        (folder / "config.yml").write_text(
            configuration(folder, port, password=password, delete=delete, tls=tls) + extra, encoding="ascii"
        )
        process = Process([str(REGISTRY), "serve", str(folder / "config.yml")], log=folder / "log", env={})
        try:
            process.wait_until(lambda: listens(port))
            yield Registry(
                f"127.0.0.1:{port}",
                folder / "storage",
                folder / "log",
                process,
                "https" if tls else "http",
                LOGIN if password else None,
                tls.ca_file if tls else None,
            )
        finally:
            process.stop()


def configuration(folder: Path, port: int, *, password: bool, delete: bool, tls: Tls | None) -> str:
    """Return docker-registry's YAML."""
    lines = [
        "version: 0.1",
        "log: {level: info, accesslog: {disabled: true}}",
        f"storage: {{filesystem: {{rootdirectory: {folder / 'storage'}}}, delete: {{enabled: {str(delete).lower()}}}}}",
    ]
    http = f"addr: '127.0.0.1:{port}', secret: test"
    if tls:
        http += f", tls: {{certificate: {tls.certificate_file}, key: {tls.key_file}}}"
    lines.append(f"http: {{{http}}}")
    if password:
        lines.append(f"auth: {{htpasswd: {{realm: test, path: {folder / 'htpasswd'}}}}}")
    return "\n".join(lines) + "\n"


@contextmanager
def referrers_registry() -> Iterator[Registry]:
    """Run go-containerregistry's registry, which has the referrers API and keeps everything in memory."""
    with short_folder("referrers") as folder:
        port = free_port()
        process = Process([str(peer("referrers-registry")), f"127.0.0.1:{port}"], log=folder / "log", env={})
        try:
            process.wait_until(lambda: listens(port))
            yield Registry(f"127.0.0.1:{port}", folder, folder / "log", process)
        finally:
            process.stop()


def make_tls(folder: Path) -> Tls:
    """Make a throw-away authority and a certificate for 127.0.0.1 and localhost in `folder`."""
    ca_key, ca, key, request, certificate = (
        folder / name for name in ("ca.key", "ca.pem", "server.key", "server.csr", "server.pem")
    )
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost"
    openssl(
        "req", "-x509", *curve, "-keyout", ca_key, "-out", ca, "-days", "30", "-subj", "/CN=trustkit test authority"
    )
    openssl("req", *curve, "-keyout", key, "-out", request, "-subj", "/CN=127.0.0.1", "-addext", names)
    signing = ["-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "30", "-copy_extensions", "copy"]
    openssl("x509", "-req", "-in", request, "-out", certificate, *signing)
    return Tls(ca, certificate, key)


def openssl(*args: object) -> None:
    """Run the openssl command. Raises PeerError with its complaint."""
    done = subprocess.run(["openssl", *map(str, args)], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise PeerError(f"openssl {args[0]}: {done.stderr}")
