"""The places a scan looks at, from the words of its command line: each yields what it found, or fails alone."""

import argparse
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from trustkit.config import Config
from trustkit.errors import ProtocolError, ReferenceSyntaxError, UsageError
from trustkit.model.digest import Digest
from trustkit.model.found import Found
from trustkit.model.reference import ImageRef

if TYPE_CHECKING:  # loaded when asked for
    from trustkit.hooks.kubernetes.running import Cluster

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_IN_CLUSTER = "https://kubernetes.default.svc"


class Place(NamedTuple):
    """Somewhere images are, and what finds them. `find` raises TrustkitError."""

    name: str
    find: Callable[[], Iterable[Found]]


def places_of(arguments: argparse.Namespace, config: Config) -> list[Place]:
    """Return the places asked for; without any, the own engine. Raises UsageError, before anything is asked."""
    found: list[Place] = []
    if arguments.docker is not None:
        found.append(Place("docker", lambda: _docker(Path(arguments.docker))))
    if arguments.containerd is not None:
        found.append(Place("containerd", lambda: _containerd(arguments)))
    if arguments.kubernetes is not None:
        found.append(Place("kubernetes", _kubernetes(arguments).images))
    found += [Place(f"registry {host}", partial(_registry, config, _host(host))) for host in arguments.registry]
    if arguments.repositories:
        refs = [_named(text) for text in arguments.repositories]
        found.append(Place("repositories", partial(_repositories, config, refs)))
    if arguments.engine or not found:
        found.insert(0, Place("trustkit", _own_engine))
    return found


def _own_engine() -> Iterator[Found]:
    """Yield the containers of the own engine, each by the digest it was made of."""
    from trustkit.cli.client.daemon import daemon, members, rows
    from trustkit.engine.errors import NoSuchContainerError

    peer = daemon()
    for row in rows(peer.call("GET", "/containers/json", all="1")):
        try:
            told = members(peer.call("GET", f"/containers/{row['Id']}/json"))
        except NoSuchContainerError:  # it ended while we looked
            continue
        own, state = members(told.get("Trustkit")), members(told.get("State"))
        ref = ImageRef.parse(str(own["Reference"])).with_digest(Digest.parse(str(own["ImageDigest"])))
        name = str(told.get("Name", "")).removeprefix("/")
        yield Found("trustkit", name, str(own["Reference"]), "trustkit", state.get("Running") is True, ref)


def _docker(socket: Path) -> Iterable[Found]:
    from trustkit.hooks.docker.running import docker_images
    from trustkit.hooks.docker.stored import Dockerd

    return docker_images(Dockerd(socket))


def _containerd(arguments: argparse.Namespace) -> Iterable[Found]:
    from trustkit.engine.containerd.running import containerd_images

    return containerd_images(Path(arguments.containerd), tuple(arguments.namespace))


def _kubernetes(arguments: argparse.Namespace) -> "Cluster":
    from trustkit.hooks.kubernetes.running import Cluster

    inside = arguments.kubernetes in ("", _IN_CLUSTER)
    token = arguments.kubernetes_token or (str(_ACCOUNT / "token") if inside else "")
    ca_file = arguments.kubernetes_ca or (str(_ACCOUNT / "ca.crt") if inside else "")
    url = arguments.kubernetes or _IN_CLUSTER
    try:
        return Cluster(url, Path(token) if token else None, Path(ca_file) if ca_file else None)
    except ProtocolError as error:
        raise UsageError(f"--kubernetes: {error.message}", next_step="write https://HOST:PORT") from error


def _host(text: str) -> str:
    """Return the registry that is named. Raises UsageError."""
    try:
        if ImageRef.parse(f"docker://{text}/all").registry == text:
            return text
    except ReferenceSyntaxError:
        pass  # the same as a text that is read as something else
    raise UsageError(f"--registry: {text[:120]!r} is no registry", next_step="write HOST or HOST:PORT")


def _named(text: str) -> ImageRef:
    """Return the repository or image that is named. Raises UsageError."""
    if "/" not in text:
        raise UsageError(f"{text[:120]!r} names no registry and repository", next_step="write HOST/REPOSITORY")
    return ImageRef.parse(f"docker://{text}")


def _registry(config: Config, registry: str) -> Iterator[Found]:
    from trustkit.oci.catalog import Catalog
    from trustkit.sources import registry_session

    catalog = Catalog(registry, registry_session(config))
    for repository in catalog.repositories():
        for ref in catalog.images(repository):
            yield _lying(ref)


def _repositories(config: Config, refs: Iterable[ImageRef]) -> Iterator[Found]:
    """Yield every tag of a repository; a name with a tag or digest is that image alone."""
    from trustkit.oci.catalog import Catalog
    from trustkit.sources import registry_session

    session = registry_session(config)
    for ref in refs:
        if ref.digest is not None or ":" in ref.given.rpartition("/")[2]:
            yield _lying(ref)
        else:
            yield from map(_lying, Catalog(ref.registry, session).images(ref.repository))


def _lying(ref: ImageRef) -> Found:
    named = ref._replace(given=str(ref))
    return Found(f"registry {ref.registry}", str(ref), str(ref), "trustkit", running=False, ref=named)
