"""GPG simple signatures beside a registry (containers/image, docs/signature-protocols.md).

A lookaside is a folder or a web server; the signatures of one manifest are numbered from 1, and the first
number that is missing ends them:

    <base>/<repository without host>@sha256=<hex>/signature-1
"""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from trustkit import limits
from trustkit.durable import make_folder, write_file
from trustkit.errors import ConfigError, LimitExceededError, SourceError, UsageError
from trustkit.model.digest import Digest
from trustkit.model.reference import ImageRef
from trustkit.model.values import NamedTuple
from trustkit.net import url as urls
from trustkit.net.http import HttpClient, Request

_MISSING = 404
_OK = 200


class Location(NamedTuple):
    """Where signatures are read from and written to; either may be empty."""

    read: str = ""
    write: str = ""


class Lookasides(NamedTuple):
    """The lookasides of registries, namespaces and repositories, as registries.d has them."""

    scopes: Mapping[str, Location] = {}
    default: Location = Location()

    def base(self, ref: ImageRef, *, write: bool = False) -> str:
        """Return the base URL for an image: of the most specific scope that has one, else the default."""
        for scope in _scopes(ref):
            found = self.scopes.get(scope)
            if found is not None and _chosen(found, write=write):
                return _chosen(found, write=write)
        return _chosen(self.default, write=write)


def _chosen(location: Location, *, write: bool) -> str:
    return (location.write if write else "") or location.read


def _scopes(ref: ImageRef) -> Iterator[str]:
    """Yield the names that may stand for an image, the most specific first (containers-registries.d(5))."""
    if ref.tag:
        yield f"{ref.name}:{ref.tag}"
    if ref.digest:
        yield f"{ref.name}@{ref.digest}"
    name = ref.name
    while name:
        yield name
        name = name.rpartition("/")[0]
    host = ref.registry.partition(":")[0]
    while "." in host:
        host = host.partition(".")[2]
        yield f"*.{host}"


class Lookaside:
    """The signatures of one repository under one base URL."""

    def __init__(self, base: str, repository: str, client: HttpClient) -> None:
        """Take a `file:`, `http:` or `https:` URL. Raises ConfigError."""
        scheme, found, rest = base.partition("://")
        self._remote = scheme in ("http", "https")
        if not found or not (self._remote or (scheme == "file" and rest.startswith("/"))):
            raise ConfigError(f"lookaside {base[:120]!r} is not a file:///, http:// or https:// URL")
        self._base = base.rstrip("/") if self._remote else rest.rstrip("/")
        self._repository = repository
        self._client = client

    def read(self, digest: Digest) -> tuple[tuple[bytes, ...], bool]:
        """Return the signatures in order, and whether that is all. Raises SourceError, LimitExceededError."""
        found: list[bytes] = []
        for number in range(1, limits.EVIDENCE_ITEMS + 2):
            content = self._read(f"{self._folder(digest)}/signature-{number}")
            if content is None:
                return tuple(found), True
            if number > limits.EVIDENCE_ITEMS:
                break
            found.append(content)
        return tuple(found), False

    def write(self, digest: Digest, content: bytes) -> str:
        """Store one signature more, unless it is there, and return where. Raises UsageError, StorageError."""
        if self._remote:
            raise UsageError(
                f"signatures cannot be written to {self._base}",
                next_step="name a file:/// folder as lookaside-staging in registries.d, and publish it there",
            )
        there, complete = self.read(digest)
        folder = Path(self._folder(digest))
        if content in there:
            return str(folder / f"signature-{there.index(content) + 1}")
        if not complete:
            raise LimitExceededError(f"{folder} already holds {len(there)} signatures", next_step="remove old ones")
        file = folder / f"signature-{len(there) + 1}"
        make_folder(folder, mode=0o755)
        write_file(file, content, mode=0o644)
        return str(file)

    def _folder(self, digest: Digest) -> str:
        return f"{self._base}/{self._repository}@{digest.algorithm}={digest.hex}"

    def _read(self, where: str) -> bytes | None:
        return self._fetched(where) if self._remote else _file(Path(where))

    def _fetched(self, where: str) -> bytes | None:
        response = self._client.send(Request("GET", urls.parse(where)))
        if response.status == _OK:
            return response.read(limits.SIGNATURE_BYTES, where)
        response.close()
        if response.status == _MISSING:
            return None
        raise SourceError(f"{where}: answers with HTTP {response.status}", next_step="ask who runs the lookaside")


def _file(path: Path) -> bytes | None:
    """Return a plain file whole, or None if there is none. Raises SourceError, LimitExceededError."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SourceError(f"{path}: {(error.strerror or '').lower()}") from error
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise SourceError(f"{path} is no plain file", next_step="check the lookaside")
    with os.fdopen(opened, "rb") as file:
        content = file.read(limits.SIGNATURE_BYTES + 1)
    if len(content) > limits.SIGNATURE_BYTES:
        raise LimitExceededError(f"{path} is over {limits.SIGNATURE_BYTES} bytes")
    return content
