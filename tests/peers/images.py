"""Small images built from the system's static busybox with the standard library: same input, same bytes, always."""

import base64
import functools
import gzip
import hashlib
import http.client
import io
import json
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from peers.processes import PeerError

BUSYBOX = Path("/bin/busybox")
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class Image(NamedTuple):
    """A manifest or index, byte for byte, with every blob and child manifest it needs."""

    media_type: str
    manifest: bytes
    blobs: Mapping[str, bytes]
    children: tuple["Image", ...] = ()

    @property
    def digest(self) -> str:
        """The digest an image reference would pin."""
        return digest_of(self.manifest)

    @property
    def layers(self) -> list[str]:
        """The digests of the layers, the lowest first."""
        return [layer["digest"] for layer in json.loads(self.manifest).get("layers", [])]

    @property
    def config(self) -> str:
        """The digest of the image configuration."""
        return str(json.loads(self.manifest)["config"]["digest"])


def digest_of(content: bytes) -> str:
    """Return `sha256:…` of `content`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def build(
    *,
    files: Mapping[str, bytes] | None = None,
    layers: Iterable[Mapping[str, bytes]] = (),
    command: Iterable[str] = ("/bin/sh",),
    labels: Mapping[str, str] | None = None,
    config: Mapping[str, object] | None = None,
    architecture: str = "amd64",
    docker: bool = False,
) -> Image:
    """Build a busybox image: `files` and each of `layers` go on top as one layer each.

    `config` adds to or replaces fields of the image configuration's `config` object (`User`, `Env`, `Entrypoint`, …);
    `docker` uses Docker's schema 2 media types.
    """
    tars = [busybox_layer(), *(layer(each) for each in ([files] if files else []) + list(layers))]
    blobs = {digest_of(packed): packed for packed, _ in tars}
    run_config: dict[str, object] = {"Cmd": list(command), "Env": ["PATH=/bin:/usr/bin"], "WorkingDir": "/"}
    if labels:
        run_config["Labels"] = dict(labels)
    run_config.update(config or {})
    config_bytes = compact(
        {
            "architecture": architecture,
            "os": "linux",
            "created": "2024-01-01T00:00:00Z",
            "config": run_config,
            "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in tars]},
            "history": [{"created": "2024-01-01T00:00:00Z", "created_by": "test"} for _ in tars],
        }
    )
    blobs[digest_of(config_bytes)] = config_bytes
    media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": descriptor(DOCKER_CONFIG if docker else OCI_CONFIG, config_bytes),
        "layers": [descriptor(DOCKER_LAYER if docker else OCI_LAYER, packed) for packed, _ in tars],
    }
    return Image(media_type, compact(manifest), blobs)


def index(images: Mapping[str, Image], *, docker: bool = False) -> Image:
    """Return a multi-platform index; keys are platforms such as `linux/amd64` or `linux/arm/v7`."""
    entries = []
    for platform, image in images.items():
        names = ("os", "architecture", "variant")
        entry = descriptor(image.media_type, image.manifest)
        entries.append({**entry, "platform": dict(zip(names, platform.split("/"), strict=False))})
    media_type = DOCKER_INDEX if docker else OCI_INDEX
    content = compact({"schemaVersion": 2, "mediaType": media_type, "manifests": entries})
    return Image(media_type, content, {}, tuple(images.values()))


def descriptor(media_type: str, content: bytes) -> dict[str, object]:
    """Return the descriptor of `content`."""
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def compact(value: object) -> bytes:
    """Return `value` as JSON without white space."""
    return json.dumps(value, separators=(",", ":")).encode()


@functools.cache
def busybox_layer() -> tuple[bytes, str]:
    """Return the packed layer with busybox and its applets, and the digest of the unpacked tar."""
    if not BUSYBOX.exists():
        raise PeerError(f"{BUSYBOX} is missing: run make setup")
    applets = subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True).stdout.split()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for folder in ("bin", "dev", "etc", "home", "proc", "root", "sys", "tmp", "usr", "usr/bin", "var"):
            tar.addfile(entry(folder, tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755))
        add_file(tar, "bin/busybox", BUSYBOX.read_bytes(), 0o755)
        add_file(tar, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n")
        add_file(tar, "etc/group", b"root:x:0:\nnogroup:x:65534:\n")
        for applet in sorted(set(applets) - {"busybox"}):
            link = entry(f"bin/{applet}", tarfile.SYMTYPE, 0o777)
            link.linkname = "busybox"
            tar.addfile(link)
    return pack(out.getvalue())


def layer(files: Mapping[str, bytes]) -> tuple[bytes, str]:
    """Return a packed layer of plain files (mode 0755) and the digest of the unpacked tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, content in files.items():
            add_file(tar, path, content, 0o755)
    return pack(out.getvalue())


