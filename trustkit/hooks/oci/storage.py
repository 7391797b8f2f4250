"""Which image a bundle's root file system is, by the records of containers/storage: what Podman and CRI-O keep.

A bundle lies in `ROOT/DRIVER-containers/ID/userdata`. `containers.json` beside it has the container's image and its own
layer, `images.json` the names and digests by which the image was pulled, `layers.json` each layer's parent and the
digest of its content. The root file system has to be the container's own layer, and that layer's ancestors exactly
the layers of the image. Files of layers are not read again: who can write there does not need a runtime.
"""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

from trustkit import limits
from trustkit.codec import strict_json
from trustkit.codec.strict_json import as_list, as_object
from trustkit.errors import MalformedError
from trustkit.hooks import fields
from trustkit.hooks.errors import HookEngineError, HookMismatchError, HookRefusedError
from trustkit.hooks.fields import Members
from trustkit.hooks.oci.bound import Bound
from trustkit.hooks.oci.bundle import Bundle
from trustkit.model.digest import Digest
from trustkit.model.reference import ImageRef

_CONTAINERS = re.compile(r"(?P<driver>[a-z0-9]+)-containers")
_ID = re.compile(r"[0-9a-f]{64}")
_MANIFEST = "manifest-"


def stored_image(bundle: Bundle, container: str) -> Bound | None:
    """Return what the bundle's root file system is, or None if the bundle does not lie in containers/storage.

    Raises HookRefusedError, HookMismatchError, HookEngineError, MalformedError.
    """
    folder = bundle.folder.resolve()
    parts = _CONTAINERS.fullmatch(folder.parent.parent.name)
    if folder.name != "userdata" or parts is None or not _ID.fullmatch(folder.parent.name):
        return None
    if folder.parent.name != container:
        raise HookMismatchError(f"the bundle is of the container {folder.parent.name}, and {container[:80]} is to run")
    store, driver = folder.parent.parent.parent, parts["driver"]
    own = _record(store / f"{driver}-containers/containers.json", container, "container")
    image_id, layer = fields.text(own, "image"), fields.text(own, "layer")
    if not image_id:
        raise HookRefusedError(
            f"the container {container[:12]} is made of a folder and not of an image, so nobody vouches for it",
            next_step="run an image that was pulled from a registry",
        )
    _require_root(bundle, store, driver, layer)
    image = _record(store / f"{driver}-images/images.json", image_id, "image")
    config = _config(store / f"{driver}-images" / image_id, image_id)
    return Bound(
        names=_names(image, own),
        entrypoint=fields.texts(config, "Entrypoint"),
        command=fields.texts(config, "Cmd"),
        config=Digest.parse(f"sha256:{image_id}"),
        layers=_layers(store / f"{driver}-layers/layers.json", layer),
        volumes=(store / "volumes",),
    )


def _require_root(bundle: Bundle, store: Path, driver: str, layer: str) -> None:
    """Return if the root file system is where the driver mounts the container's own layer."""
    places = (store / driver / layer / "merged", store / driver / "dir" / layer, store / driver / "mnt" / layer)
    if not _ID.fullmatch(layer) or bundle.root.resolve() not in places:
        raise HookMismatchError(
            f"the root file system {bundle.root} is not the container's own layer",
            next_step="make the container anew",
        )


def _names(image: Members, container: Members) -> tuple[ImageRef, ...]:
    """Return the image's names by each digest it may have there; the container's own name and the pulled digest first.

    A name that has passed to a newer image is still one under which this one was pulled.
    """
    data = fields.texts(image, "big-data-names")
    manifests = (name.removeprefix(_MANIFEST) for name in data if name.startswith(_MANIFEST))
    digests = [digest for digest in dict.fromkeys((fields.text(image, "digest"), *manifests)) if digest]
    told = strict_json.parse(
        fields.text(container, "metadata").encode() or b"{}", what="metadata", limit_bytes=limits.BUNDLE_BYTES
    )
    written = fields.text(as_object(told, "metadata"), "image-name")
    names = dict.fromkeys((*fields.texts(image, "names"), *fields.texts(image, "names-history")))
    ordered = sorted(names, key=lambda name: name != written)
    return tuple(_registry_image(name).with_digest(Digest.parse(digest)) for name in ordered for digest in digests)


def _registry_image(text: str) -> ImageRef:
    return ImageRef.parse(f"docker://{text}")


def _config(folder: Path, image_id: str) -> Members:
    """Return what the image says of its process, to tell its words from those that were asked for."""
    name = base64.b64encode(f"sha256:{image_id}".encode()).decode()
    content = _read(folder / f"={name}", limits.CONFIG_BYTES)
    told = strict_json.parse(content, what="image configuration", limit_bytes=limits.CONFIG_BYTES, fold_names=False)
    return fields.mapping(as_object(told, "image configuration"), "config")


def _layers(file: Path, own: str) -> tuple[Digest, ...]:
    """Return the content digests of a layer's ancestors, the lowest first."""
    known = {fields.text(layer, "id"): layer for layer in _records(file)}
    found: list[Digest] = []
    at = fields.text(known.get(own, {}), "parent")
    while at:
        layer = known.get(at)
        digest = fields.text(layer, "diff-digest") if layer else ""
        if layer is None or not digest or len(found) >= limits.IMAGE_LAYERS:
            raise HookMismatchError(f"{file} does not say what the layer {at[:80]} is made of")
        found.append(Digest.parse(digest))
        at = fields.text(layer, "parent")
    return tuple(reversed(found))


def _record(file: Path, wanted: str, what: str) -> Members:
    found = [record for record in _records(file) if fields.text(record, "id") == wanted]
    if len(found) > 1:
        raise HookMismatchError(f"{file} has the {what} {wanted[:80]} twice")
    if found:
        return found[0]
    raise HookRefusedError(
        f"{file} has no {what} {wanted[:80]}, so nothing is known about it",
        next_step="pull the image and make the container anew",
    )


def _records(file: Path) -> Iterator[Members]:
    """Yield what is in a list, and in the one beside it for what need not outlive a crash (`--rm`)."""
    volatile = file.with_name(f"volatile-{file.name}")
    for each in [one for one in (file, volatile) if one.exists()] or [file]:
        content = _read(each, limits.STORE_BYTES)
        try:
            listed = strict_json.parse(content, what=each.name, limit_bytes=limits.STORE_BYTES, fold_names=False)
            # an empty list is null in Go
            yield from (as_object(record, each.name) for record in as_list(listed or [], each.name))
        except MalformedError as error:
            raise HookEngineError(f"{each} cannot be read: {error.message}") from error


def _read(file: Path, most: int) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(most + 1)
    except OSError as error:
        raise HookEngineError(f"{file}: {(error.strerror or str(error)).lower()}") from error
