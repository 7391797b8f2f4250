"""Build a small image as an OCI layout: Debian's static busybox and a sentence.

build.py DIR TEXT      writes DIR with the tag `v1`
build.py --layer DIR   prints the hex digest of its layer
"""

import gzip
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def add_blob(layout: Path, content: bytes) -> str:
    """Store a blob and return its digest."""
    digest = hashlib.sha256(content).hexdigest()
    (layout / "blobs" / "sha256" / digest).write_bytes(content)
    return f"sha256:{digest}"


def layer_of(text: str) -> bytes:
    """Return a tar with busybox, a shell, and the sentence in /hello."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for folder in ("bin", "etc", "tmp"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for name, content, mode in (
            ("bin/busybox", Path("/bin/busybox").read_bytes(), 0o755),
            ("hello", text.encode() + b"\n", 0o644),
            ("etc/passwd", b"root:x:0:0:root:/:/bin/sh\n", 0o644),
        ):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
        for applet in ("sh", "cat", "true", "echo", "id", "sleep"):
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
    return stream.getvalue()


def build(layout: Path, text: str) -> None:
    """Write the layout."""
    (layout / "blobs" / "sha256").mkdir(parents=True)
    tar = layer_of(text)
    layer = gzip.compress(tar, mtime=0)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/bin/cat", "/hello"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}"]},
    }
    config_bytes = json.dumps(config).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": add_blob(layout, config_bytes),
            "size": len(config_bytes),
        },
        "layers": [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "digest": add_blob(layout, layer),
                "size": len(layer),
            }
        ],
    }
    manifest_bytes = json.dumps(manifest).encode()
    entry = {
        "mediaType": MANIFEST,
        "digest": add_blob(layout, manifest_bytes),
        "size": len(manifest_bytes),
        "annotations": {"org.opencontainers.image.ref.name": "v1"},
    }
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    print(f"built {entry['digest']} ({len(layer)} bytes)")


def layer_digest(layout: Path) -> str:
    """Return the hex digest of the only layer."""
    index = json.loads((layout / "index.json").read_text())
    manifest = layout / "blobs" / "sha256" / index["manifests"][0]["digest"].partition(":")[2]
    digest: str = json.loads(manifest.read_text())["layers"][0]["digest"].partition(":")[2]
    return digest


if __name__ == "__main__":
    if sys.argv[1] == "--layer":
        print(layer_digest(Path(sys.argv[2])))
    else:
        build(Path(sys.argv[1]), sys.argv[2])
