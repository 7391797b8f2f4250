"""Asking dockerd what it is about to use: its own containers, images and volumes, over its socket, read only.

These requests come back through the plugin, which answers reads at once.
"""

import http.client
import json
import socket
from pathlib import Path
from urllib.parse import quote

from trustkit import limits
from trustkit.codec import strict_json
from trustkit.codec.strict_json import as_list, as_object, as_text
from trustkit.errors import TrustkitError
from trustkit.hooks import fields
from trustkit.hooks.errors import HookEngineError
from trustkit.hooks.fields import Members
from trustkit.model.image import Platform
from trustkit.model.reference import ImageRef
from trustkit.model.values import NamedTuple

_SECONDS = 20.0
_OK, _ABSENT = 200, 404


class StoredImage(NamedTuple):
    """An image in dockerd's store: its id, the names it was pulled by, its platform and its configuration."""

    id: str
    names: tuple[ImageRef, ...]
    platform: Platform
    config: Members


class Dockerd:
    """The dockerd that asks, behind its socket. Threads may share it: each question has a connection of its own."""

    def __init__(self, path: Path) -> None:
        """Ask at this socket."""
        self._path = path

    def container(self, name: str) -> Members | None:
        """Return what dockerd shows of a container. Raises HookEngineError, MalformedError."""
        return self._get(f"/containers/{quote(name, safe='')}/json", "container")

    def image(self, name: str) -> StoredImage | None:
        """Return the image that dockerd would use for a name or id. Raises HookEngineError, MalformedError."""
        told = self._get(f"/images/{quote(name, safe='/:@')}/json", "image")
        if told is None:
            return None
        names = sorted(set(fields.texts(told, "RepoDigests")))
        os, architecture, variant = (fields.text(told, name) for name in ("Os", "Architecture", "Variant"))
        return StoredImage(
            id=as_text(told.get("Id"), "the image's Id"),
            names=tuple(registry_image(name) for name in names if not name.startswith("<none>")),
            platform=Platform(os, architecture, variant),
            config=fields.mapping(told, "Config"),
        )

    def volume(self, name: str) -> Members | None:
        """Return what dockerd shows of a volume. Raises HookEngineError, MalformedError."""
        return self._get(f"/volumes/{quote(name, safe='')}", "volume")

    def default_runtime(self) -> str:
        """Return the runtime that containers get that name none. Raises HookEngineError, MalformedError."""
        return fields.text(self._get("/info", "dockerd") or {}, "DefaultRuntime")

    def containers(self) -> tuple[str, ...]:
        """Return the ids of all containers. Raises HookEngineError, MalformedError."""
        return tuple(_id(one) for one in self._listed(""))

    def named(self, name: str) -> tuple[str, ...]:
        """Return the ids of containers of exactly this name. Raises HookEngineError, MalformedError."""
        filters = quote(json.dumps({"name": [name]}), safe="")
        # dockerd answers with what only contains it, too
        return tuple(
            _id(one) for one in self._listed(f"&filters={filters}") if f"/{name}" in fields.texts(one, "Names")
        )

    def _listed(self, query: str) -> list[Members]:
        listed = self._ask(f"/containers/json?all=1{query}", "list of containers") or []
        return [as_object(one, "container") for one in as_list(listed, "list of containers")]

    def _get(self, path: str, what: str) -> Members | None:
        told = self._ask(path, what)
        return None if told is None else as_object(told, what)

    def _ask(self, path: str, what: str) -> object:
        """Return the JSON of an answer, None if there is no such thing. Raises HookEngineError."""
        connection = _Connection(self._path)
        try:
            connection.request("GET", path, headers={"Host": "docker"})
            answer = connection.getresponse()
            content = answer.read(limits.ENGINE_ANSWER_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            message = f"dockerd at {self._path} does not say what the {what} is: {error}"
            raise HookEngineError(message, next_step="give dockerd's socket with --docker-socket") from error
        finally:
            connection.close()
        if answer.status == _ABSENT:
            return None
        if answer.status != _OK:
            raise HookEngineError(f"dockerd does not say what the {what} is: HTTP status {answer.status}")
        try:
            return strict_json.parse(content, what=what, limit_bytes=limits.ENGINE_ANSWER_BYTES, fold_names=False)
        except TrustkitError as error:
            raise HookEngineError(f"dockerd's answer cannot be read: {error.message}") from error


def _id(container: Members) -> str:
    return as_text(container.get("Id"), "the container's Id")


class _Connection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("docker", timeout=_SECONDS)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_SECONDS)
        self.sock.connect(self._path)


def registry_image(text: str) -> ImageRef:
    """Return the reference of an image as dockerd reads it: always of a registry. Raises ReferenceSyntaxError."""
    return ImageRef.parse(f"docker://{text}")._replace(given=text)
