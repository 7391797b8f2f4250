"""Descriptors, platforms and the image a reference resolved to (OCI image-spec 1.1)."""

from collections.abc import Mapping

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
