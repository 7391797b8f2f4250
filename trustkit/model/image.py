"""Descriptors, platforms and the image a reference resolved to (OCI image-spec 1.1)."""

from collections.abc import Callable, Mapping, Sequence

from trustkit.model.digest import Digest
from trustkit.model.reference import ImageRef
from trustkit.model.values import NamedTuple

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
MANIFEST_TYPES = (OCI_MANIFEST, DOCKER_MANIFEST)
INDEX_TYPES = (OCI_INDEX, DOCKER_LIST)


class Platform(NamedTuple):
    """Operating system, architecture and variant, in Go's words."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        """Return `os/architecture[/variant]`."""
        return "/".join(part for part in self if part)


class Descriptor(NamedTuple):
    """What names a blob: media type, digest and size; annotations are not proven."""

    media_type: str
    digest: Digest
    size_bytes: int
    annotations: Mapping[str, str] = {}
    artifact_type: str = ""
    platform: Platform | None = None


class ResolvedImage(NamedTuple):
    """One image, fixed: the bytes the reference named and the platform's manifest inside them.

    `root` is what the reference resolved to (an index or a manifest); `manifest` is the manifest
    that would run, equal to `root` if that is no index. All bytes were checked against their digest.
    Empty `config_bytes` were not asked for: such an image can be judged, and not admitted.
    """

    ref: ImageRef
    root: Descriptor
    root_bytes: bytes
    manifest: Descriptor
    manifest_bytes: bytes
    config: Descriptor
    config_bytes: bytes
    layers: tuple[Descriptor, ...]
    platform: Platform
    children: tuple[Descriptor, ...] = ()

    @property
    def digest(self) -> Digest:
        """The digest of what the reference resolved to; signatures and policies speak of it."""
        return self.root.digest


def chain_ids(diff_ids: Sequence[Digest], hash_text: Callable[[bytes], Digest]) -> tuple[Digest, ...]:
    """Return the chain id of every stack of layers, from the lowest alone to the whole image (image-spec config.md).

    ChainID(L0) = DiffID(L0), ChainID(L0|...|Ln) = Digest(ChainID(L0|...|Ln-1) + " " + DiffID(Ln)).
    """
    found: list[Digest] = []
    for diff_id in diff_ids:
        found.append(hash_text(f"{found[-1]} {diff_id}".encode()) if found else diff_id)
    return tuple(found)


def chain_id(diff_ids: Sequence[Digest], hash_text: Callable[[bytes], Digest]) -> Digest | None:
    """Return the chain id of the whole image; an image without layers has none."""
    found = chain_ids(diff_ids, hash_text)
    return found[-1] if found else None
