"""Reference to image: asked once, pinned to a digest, a platform chosen, every byte checked."""

from collections.abc import Callable

from trustkit import limits
from trustkit.codec.oci_manifest import Index, Manifest, parse, parse_config, require_runnable
from trustkit.errors import DigestMismatchError, MalformedError, NotFoundError
from trustkit.model.digest import Digest
from trustkit.model.image import DOCKER_CONFIG, INDEX_TYPES, OCI_CONFIG, Descriptor, Platform, ResolvedImage
from trustkit.model.reference import ImageRef
from trustkit.oci.platforms import choose, fits, host_platform
from trustkit.oci.source import Fetched, ImageSource

_INDEX_DEPTH = 3


def resolve(
    ref: ImageRef,
    source: ImageSource,
    platform: Platform | None,
    *,
    on_root: Callable[[Digest], None] | None = None,
    with_config: bool = True,
) -> ResolvedImage:
    """Return the image a reference names now.

    `on_root` is told the digest as soon as it is fixed, so that evidence can be looked for meanwhile.
    Without `with_config` the configuration is not read, unless a platform must be compared.

    Of an index the child for `platform` is taken (this machine's if None). A lone manifest must be
    for `platform` if one is given; with None it is taken whatever it is for. A platform that is not
    there is a NotFoundError that lists what is.

    Raises SourceError, DigestMismatchError, MalformedError, LimitExceededError.
    """
    root = source.manifest(ref.at)
    if ref.digest is not None and root.descriptor.digest != ref.digest:
        raise DigestMismatchError(f"{ref}: the source answers with {root.descriptor.digest}")
    if on_root is not None:
        on_root(root.descriptor.digest)
    outer = parse(root.content, root.descriptor.media_type, str(ref))
    fetched, document, told = _descend(root, outer, source, platform or host_platform(), ref)
    config, found = b"", told
    if with_config or platform is not None:
        config = source.blob(document.config, limits.CONFIG_BYTES)
        found = _platform_of(ref, document, config, told)
    children = outer.manifests if isinstance(outer, Index) else ()
    if not children and platform is not None and found.architecture and not fits(found, platform):
        raise _no_platform(ref, platform, (found,))
    return ResolvedImage(
        ref=ref,
        root=root.descriptor._replace(media_type=outer.media_type),
        root_bytes=root.content,
        manifest=fetched.descriptor._replace(media_type=document.media_type),
        manifest_bytes=fetched.content,
        config=document.config,
        config_bytes=config,
        layers=document.layers,
        platform=found,
        children=children,
    )


def _descend(
    root: Fetched, document: Index | Manifest, source: ImageSource, wanted: Platform, ref: ImageRef
) -> tuple[Fetched, Manifest, Platform]:
    """Return the manifest for a platform: as fetched, as parsed, and the platform its index tells of it."""
    fetched, told = root, Platform("", "")
    for _ in range(_INDEX_DEPTH):
        if not isinstance(document, Index):
            break
        child = _child(document, wanted, ref)
        fetched, told = _fetch_child(source, child, ref), child.platform or told
        document = parse(fetched.content, child.media_type, f"{ref}: {child.digest}")
    if isinstance(document, Index):
        raise MalformedError(f"{ref}: indexes nested more than {_INDEX_DEPTH} deep")
    return fetched, document, told


def _platform_of(ref: ImageRef, document: Manifest, config: bytes, told: Platform) -> Platform:
    """Return the platform a configuration names, after checking that it fits its manifest."""
    if document.config.media_type not in (OCI_CONFIG, DOCKER_CONFIG):
        return told
    require_runnable(document, str(ref))
    read = parse_config(config, f"{ref}: image configuration")
    if len(read.diff_ids) != len(document.layers):
        raise MalformedError(f"{ref}: {len(document.layers)} layers, but the configuration names {len(read.diff_ids)}")
    return read.platform if read.platform.architecture else told


def _child(index: Index, wanted: Platform, ref: ImageRef) -> Descriptor:
    child = choose(index.manifests, wanted)
    if child is not None:
        return child
    untold = [each for each in index.manifests if each.platform is None]
    if len(untold) == 1:
        return untold[0]
    offered = tuple(each.platform for each in index.manifests if each.platform)
    raise _no_platform(ref, wanted, offered)


def _fetch_child(source: ImageSource, child: Descriptor, ref: ImageRef) -> Fetched:
    what = f"{ref}: {child.digest}"
    fetched = source.manifest(str(child.digest))
    _require_digest(fetched, child.digest, what)
    if len(fetched.content) != child.size_bytes:
        raise DigestMismatchError(f"{what} is {len(fetched.content)} bytes, but its index says {child.size_bytes}")
    served = fetched.descriptor.media_type
    if served in INDEX_TYPES and child.media_type not in INDEX_TYPES:
        raise MalformedError(f"{what} is served as an index, but its index calls it a manifest")
    return fetched


def _require_digest(fetched: Fetched, digest: Digest, what: str) -> None:
    if fetched.descriptor.digest != digest:
        raise DigestMismatchError(f"{what}: the source answers with {fetched.descriptor.digest}")


def _no_platform(ref: ImageRef, wanted: Platform, offered: tuple[Platform, ...]) -> NotFoundError:
    known = sorted({str(each) for each in offered if each.os != "unknown"})
    names = ", ".join(known[:20]) or "none that says so"
    return NotFoundError(
        f"{ref} is not made for {wanted}; it is made for: {names}",
        next_step="choose one of these with --platform, or build the image for yours",
        platform=str(wanted),
    )
