"""Which image a bundle of containerd is, by what containerd itself says of its container.

A bundle lies in `STATE/io.containerd.runtime.v2.task/NAMESPACE/ID`. containerd names the container's image and its
digest, the snapshot under the container's own, whose name is the chain id of the image's layers, and the mounts of the
root file system, which have to be what is mounted in the bundle. It is asked at the address of the shim that called.
"""

from pathlib import Path

from trustkit.errors import ReferenceSyntaxError
from trustkit.hooks.errors import HookEngineError, HookMismatchError, HookRefusedError
from trustkit.hooks.oci.bound import Bound
from trustkit.hooks.oci.bundle import Bundle
from trustkit.hooks.oci.callers import argument_of, nearest
from trustkit.hooks.oci.mount_table import Mounted, mount_table
from trustkit.model.digest import Digest
from trustkit.model.reference import ImageRef

_SHIM = "containerd-shim"
_TASKS, _ROOT = "io.containerd.runtime.v2.task", "rootfs"


def contained_image(bundle: Bundle, container: str, caller: int) -> Bound | None:
    """Return what the bundle's root file system is, or None if it is no bundle of containerd.

    Raises HookRefusedError, HookMismatchError, HookEngineError, ContainerdError.
    """
    folder = bundle.folder.resolve()
    if folder.parent.parent.name != _TASKS:
        return None
    if folder.name != container:
        raise HookMismatchError(f"the bundle is of the container {folder.name[:80]}, and {container[:80]} is to run")
    if bundle.root.resolve() != folder / _ROOT:
        raise HookMismatchError(f"the root file system {bundle.root} is not the one that containerd mounts")
    # a shim's name is longer than the kernel knows, and so ends alike for every version
    address = argument_of(nearest(caller, _SHIM), "-address")
    if not address:
        raise HookEngineError("no shim of containerd called, so containerd cannot be asked what it runs")
    from trustkit.engine.containerd.lookup import look_up

    made = look_up(Path(address.removeprefix("unix://")), folder.parent.name, container)
    if not made.chain:
        raise HookRefusedError("containerd says no image's layers under the container, so nobody vouches for it")
    _require_mounted(folder / _ROOT, made.mounts)
    digest = Digest.parse(made.digest)
    return Bound(names=tuple(ref.with_digest(digest) for ref in _refs(made.names)), chain=Digest.parse(made.chain))


def _refs(names: tuple[str, ...]) -> list[ImageRef]:
    """Return names of registries; containerd's clients keep images by ids too."""
    found = []
    for name in names:
        try:
            found.append(ImageRef.parse(f"docker://{name}"))
        except ReferenceSyntaxError:
            continue
    return found


def _require_mounted(root: Path, wanted: tuple[tuple[str, str, tuple[str, ...]], ...]) -> None:
    """Return if what is mounted in the bundle is what containerd says. Raises HookMismatchError."""
    mounted = mount_table().get(str(root))
    if len(wanted) != 1 or mounted is None or not _is_same(root, mounted, *wanted[0]):
        raise HookMismatchError(f"what is mounted at {root} is not the container's snapshot")


def _is_same(root: Path, mounted: Mounted, kind: str, source: str, options: tuple[str, ...]) -> bool:
    if kind == "bind":
        return root.samefile(source)
    if kind != "overlay" or mounted.kind != "overlay":
        return False
    for name in ("lowerdir", "upperdir"):
        told = next((option.partition("=")[2] for option in options if option.startswith(f"{name}=")), "")
        if not _are_paths(mounted.options.get(name, ""), told):
            return False
    return True


def _are_paths(mounted: str, told: str) -> bool:
    """Whether lists of folders are the same; containerd shortens long lists to what follows a common folder."""
    shown, full = mounted.split(":"), told.split(":")
    return len(shown) == len(full) and all(
        one == other or (not one.startswith("/") and other.endswith(f"/{one}"))
        for one, other in zip(shown, full, strict=True)
    )
