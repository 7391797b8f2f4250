"""What a root file system is bound to, and the comparison with what was judged."""

from pathlib import Path
from typing import Protocol

from trustkit.hooks.errors import HookMismatchError
from trustkit.model.digest import Digest
from trustkit.model.reference import ImageRef
from trustkit.model.values import NamedTuple

_ANEW = "remove the image, pull it again, and make the container anew"


class Ruled(Protocol):
    """The gate's answer about an image by digest: its configuration's digest, its layers, and their chain id."""

    @property
    def allowed(self) -> bool:
        """Whether it may be used."""

    @property
    def reason(self) -> str:
        """Why, with the rule."""

    @property
    def config(self) -> str:
        """The digest of its configuration."""

    @property
    def layers(self) -> tuple[str, ...]:
        """The digests of its unpacked layers, the lowest first."""

    @property
    def chain(self) -> str:
        """The chain id of its layers."""


class Bound(NamedTuple):
    """An image as an engine keeps it: the names it may be judged by, and its layers, listed or by their chain id.

    `config` is its configuration's digest where the engine tells it; `entrypoint` and `command` are the image's own;
    `volumes` and `folders` are where the engine keeps named volumes, and files of the container.
    """

    names: tuple[ImageRef, ...]
    config: Digest | None = None
    layers: tuple[Digest, ...] | None = None
    chain: Digest | None = None
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    volumes: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()

    def require_same(self, name: ImageRef, ruled: Ruled) -> None:
        """Return if what was judged under a name is what would run. Raises HookMismatchError."""
        if self.config is not None and ruled.config != str(self.config):
            raise HookMismatchError(f"the image {self.config} is not what {name} is", next_step=_ANEW)
        listed = self.layers is not None and ruled.layers == tuple(map(str, self.layers))
        chained = self.chain is not None and ruled.chain == str(self.chain)
        if not listed and not chained:
            raise HookMismatchError(f"the container's layers are not those of {name}", next_step=_ANEW)