def pack(tar: bytes) -> tuple[bytes, str]:
    """Return the gzip of a tar, free of time stamps, and the digest of the tar itself."""
    return gzip.compress(tar, compresslevel=1, mtime=0), digest_of(tar)


def entry(path: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    """Return a tar entry owned by root, from 1970."""
    info = tarfile.TarInfo(path)
    info.type, info.mode = kind, mode
    return info


def add_file(tar: tarfile.TarFile, path: str, content: bytes, mode: int = 0o644) -> None:
    """Add one plain file."""
    info = entry(path, tarfile.REGTYPE, mode)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def push(image: Image, host: str, repository: str, tag: str | None = None, *, login: str | None = None) -> str:
    """Push over plain HTTP to `host:port` and return the digest; `login` is `user:password`."""
    for child in image.children:
        push(child, host, repository, login=login)
    registry = _Connection(host, login)
    try:
        for digest, content in image.blobs.items():
            registry.put_blob(repository, digest, content)
        name = tag or image.digest
        registry.expect(
            {201}, "PUT", f"/v2/{repository}/manifests/{name}", image.manifest, {"Content-Type": image.media_type}
        )
    finally:
        registry.close()
    return image.digest


class _Connection:
    def __init__(self, host: str, login: str | None) -> None:
        self._http = http.client.HTTPConnection(host, timeout=30)
        self._headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}

    def put_blob(self, repository: str, digest: str, content: bytes) -> None:
        start = self.expect({202}, "POST", f"/v2/{repository}/blobs/uploads/")
        where = urlsplit(start.headers["Location"])
        query = f"{where.query}&" if where.query else ""
        headers = {"Content-Type": "application/octet-stream"}
        self.expect({201}, "PUT", f"{where.path}?{query}digest={digest}", content, headers)

    def expect(
        self,
        statuses: set[int],
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> http.client.HTTPResponse:
        self._http.request(method, path, body, {**self._headers, **(headers or {})})
        response = self._http.getresponse()
        said = response.read()
        if response.status not in statuses:
            raise PeerError(f"{method} {path}: {response.status} {said.decode(errors='replace')[:500]}")
        return response

    def close(self) -> None:
        self._http.close()


def write_layout(image: Image, folder: Path, tag: str | None = None) -> str:
    """Write an OCI image layout (or add to the one that is there) and return the image's digest."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    (folder / "oci-layout").write_bytes(b'{"imageLayoutVersion":"1.0.0"}')
    for each in (image, *image.children):
        for digest, content in [*each.blobs.items(), (each.digest, each.manifest)]:
            (blobs / digest.removeprefix("sha256:")).write_bytes(content)
    table = folder / "index.json"
    top = json.loads(table.read_bytes() if table.exists() else b'{"schemaVersion":2,"manifests":[]}')
    named = {"annotations": {"org.opencontainers.image.ref.name": tag}} if tag else {}
    top["manifests"].append({**descriptor(image.media_type, image.manifest), **named})
    table.write_bytes(compact(top))
    return image.digest


def write_oci_archive(image: Image, path: Path, tag: str | None = None) -> str:
    """Write an `oci-archive` tar and return the image's digest."""
    folder = path.with_name(f"{path.name}.layout")
    digest = write_layout(image, folder, tag)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for file in sorted(item for item in folder.rglob("*") if item.is_file()):
            add_file(tar, str(file.relative_to(folder)), file.read_bytes())
    return digest


def write_docker_archive(image: Image, path: Path, name: str | None = None) -> None:
    """Write what `docker save` wrote before OCI: manifest.json, the configuration and unpacked layers."""
    layers = [f"{digest.removeprefix('sha256:')}/layer.tar" for digest in image.layers]
    config = f"{image.config.removeprefix('sha256:')}.json"
    table = [{"Config": config, "RepoTags": [name] if name else None, "Layers": layers}]
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for inside, digest in zip(layers, image.layers, strict=True):
            add_file(tar, inside, gzip.decompress(image.blobs[digest]))
        add_file(tar, config, image.blobs[image.config])
        add_file(tar, "manifest.json", compact(table))
