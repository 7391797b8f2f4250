"""Which image a bundle of dockerd is, by the records of its own image store.

dockerd mounts the root file system itself, at `DATA/overlay2/MOUNT/merged` or `DATA/vfs/dir/MOUNT`. Its records below
`DATA/image/DRIVER` say which mount is which container's and on which layers it stands, each with the digest of its
content; `DATA/containers/ID/config.v2.json` names the image, `repositories.json` what it was pulled by. dockerd cannot
be asked: it holds the container while the runtime works.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from trustkit import limits
from trustkit.codec import strict_json
from trustkit.codec.strict_json import as_object
from trustkit.hooks import fields
from trustkit.hooks.errors import HookEngineError, HookMismatchError
from trustkit.hooks.fields import Members
from trustkit.hooks.oci.bound import Bound
from trustkit.hooks.oci.bundle import Bundle
from trustkit.model.digest import Digest
from trustkit.model.reference import ImageRef

_ROOT = re.compile(
    r"(?P<data>/.+)/(?:(?P<driver>[a-z0-9-]+)/(?P<mount>[0-9a-f]{64})/merged|vfs/dir/(?P<copied>[0-9a-f]{64}))"
)
_ID = re.compile(r"[0-9a-f]{64}")
_TEXT_BYTES = 256


def dockerd_image(bundle: Bundle, container: str) -> Bound | None:
    """Return what the bundle's root file system is, or None if no dockerd mounted it.

    Raises HookMismatchError, HookEngineError, MalformedError.
    """
    place = _ROOT.fullmatch(str(bundle.root.resolve()))
    if place is None or not _ID.fullmatch(container) or bundle.folder.resolve().name != container:
        return None
    data, driver = Path(place["data"]), place["driver"] or "vfs"
    store, own = data / "image" / driver, data / "containers" / container
    if not (store / "layerdb/mounts").is_dir():
        return None
    mount = store / "layerdb/mounts" / container
    if _text(mount / "mount-id") != (place["mount"] or place["copied"]):
        raise HookMismatchError(f"the root file system {bundle.root} is not that of the container {container[:12]}")
    image = Digest.parse(fields.text(_document(own / "config.v2.json", limits.ENGINE_ANSWER_BYTES), "Image"))
    config = fields.mapping(_document(store / "imagedb/content/sha256" / image.hex, limits.CONFIG_BYTES), "config")
    return Bound(
        names=tuple(_names(_document(store / "repositories.json", limits.STORE_BYTES), str(image))),
        config=image,
        layers=_layers(store / "layerdb/sha256", _text(mount / "parent")),
        entrypoint=fields.texts(config, "Entrypoint"),
        command=fields.texts(config, "Cmd"),
        volumes=(data / "volumes",),
        folders=(own,),
    )


def _names(repositories: Members, image: str) -> Iterator[ImageRef]:
    """Yield the names with digests by which the image was pulled."""
    known = fields.mapping(repositories, "Repositories")
    for name in sorted(known):
        for reference, held in sorted(fields.mapping(known, name).items()):
            if held == image and "@" in reference:
                yield ImageRef.parse(f"docker://{reference}")


def _layers(folder: Path, top: str) -> tuple[Digest, ...]:
    """Return the content digests of a stack of layers, the lowest first; `top` is its chain id."""
    found: list[Digest] = []
    at = top
    while at:
        if len(found) >= limits.IMAGE_LAYERS:
            raise HookMismatchError(f"{folder} has more layers than an image may have")
        layer = folder / Digest.parse(at).hex
        found.append(Digest.parse(_text(layer / "diff")))
        at = _text(layer / "parent") if (layer / "parent").exists() else ""
    return tuple(reversed(found))


def _document(file: Path, most: int) -> Members:
    content = _read(file, most)
    return as_object(strict_json.parse(content, what=file.name, limit_bytes=most, fold_names=False), file.name)


def _text(file: Path) -> str:
    return _read(file, _TEXT_BYTES).decode("ascii", "replace").strip()


def _read(file: Path, most: int) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(most + 1)
    except OSError as error:
        raise HookEngineError(f"{file}: {(error.strerror or str(error)).lower()}") from error
