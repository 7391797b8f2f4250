"""Manifests, indexes and image configurations (OCI image-spec 1.1, Docker schema 2).

    manifest  {"schemaVersion":2,"mediaType":...,"config":{...},"layers":[{...}],"subject":{...}}
    index     {"schemaVersion":2,"mediaType":...,"manifests":[{...,"platform":{...}}]}

Two readers must never see two images in the same bytes: duplicate names, `layers` beside
`manifests`, and a `mediaType` that differs from the served type are refused (CVE-2021-41190).
"""

from collections.abc import Mapping

from trustkit import limits
from trustkit.codec import strict_json
from trustkit.codec.strict_json import as_int, as_list, as_object, as_text
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.digest import Digest
from trustkit.model.image import INDEX_TYPES, MANIFEST_TYPES, OCI_INDEX, OCI_MANIFEST, Descriptor, Platform
from trustkit.model.values import NamedTuple

_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1"
# What servers say when they do not know: then the document decides.
_UNTOLD_TYPES = ("", "application/json", "application/octet-stream", "text/plain")
_ANNOTATIONS = 256


class Manifest(NamedTuple):
    """One image, or one artifact, with its parts in order."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    subject: Descriptor | None = None
    artifact_type: str = ""
    annotations: Mapping[str, str] = {}


class Index(NamedTuple):
    """A list of manifests: the platforms of an image, or the referrers of a digest."""

    media_type: str
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None = None
    artifact_type: str = ""
    annotations: Mapping[str, str] = {}


class ImageConfig(NamedTuple):
    """What a configuration says of its image; `diff_ids` name the unpacked layers."""

    platform: Platform
    diff_ids: tuple[Digest, ...]
    user: str
    labels: Mapping[str, str]


def parse(content: bytes, served_type: str = "", what: str = "manifest") -> Manifest | Index:
    """Return the manifest or index; `served_type` is what the descriptor or the server called it.

    Raises MalformedError, LimitExceededError. image-spec manifest.md, image-index.md.
    """
    members = as_object(strict_json.parse(content, what=what, limit_bytes=limits.MANIFEST_BYTES), what)
    media_type = _media_type(members, served_type, what)
    if as_int(members.get("schemaVersion"), f"{what}: schemaVersion") != 2:  # noqa: PLR2004
        raise MalformedError(f"{what}: schemaVersion is not 2")
    shared = (
        _optional_descriptor(members, "subject", what),
        _optional_text(members, "artifactType", what),
        _annotations(members, what),
    )
    if media_type in INDEX_TYPES:
        children = _descriptors(members, "manifests", limits.INDEX_CHILDREN, what)
        return Index(media_type, children, *shared)
    config = _descriptor(members.get("config"), f"{what}: config")
    layers = _descriptors(members, "layers", limits.IMAGE_LAYERS, what)
    return Manifest(media_type, config, layers, *shared)


def parse_manifest(content: bytes, served_type: str = "", what: str = "manifest") -> Manifest:
    """Return a manifest, refusing an index. Raises MalformedError, LimitExceededError."""
    found = parse(content, served_type, what)
    if isinstance(found, Index):
        raise MalformedError(f"{what} is an index where a manifest is needed")
    return found


def parse_index(content: bytes, served_type: str = "", what: str = "index") -> Index:
    """Return an index, refusing a manifest. Raises MalformedError, LimitExceededError."""
    found = parse(content, served_type, what)
    if isinstance(found, Manifest):
        raise MalformedError(f"{what} is a manifest where an index is needed")
    return found


def parse_config(content: bytes, what: str = "image configuration") -> ImageConfig:
    """Return what matters of an image configuration.

    Raises MalformedError, LimitExceededError. image-spec config.md.
    """
    value = strict_json.parse(content, what=what, limit_bytes=limits.CONFIG_BYTES, fold_names=False)
    members = as_object(value, what)
    rootfs = as_object(members.get("rootfs"), f"{what}: rootfs")
    if rootfs.get("type") != "layers":
        raise MalformedError(f"{what}: rootfs.type is not 'layers'")
    diff_ids = as_list(rootfs.get("diff_ids"), f"{what}: rootfs.diff_ids")
    _require_at_most(len(diff_ids), limits.IMAGE_LAYERS, f"{what}: rootfs.diff_ids")
    run = as_object(members.get("config") or {}, f"{what}: config")
    return ImageConfig(
        platform=_platform(members, what),
        diff_ids=tuple(_digest(each, f"{what}: rootfs.diff_ids") for each in diff_ids),
        user=_optional_text(run, "User", f"{what}: config"),
        labels=_text_map(run.get("Labels"), f"{what}: config.Labels"),
    )


def require_runnable(manifest: Manifest, what: str = "manifest") -> None:
    """Return if every layer can be fetched from where the manifest is.

    Raises MalformedError for layers that a licence keeps out of registries.
    """
    if not manifest.layers:
        raise MalformedError(f"{what} has no layers: it is an artifact, not an image")
    for layer in manifest.layers:
        if "nondistributable" in layer.media_type or ".foreign." in layer.media_type:
            raise MalformedError(
                f"{what}: layer {layer.digest} is a foreign layer ({layer.media_type})",
                next_step="trustkit runs only images whose layers all lie in their registry; "
                "rebuild the image on a base without foreign layers",
            )


# --- parts ----------------------------------------------------------------------------------------


def _media_type(members: dict[str, object], served_type: str, what: str) -> str:
    """Return the one type that the document, its shape and its server agree on."""
    if served_type.startswith(_SCHEMA_1) or members.get("schemaVersion") == 1:
        raise MalformedError(
            f"{what} is a Docker schema 1 manifest, whose digest covers no layer order",
            next_step="push the image again with a current tool",
        )
    has_manifests = "manifests" in members
    if has_manifests and ("layers" in members or "config" in members):
        raise MalformedError(f"{what} has both manifests and layers: two images in one document")
    if "fsLayers" in members or "history" in members:
        raise MalformedError(f"{what} has members of Docker schema 1")
    named = _optional_text(members, "mediaType", what)
    told = "" if served_type in _UNTOLD_TYPES else served_type
    if named and told and named != told:
        raise MalformedError(f"{what} calls itself {named[:120]!r} but is served as {told[:120]!r}")
    found = named or told or (OCI_INDEX if has_manifests else OCI_MANIFEST)
    if found not in (INDEX_TYPES if has_manifests else MANIFEST_TYPES):
        raise MalformedError(f"{what} has type {found[:120]!r}, which does not fit its members")
    return found


def _descriptors(members: dict[str, object], name: str, limit: int, what: str) -> tuple[Descriptor, ...]:
    values = as_list(members.get(name), f"{what}: {name}")
    _require_at_most(len(values), limit, f"{what}: {name}")
    return tuple(_descriptor(each, f"{what}: {name}[{at}]") for at, each in enumerate(values))


def _optional_descriptor(members: dict[str, object], name: str, what: str) -> Descriptor | None:
    value = members.get(name)
    return None if value is None else _descriptor(value, f"{what}: {name}")


def _descriptor(value: object, what: str) -> Descriptor:
    """Read a descriptor (image-spec descriptor.md); `data` is never used, `urls` are refused."""
    members = as_object(value, what)
    size_bytes = as_int(members.get("size"), f"{what}: size")
    if not 0 <= size_bytes <= limits.LAYER_BYTES:
        raise LimitExceededError(f"{what}: size {size_bytes} is negative or more than allowed")
    if members.get("urls"):
        raise MalformedError(
            f"{what} is to be fetched from elsewhere (urls), as foreign layers are",
            next_step="trustkit fetches content only from the image's own registry",
        )
    _optional_text(members, "data", what)
    platform = members.get("platform")
    return Descriptor(
        media_type=as_text(members.get("mediaType"), f"{what}: mediaType"),
        digest=_digest(members.get("digest"), what),
        size_bytes=size_bytes,
        annotations=_annotations(members, what),
        artifact_type=_optional_text(members, "artifactType", what),
        platform=None if platform is None else _platform(as_object(platform, what), what),
    )


def _digest(value: object, what: str) -> Digest:
    text = as_text(value, f"{what}: digest")
    try:
        return Digest.parse(text)
    except MalformedError as error:
        raise MalformedError(f"{what}: {error.message}") from error


def _platform(members: dict[str, object], what: str) -> Platform:
    return Platform(
        _optional_text(members, "os", what),
        _optional_text(members, "architecture", what),
        _optional_text(members, "variant", what),
    )


def _optional_text(members: dict[str, object], name: str, what: str) -> str:
    value = members.get(name)
    return "" if value is None else as_text(value, f"{what}: {name}")


def _annotations(members: dict[str, object], what: str) -> Mapping[str, str]:
    found = _text_map(members.get("annotations"), f"{what}: annotations")
    _require_at_most(len(found), _ANNOTATIONS, f"{what}: annotations")
    return found


def _text_map(value: object, what: str) -> dict[str, str]:
    if value is None:
        return {}
    return {name: as_text(text, what) for name, text in as_object(value, what).items()}


def _require_at_most(count: int, limit: int, what: str) -> None:
    if count > limit:
        raise LimitExceededError(f"{what} has {count} entries, more than the {limit} allowed")
