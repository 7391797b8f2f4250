import gzip
import hashlib
import io
import json
import tarfile

import pytest

from peers import images
from trustkit import limits
from trustkit.errors import (
    DigestMismatchError,
    LimitExceededError,
    MalformedError,
    NotFoundError,
    TrustkitError,
    UsageError,
)
from trustkit.model.reference import ImageRef
from trustkit.oci.download import download
from trustkit.oci.layout import LayoutFolder
from trustkit.oci.open_source import open_repository, open_source
from trustkit.oci.registry import RegistryOptions
from trustkit.oci.resolve import resolve

LAYER = b"layer".ljust(10240, b"\0")


def sha(content):
    return hashlib.sha256(content).hexdigest()


def config(*layers):
    diff_ids = [f"sha256:{sha(each)}" for each in layers]
    return json.dumps(
        {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    ).encode()


def entry(name, content=None, link=""):
    info = tarfile.TarInfo(name)
    if link:
        info.type, info.linkname = tarfile.SYMTYPE, link
    else:
        info.size = len(content)
    return info, content


def saved(path, *, layers=(LAYER,), listed=None, files=(), name=None, tags=("app:1",)):
    told = config(*layers)
    name = name or f"{sha(told)}.json"
    listed = listed or [f"{n}/layer.tar" for n in range(len(layers))]
    manifest = [{"Config": name, "RepoTags": list(tags), "Layers": listed}]
    entries = [entry(name, told), entry("manifest.json", json.dumps(manifest).encode())]
    entries += [entry(f"{n}/layer.tar", each) for n, each in enumerate(layers)]
    with tarfile.open(path, "w") as archive:
        for info, content in [*entries, *files]:
            archive.addfile(info, io.BytesIO(content or b""))
    return path


def resolved(text):
    ref = ImageRef.parse(str(text))
    source = open_source(ref, RegistryOptions())
    found = resolve(ref, source, None)
    return found, [b"".join(source.stream(each)) for each in found.layers]


def docker(path):
    return resolved(f"docker-archive:{path}")


def test_an_old_archive_becomes_the_same_manifest_every_time(tmp_path):
    first, layers = docker(saved(tmp_path / "a.tar"))
    second, _ = docker(saved(tmp_path / "b.tar", files=[entry("VERSION", b"1.0")]))
    assert layers == [LAYER]
    assert first.digest == second.digest
    assert [each.media_type for each in first.layers] == ["application/vnd.oci.image.layer.v1.tar"]


def test_a_layer_may_be_a_link_to_another(tmp_path):
    path = tmp_path / "a.tar"
    link = entry("9/layer.tar", link="../0/layer.tar")
    told = config(LAYER, LAYER)
    manifest = [{"Config": "c.json", "RepoTags": None, "Layers": ["0/layer.tar", "9/layer.tar"]}]
    parts = [entry("c.json", told), entry("manifest.json", json.dumps(manifest).encode()), entry("0/layer.tar", LAYER)]
    with tarfile.open(path, "w") as archive:
        for info, content in [*parts, link]:
            archive.addfile(info, io.BytesIO(content or b""))
    assert docker(path)[1] == [LAYER, LAYER]


def test_a_new_archive_keeps_its_real_manifest(tmp_path):
    image = images.build()
    images.write_oci_archive(image, tmp_path / "a.tar", "1")
    assert str(resolved(f"docker-archive:{tmp_path}/a.tar:1")[0].digest) == image.digest


def test_a_whole_gzipped_archive_is_read(tmp_path):
    path = saved(tmp_path / "a.tar")
    (tmp_path / "a.tgz").write_bytes(gzip.compress(path.read_bytes()))
    assert docker(tmp_path / "a.tgz")[0].digest == docker(path)[0].digest


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        ({"listed": ["../../etc/passwd"]}, NotFoundError),
        ({"listed": ["/etc/passwd"]}, NotFoundError),
        ({"listed": ["gone/layer.tar"]}, NotFoundError),
        ({"listed": ["out"], "files": [entry("out", link="/etc/passwd")]}, NotFoundError),
        ({"listed": ["0/layer.tar", "0/layer.tar"]}, MalformedError),
        ({"listed": ["other"], "files": [entry("other", b"x" * 512)]}, DigestMismatchError),
        ({"name": "0" * 64 + ".json"}, DigestMismatchError),
    ],
)
def test_an_archive_that_lies_is_refused(tmp_path, made, kind):
    with pytest.raises(kind):
        docker(saved(tmp_path / "a.tar", **made))


def test_an_image_is_chosen_by_name(tmp_path):
    path = saved(tmp_path / "a.tar", tags=("app:1", "app:2"))
    assert resolved(f"docker-archive:{path}:app:2")[0]
    with pytest.raises(NotFoundError, match="app:1, app:2"):
        resolved(f"docker-archive:{path}:app:3")


def test_no_archive_is_not_found(tmp_path):
    with pytest.raises(NotFoundError):
        docker(tmp_path / "none.tar")


def test_a_gzip_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "ARCHIVE_FREE_BYTES", 1024 * 1024)
    (tmp_path / "a.tgz").write_bytes(gzip.compress(b"\0" * 20_000_000))
    with pytest.raises(LimitExceededError, match="unpacks"):
        docker(tmp_path / "a.tgz")


@pytest.mark.parametrize("cut", [1, 10, 100])
def test_a_cut_off_gzip_is_refused(tmp_path, cut):
    path = saved(tmp_path / "a.tar")
    (tmp_path / "a.tgz").write_bytes(gzip.compress(path.read_bytes())[:-cut])
    with pytest.raises(MalformedError):
        docker(tmp_path / "a.tgz")


def test_an_archive_cannot_be_signed(tmp_path):
    with pytest.raises(UsageError, match="cannot be added"):
        open_repository(ImageRef.parse(f"docker-archive:{tmp_path}/a.tar"), RegistryOptions())


def test_a_blob_that_is_a_link_is_not_followed(tmp_path):
    image = images.build()
    images.write_layout(image, tmp_path / "l", "1")
    blob = tmp_path / "l/blobs/sha256" / image.config.removeprefix("sha256:")
    blob.rename(tmp_path / "elsewhere")
    blob.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TrustkitError):
        resolved(f"oci:{tmp_path}/l:1")


def test_downloaded_blobs_are_whole(tmp_path):
    image = images.build(layers=[{f"f{n}": b"x" * n} for n in range(5)])
    images.write_layout(image, tmp_path / "l", "1")
    found, layers = resolved(f"oci:{tmp_path}/l:1")
    files = download(LayoutFolder(tmp_path / "l"), found.layers, tmp_path / "out")
    assert [files[str(each.digest)].read_bytes() for each in found.layers] == layers


def test_a_download_that_fails_leaves_nothing(tmp_path):
    image = images.build(layers=[{"a": b"a"}, {"b": b"b"}])
    images.write_layout(image, tmp_path / "l", "1")
    found, _ = resolved(f"oci:{tmp_path}/l:1")
    for layer in found.layers:
        blob = tmp_path / "l/blobs/sha256" / layer.digest.hex
        blob.write_bytes(blob.read_bytes()[:-1] + b"?")
    with pytest.raises(DigestMismatchError):
        download(LayoutFolder(tmp_path / "l"), found.layers, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
