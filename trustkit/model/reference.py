"""Image references and their grammar (distribution reference grammar; containers transports).

    [docker://][registry/]repository[:tag][@digest]     a registry image
    oci:DIR[:TAG|@DIGEST]                               an OCI layout
    oci-archive:FILE[:TAG]                              an OCI layout in a tar
    docker-archive:FILE[:REPO:TAG]                      what `docker save` wrote

A plain name is a registry image with Docker's defaults: `busybox` is
`docker.io/library/busybox:latest`.
"""

import posixpath
import re

from trustkit import limits
from trustkit.errors import MalformedError, ReferenceSyntaxError
from trustkit.model.digest import Digest
from trustkit.model.values import NamedTuple

REGISTRY = "docker"
OCI_LAYOUT = "oci"
OCI_ARCHIVE = "oci-archive"
DOCKER_ARCHIVE = "docker-archive"
DEFAULT_REGISTRY = "docker.io"

_HOST = re.compile(
    r"(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?\Z"
)
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*\Z")
_PORT = re.compile(r"[0-9]{1,5}\Z")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
_REPOSITORY_CHARS = 255
_HTTPS_PORT = 443


class ImageRef(NamedTuple):
    """A parsed reference; `given` is what the user wrote, for messages only.

    For registries `registry` and `repository` are set, for layouts and archives `path`.
    """

    transport: str
    registry: str
    repository: str
    tag: str
    digest: Digest | None
    given: str
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> "ImageRef":
        """Read a reference. Raises ReferenceSyntaxError."""
        if not text or len(text) > limits.REFERENCE_CHARS or not text.isprintable():
            raise _refuse(text, "it is empty, too long or has unprintable characters")
        for transport in (OCI_LAYOUT, OCI_ARCHIVE, DOCKER_ARCHIVE):
            if text.startswith(transport + ":") and not _is_port_or_tag(text, transport):
                return _parse_path(text, transport)
        return _parse_registry(text, text.removeprefix("docker://"))

    @property
    def name(self) -> str:
        """The normalised name that policies match: no tag, no digest."""
        if self.transport == REGISTRY:
            return f"{self.registry}/{self.repository}"
        return f"{self.transport}:{self.path}"

    @property
    def at(self) -> str:
        """What is asked of the source: the digest if there is one, else the tag."""
        return str(self.digest) if self.digest else self.tag

    def with_digest(self, digest: Digest) -> "ImageRef":
        """Return the same name, pinned; the tag is dropped because it proves nothing."""
        return self._replace(digest=digest, tag="")

    def __str__(self) -> str:
        """Return the normalised reference."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"


def _refuse(text: str, reason: str) -> ReferenceSyntaxError:
    return ReferenceSyntaxError(
        f"{text[:120]!r} is not an image reference: {reason}",
        next_step="write [registry/]repository[:tag][@sha256:...], or oci:DIR, oci-archive:FILE, docker-archive:FILE",
    )


def _is_port_or_tag(text: str, transport: str) -> bool:
    # `oci:1.36` is read as a layout, as skopeo does; only a bare `oci:` is no layout
    return len(text) == len(transport) + 1


def _digest_of(text: str, given: str) -> Digest:
    try:
        return Digest.parse(text)
    except MalformedError as error:
        raise _refuse(given, error.message) from error


def _parse_path(text: str, transport: str) -> ImageRef:
    rest = text[len(transport) + 1 :]
    digest: Digest | None = None
    path, at, tail = rest.rpartition("@")
    if at and tail.startswith("sha") and transport != DOCKER_ARCHIVE:
        digest, rest = _digest_of(tail, text), path
    path, colon, tag = rest.partition(":")
    if not path:
        raise _refuse(text, "the path is empty")
    if colon and not tag:
        raise _refuse(text, "the tag is empty")
    # `/images/../tmp/x` must not match a policy's `oci:/images/**`; what is matched is also what is opened
    plain = posixpath.normpath(path)
    return ImageRef(transport, "", "", tag, digest, text, plain[1:] if plain.startswith("//") else plain)


def _parse_registry(given: str, text: str) -> ImageRef:
    name, at, digest_text = text.partition("@")
    digest = _digest_of(digest_text, given) if at else None
    head, slash, tail = name.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost" or head.startswith("[")):
        registry, rest = head, tail
    else:
        registry, rest = DEFAULT_REGISTRY, name
    repository, colon, tag = rest.partition(":")
    if colon and not _TAG.match(tag):
        raise _refuse(given, f"{tag[:40]!r} is not a tag")
    registry, repository = _canonical(_without_default_port(registry.lower()), repository)
    if not _HOST.match(registry):
        raise _refuse(given, f"{registry!r} is not a registry host")
    if len(repository) > _REPOSITORY_CHARS or not all(_COMPONENT.match(part) for part in repository.split("/")):
        raise _refuse(given, f"{repository[:80]!r} is not a repository name (lower case, a-z 0-9 . _ -)")
    if not tag and digest is None:
        tag = "latest"
    return ImageRef(REGISTRY, registry, repository, tag, digest, given)


def _without_default_port(registry: str) -> str:
    """Take `:443` away: one registry must not have two names, of which a policy knows one.

    On loopback the port stays, because without one plain HTTP on port 80 is tried first.
    """
    host, colon, port = registry.rpartition(":")
    if not colon or not _PORT.match(port) or host.startswith(("localhost", "127.", "[::1]")):
        return registry
    return host if int(port) == _HTTPS_PORT else f"{host}:{int(port)}"


def _canonical(registry: str, repository: str) -> tuple[str, str]:
    if registry in ("index.docker.io", "registry-1.docker.io"):
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = f"library/{repository}"
    return registry, repository
