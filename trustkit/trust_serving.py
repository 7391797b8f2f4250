"""The trust server's part of the composition root: from a command's words to storage, access and publisher."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple  # noqa: TID251  (the server's halves load on demand)

from trustkit.app import now, open_crypto
from trustkit.config import Config
from trustkit.errors import ConfigError
from trustkit.fips.provider import CryptoProvider

if TYPE_CHECKING:  # loaded by this one command only
    from trustkit.trust_server.access import Access
    from trustkit.trust_server.storage import Storage


class TrustServing(NamedTuple):
    """How a trust server is to run; an empty `database` is a SQLite file in the state directory."""

    listen: str
    database: str
    tls: tuple[Path, Path] | None
    users: Path | None
    tokens: Path | None
    passphrase: bytes


async def serve_trust(config: Config, serving: TrustServing, ready: Callable[[str], None]) -> None:
    """Run the trust server until SIGTERM or SIGINT. Raises ConfigError, KeyUnavailableError, StorageError."""
    from trustkit.trust_server.listen import Address, Tls
    from trustkit.trust_server.publish import Publisher
    from trustkit.trust_server.routes import Service
    from trustkit.trust_server.server_keys import ServerKeys
    from trustkit.trust_server.serving import Settings, serve

    crypto = open_crypto(config)
    address = Address.parse(serving.listen)
    access = _trust_access(serving, crypto, loopback=address.is_loopback)
    storage = _open_trust_storage(serving.database, config)
    try:
        keys = ServerKeys(storage, crypto, serving.passphrase, now)
        keys.require_passphrase()
        service = Service(storage, keys, Publisher(storage, keys, crypto), access, now)
        await serve(service, Settings(address, Tls(*serving.tls) if serving.tls else None), ready)
    finally:
        storage.close()


def _trust_access(serving: TrustServing, crypto: CryptoProvider, *, loopback: bool) -> "Access":
    if serving.users:
        from trustkit.trust_server.passwords import PasswordAccess, read_users

        return PasswordAccess(read_users(serving.users), crypto)
    if serving.tokens:
        from trustkit.trust_server.token_file import read_token_service
        from trustkit.trust_server.tokens import TokenAccess

        return TokenAccess(read_token_service(serving.tokens), crypto)
    if loopback:
        from trustkit.trust_server.access import OpenAccess

        return OpenAccess()
    message = f"{serving.listen} can be reached from elsewhere, and everybody may do everything"
    raise ConfigError(message, next_step="give --users or --tokens, or listen on 127.0.0.1")


def _open_trust_storage(database: str, config: Config) -> "Storage":
    if database.startswith(("postgresql://", "postgres://")):
        from trustkit.trust_server.postgres_storage import open_postgres

        return open_postgres(database)
    from trustkit.trust_server.sqlite_storage import open_sqlite

    return open_sqlite(Path(database) if database else config.home / "trust-server" / "trust.db")
