"""From configuration to the places that references name: how registries are reached, and what they offer besides."""

from collections.abc import Callable
from pathlib import Path

from trustkit import limits
from trustkit.config import Config
from trustkit.model.reference import ImageRef
from trustkit.net.connection import Timeouts
from trustkit.oci.open_source import open_repository, open_source
from trustkit.oci.registry import RegistrySource
from trustkit.oci.session import RegistryOptions, RegistrySession
from trustkit.oci.source import ImageSource, Repository
from trustkit.policy.document import AS_CONFIGURED
from trustkit.policy.means import NODE, STATIC, Registry


def registry_options(config: Config, asked: Registry = AS_CONFIGURED.registry) -> RegistryOptions:
    """Return how registries are reached: as configured, and no further than a policy lets them."""
    places = ((NODE, "registry.docker_config"), (STATIC, "registry.auth_file"))
    files = [config.path(name) for place, name in places if place in asked.auth]
    mirrors = {name: tuple(hosts.split()) for name, hosts in config.mapping("registry.mirrors").items()}
    mirrors |= {host: tuple(dict.fromkeys((*mirrors.get(host, ()), *listed))) for host, listed in asked.mirrors}
    seconds = config.number("registry.timeout")
    seconds = min(seconds, asked.seconds) if asked.seconds else seconds
    return RegistryOptions(
        timeouts=Timeouts(min(seconds, limits.CONNECT_SECONDS), seconds),
        insecure=config.items("registry.insecure"),
        ca_file=config.path("registry.ca_file"),
        mirrors=mirrors,
        credential_files=tuple(file for file in files if file),
        private_networks=asked.private_networks and config.flag("registry.allow_private_networks"),
        same_site=asked.same_site,
        private_hosts=config.items("registry.private_hosts"),
        auth_hosts=config.items("registry.auth_hosts"),
    )


def registry_session(config: Config) -> RegistrySession:
    """Return a session of its own, for what speaks to hosts beside registries."""
    return RegistrySession(registry_options(config))


class Sources:
    """Opens the places references name; all registries share one session and its connections."""

    def __init__(
        self,
        config: Config,
        *,
        simple_signatures: bool = False,
        credentials: tuple[bytes, ...] = (),
        asked: Registry = AS_CONFIGURED.registry,
    ) -> None:
        """Keep the options; nothing is opened yet. With `simple_signatures` registries offer those too.

        `credentials` (docker's config.json) come before our own. Raises ConfigError.
        """
        self._config, self._simple_signatures, self._asked = config, simple_signatures, asked
        self._options = registry_options(config, asked)._replace(credential_texts=credentials)
        self._session = RegistrySession(self._options)
        self._registry = _with_lookasides(config) if simple_signatures else RegistrySource

    def with_credentials(self, texts: tuple[bytes, ...]) -> "Sources":
        """Return the same places, asked with these credentials first, by connections of their own."""
        gpg = self._simple_signatures
        return Sources(self._config, simple_signatures=gpg, credentials=texts, asked=self._asked)

    def __call__(self, ref: ImageRef) -> ImageSource:
        """Return the place to read from. Raises SourceError, UsageError."""
        return open_source(ref, self._options, self._session, self._registry)

    def repository(self, ref: ImageRef) -> Repository:
        """Return the place to write to. Raises UsageError."""
        return open_repository(ref, self._options, self._session, self._registry)

    def registry(self, ref: ImageRef) -> RegistrySource:
        """Return a repository of a registry, to copy to."""
        return self._registry(ref, self._session)


def _with_lookasides(config: Config) -> Callable[[ImageRef, RegistrySession], RegistrySource]:
    """Return what opens a registry's repository together with its GPG signatures. Raises ConfigError."""
    from functools import partial

    from trustkit.admission.lookasides import lookasides_folder, read_lookasides
    from trustkit.oci.simple_signatures import SignedRegistrySource

    given = config.path("registry.registries_d")
    return partial(SignedRegistrySource, lookasides=read_lookasides(lookasides_folder(given, Path.home())))
