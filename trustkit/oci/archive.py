"""Images in tar files: `oci-archive`, and what `docker save` writes.

A `docker save` archive of Docker 25 and later is an OCI layout too, and is read as one: its
manifests are real, so signatures on their digests hold. An older one has no manifest at all:

    manifest.json   [{"Config":"<hex>.json","RepoTags":["app:1"],"Layers":["<id>/layer.tar",...]}]

For these an OCI manifest is made: config and layers as they lie in the archive, in that order,
compact JSON. Same archive content, same digest, on every machine; but it is a digest no registry
knows, so only signatures made on this digest can hold.
"""

from collections.abc import Iterator
from pathlib import Path

from trustkit import limits
from trustkit.codec import strict_json
from trustkit.codec.oci_build import manifest_bytes
from trustkit.codec.oci_manifest import Manifest, parse_config
from trustkit.codec.strict_json import as_list, as_object, as_text
from trustkit.errors import DigestMismatchError, LimitExceededError, MalformedError, NotFoundError, UsageError
from trustkit.fips.hashing import digest_of, hasher, verifying
from trustkit.model.digest import Digest
from trustkit.model.image import OCI_CONFIG, OCI_MANIFEST, Descriptor
from trustkit.model.values import NamedTuple
from trustkit.oci.files import Files, TarFiles, read_small
from trustkit.oci.layout import LayoutSource
from trustkit.oci.registry import require_small
from trustkit.oci.source import Fetched
from trustkit.oci.tar_index import plain_path

_MANIFEST = "manifest.json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_GZIP_LAYER = f"{_LAYER}+gzip"
_ZSTD_LAYER = f"{_LAYER}+zstd"
_HEX_CHARS = 64


class _Listed(NamedTuple):
    """One image of manifest.json."""

    config: str
    tags: tuple[str, ...]
    layers: tuple[str, ...]


def open_oci_archive(path: Path) -> LayoutSource:
    """Return the layout inside a tar. Raises NotFoundError, MalformedError, LimitExceededError."""
    return LayoutSource(TarFiles(path), str(path))


def open_docker_archive(path: Path, name: str) -> "LayoutSource | DockerArchive":
    """Return what `docker save` wrote; `name` is `REPO:TAG`, or "" if it holds one image.

    Raises NotFoundError, MalformedError, LimitExceededError, UsageError.
    """
    files = TarFiles(path)
    if files.has("oci-layout") and files.has("index.json"):
        return LayoutSource(files, str(path))
    return DockerArchive(files, str(path), name)


