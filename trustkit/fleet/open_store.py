"""From a URL to the store it names: the only file that knows all of them."""

from pathlib import Path

from trustkit.errors import ConfigError
from trustkit.fleet.store import Store


def open_store(url: str, seconds: float, ca_file: Path | None) -> Store:
    """Return the store; nothing is asked of it yet. Raises ConfigError, PluginError."""
    scheme = url.partition("://")[0]
    if scheme in ("redis", "rediss"):
        from trustkit.fleet.redis_store import RedisStore

        return RedisStore(url, seconds, ca_file)
    if scheme in ("postgresql", "postgres"):
        from trustkit.fleet.postgres_store import PostgresStore

        return PostgresStore(url, seconds, str(ca_file or ""))
    raise ConfigError(
        f"cache.url: nothing is known of {scheme[:20]!r}", next_step="write redis://, rediss:// or postgresql://"
    )
