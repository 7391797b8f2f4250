"""From configuration to what the nodes of a fleet share: the store, revocations, and fetched evidence."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING  # noqa: TID251  (loaded only where a store is configured)

from trustkit import limits
from trustkit.config import Config
from trustkit.fips.provider import CryptoProvider
from trustkit.fleet.revocations import KnownRevocations, Sharing
from trustkit.model.reference import ImageRef

if TYPE_CHECKING:
    from trustkit.admission.shared_evidence import SharedEvidence

_CREDENTIALS_HOLD = timedelta(minutes=5)


def known_revocations(config: Config, crypto: CryptoProvider) -> KnownRevocations:
    """Return what this node knows to be revoked, shared if a store is configured. Raises ConfigError, PluginError."""
    return KnownRevocations(config.home, sharing(config, crypto), limits.REVOCATIONS_FRESH_SECONDS)


def sharing(config: Config, crypto: CryptoProvider) -> Sharing | None:
    """Return the store and its key, None without `cache.url`. Raises ConfigError, PluginError."""
    url = config.text("cache.url")
    if not url:
        return None
    from trustkit.fleet.open_store import open_store
    from trustkit.fleet.sealed import Seal, read_key

    store = open_store(url, config.number("cache.timeout"), config.path("cache.ca_file"))
    return Sharing(store, Seal(read_key(config.path("cache.key_file")), crypto), config.number("cache.grace"))


def shared_evidence(config: Config, crypto: CryptoProvider, now: Callable[[], datetime]) -> "SharedEvidence | None":
    """Return the evidence that nodes share, None without `cache.url`. Raises ConfigError, PluginError."""
    found = sharing(config, crypto)
    if found is None:
        return None
    from trustkit.admission.shared_evidence import SharedEvidence
    from trustkit.fleet.shared import SharedEntries

    return SharedEvidence(SharedEntries(found.store, found.seal), _Credentials(config, now).of)


class _Credentials:
    """Tells sets of credentials apart: nodes that may read different things do not share."""

    def __init__(self, config: Config, now: Callable[[], datetime]) -> None:
        from trustkit.admission.cache import Cache
        from trustkit.sources import registry_options

        self._now = now
        self._files = registry_options(config).credential_files
        self._known: Cache[str] = Cache(limits.CACHED_IMAGES)

    def of(self, ref: ImageRef) -> str:
        """Return a text that is the same only for the same credentials; it is hashed under the fleet's key.

        Raises ConfigError.
        """
        from trustkit.net.credentials import find

        now = self._now()
        known = self._known.get(ref.name, now)
        if known is None:
            found = find(self._files, ref.registry, ref.repository)
            known = "\0".join(map(str, tuple(found))) if found else "anonymous"
            self._known.put(ref.name, known, (now, now + _CREDENTIALS_HOLD))
        return known