class DockerArchive:
    """An archive without manifests: one is made, and every file is known by the digest it has."""

    def __init__(self, files: Files, what: str, name: str) -> None:
        """Choose the image and hash its parts.

        Raises NotFoundError, MalformedError, DigestMismatchError, LimitExceededError, UsageError.
        """
        self._files = files
        self._what = what
        self._paths: dict[Digest, str] = {}
        listed = _choose(_listed(files, what), name, what)
        config = read_small(files, listed.config, limits.CONFIG_BYTES)
        digest = digest_of(config)
        named = listed.config.rpartition("/")[2].removesuffix(".json")
        if len(named) == _HEX_CHARS and named != digest.hex:
            raise DigestMismatchError(f"{what}: {listed.config} has digest {digest}")
        self._paths[digest] = listed.config
        diff_ids = parse_config(config, f"{what}: {listed.config}").diff_ids
        if len(diff_ids) != len(listed.layers):
            raise MalformedError(f"{what} lists {len(listed.layers)} layers, not {len(diff_ids)}")
        layers = tuple(self._layer(path, diff_id) for path, diff_id in zip(listed.layers, diff_ids, strict=True))
        described = Descriptor(OCI_CONFIG, digest, len(config))
        self._manifest = manifest_bytes(Manifest(OCI_MANIFEST, described, layers))
        self._digest = digest_of(self._manifest)
        self._name = name

    def manifest(self, at: str) -> Fetched:
        """Return the manifest that was made. Raises NotFoundError."""
        if at not in ("", self._name, str(self._digest)):
            raise NotFoundError(f"{self._what} has no {at[:120]}")
        described = Descriptor(OCI_MANIFEST, self._digest, len(self._manifest))
        return Fetched(described, self._manifest)

    def blob(self, descriptor: Descriptor, limit_bytes: int) -> bytes:
        """Return a small blob whole. Raises NotFoundError, DigestMismatchError, LimitExceededError."""
        require_small(descriptor, limit_bytes)
        return b"".join(self.stream(descriptor))

    def stream(self, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield a blob. Raises NotFoundError, DigestMismatchError."""
        path = self._paths.get(descriptor.digest)
        if path is None:
            raise NotFoundError(f"{self._what} has no blob {descriptor.digest}")
        return verifying(self._files.chunks(path), descriptor, f"{self._what}: {path}")

    def referrers(self, digest: Digest) -> tuple[tuple[Descriptor, ...], bool]:  # noqa: ARG002
        """Return nothing: this format has no place for evidence."""
        return (), True

    def _layer(self, path: str, diff_id: Digest) -> Descriptor:
        """Hash one layer; an unpacked one must have the digest that the configuration gives it."""
        size = self._files.size_bytes(path)
        if size > limits.LAYER_BYTES:
            raise LimitExceededError(f"{self._what}: {path} is {size} bytes")
        running, start = hasher("sha256"), b""
        for chunk in self._files.chunks(path):
            start = start or chunk[:4]
            running.update(chunk)
        digest = Digest("sha256", running.digest().hex())
        media_type = _layer_type(start)
        if media_type == _LAYER and digest != diff_id:
            raise DigestMismatchError(f"{self._what}: {path} has digest {digest}, not {diff_id}")
        self._paths[digest] = path
        return Descriptor(media_type, digest, size)


def _layer_type(start: bytes) -> str:
    if start.startswith(b"\x1f\x8b"):
        return _GZIP_LAYER
    return _ZSTD_LAYER if start == b"\x28\xb5\x2f\xfd" else _LAYER


def _listed(files: Files, what: str) -> list[_Listed]:
    name = f"{what}: {_MANIFEST}"
    content = read_small(files, _MANIFEST, limits.MANIFEST_BYTES)
    entries = as_list(strict_json.parse(content, what=name, limit_bytes=limits.MANIFEST_BYTES), name)
    if len(entries) > limits.INDEX_CHILDREN:
        raise LimitExceededError(f"{name} lists {len(entries)} images")
    return [_entry(each, name) for each in entries]


def _entry(value: object, what: str) -> _Listed:
    members = as_object(value, what)
    layers = _texts(members.get("Layers"), f"{what}: Layers")
    if not 0 < len(layers) <= limits.IMAGE_LAYERS:
        raise LimitExceededError(f"{what} lists an image of {len(layers)} layers")
    return _Listed(
        plain_path(as_text(members.get("Config"), f"{what}: Config")),
        _texts(members.get("RepoTags") or [], f"{what}: RepoTags"),
        tuple(plain_path(each) for each in layers),
    )


def _texts(value: object, what: str) -> tuple[str, ...]:
    return tuple(as_text(each, what) for each in as_list(value, what))


def _choose(listed: list[_Listed], name: str, what: str) -> _Listed:
    tags = ", ".join(sorted(tag for each in listed for tag in each.tags)[:20]) or "no names"
    found = [each for each in listed if not name or name in each.tags]
    if not found:
        raise NotFoundError(f"{what} has no image {name[:120]!r}; it has: {tags}", next_step="name one of these")
    if len(found) > 1:
        raise UsageError(
            f"{what} holds {len(found)} images: {tags}",
            next_step="say which: docker-archive:FILE:REPOSITORY:TAG",
        )
    return found[0]
