"""What a root file system is bound to, and the comparison with what was judged."""

from pathlib import Path

from trustkit.hooks.errors import HookMismatchError
from trustkit.model.digest import Digest
from trustkit.model.reference import ImageRef
from trustkit.model.values import NamedTuple


class Bound(NamedTuple):
    """An image as an engine keeps it: the names it may be judged by, its configuration's digest, and its layers.

    `entrypoint` and `command` are the image's own; `volumes` are folders in which the engine keeps named volumes.
    """

    names: tuple[ImageRef, ...]
    config: Digest
    layers: tuple[Digest, ...]
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    volumes: tuple[Path, ...] = ()

    def require_same(self, name: ImageRef, config: str, layers: tuple[str, ...]) -> None:
        """Return if what was judged under a name is what would run. Raises HookMismatchError."""
        if config != str(self.config):
            raise HookMismatchError(
                f"the image {self.config} is not what {name} is",
                next_step="pull the image and make the container anew",
            )
        if layers != tuple(map(str, self.layers)):
            raise HookMismatchError(
                f"the container's layers are not those of {name}",
                next_step="remove the image, pull it again, and make the container anew",
            )
