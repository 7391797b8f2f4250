"""The webhook's life: listen with TLS, watch policy and certificate, let reviews in flight finish."""

import asyncio
import gc
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from trustkit import limits
from trustkit.admission.batched_log import BatchedLog
from trustkit.admission.cached_gate import CachedGate, Fetched
from trustkit.admission.gate import AuditLog, Gate
from trustkit.admission.shared_evidence import SharedEvidence
from trustkit.admission.single_flight import SingleFlight
from trustkit.errors import ConfigError, TrustkitError
from trustkit.hooks.kubernetes.api_server import ApiServer
from trustkit.hooks.kubernetes.asgi import Webhook
from trustkit.hooks.kubernetes.deciding import Decider
from trustkit.hooks.kubernetes.joined import protocol
from trustkit.hooks.kubernetes.namespaces import Namespaces
from trustkit.hooks.kubernetes.pods import CustomPath
from trustkit.hooks.kubernetes.pull_secrets import PullSecrets
from trustkit.hooks.kubernetes.records import many_events
from trustkit.model.values import NamedTuple
from trustkit.net.tls import server_context
from trustkit.policy.document import Policy
from trustkit.policy.scope import needs_namespace_labels

_LOG = logging.getLogger(__name__)
_LOOK_SECONDS = 2.0
_BACKLOG = 1024
_GRACE_SECONDS = 10
# Reviews leave no cycles behind; looking for some every 700 objects costs an answer 5 %.
_COLLECT_AFTER = 10_000


class Settings(NamedTuple):
    """Where to listen, with which certificate and key, where custom kinds keep their images, who knows namespaces.

    `shared` is what other nodes of the fleet fetched. With `pull_secrets` those of pods are read.
    """

    host: str
    port: int
    certificate: Path
    key: Path
    custom: tuple[CustomPath, ...] = ()
    shared: SharedEvidence | None = None
    api: ApiServer | None = None
    pull_secrets: bool = False


class InForce:
    """The gate that decides now. What `load` raises ends it: a policy that is bad does not make it raise."""

    def __init__(self, load: Callable[[], Gate], log: BatchedLog, shared: SharedEvidence | None = None) -> None:
        """Decide by what `load` returns, with what other nodes fetched."""
        self._load, self._log, self._shared = load, log, shared
        self._flights: SingleFlight[Fetched] = SingleFlight(limits.PARALLEL_FETCHES, limits.WAITING_FETCHES)
        self._gate: CachedGate | None = None
        self.unready = "policy and trust roots are not loaded yet"
        self.note = ""

    def gate(self) -> CachedGate:
        """Return it. Raises ConfigError: there is none."""
        if self._gate is None:
            raise ConfigError(f"nothing can be decided: {self.unready}")
        return self._gate

    async def look(self) -> None:
        """Take what `load` returns now; its memory begins empty whenever policy or trust changed."""
        try:
            found = await asyncio.to_thread(self._load)
        except TrustkitError as error:
            # trust that has ended, or a log that is broken: what was in force before is so no more
            _LOG.error("%s", error.message)
            self._gate, self.unready = None, error.message
        else:
            if self._gate is None or self._gate.gate is not found:
                self._gate = CachedGate(found, self._flights, self._log, self._shared)
            if (note := found.note()) != self.note:
                _LOG.error("%s", note or "the policy on disk is in force again")
            self.unready, self.note = "", note

    def close(self) -> None:
        """Begin no fetch any more."""
        self._flights.close()


class Certificate:
    """The certificate shown to API servers; a new pair of files is taken for the next connection."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read the files. Raises ConfigError."""
        self._files = (certificate, key)
        self._stamp = self._stamps()
        self._current = self.context = server_context(certificate, key)
        self.context.sni_callback = self._shown

    def look(self) -> None:
        """Take new files; a pair that does not fit leaves the one before in force."""
        stamp = self._stamps()
        if stamp == self._stamp:
            return
        try:
            self._current = server_context(*self._files)
        except ConfigError as error:
            _LOG.error("%s", error.message)
        else:
            self._stamp = stamp
            _LOG.info("took the new certificate")

    def _shown(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._current

    def _stamps(self) -> tuple[tuple[int, int], ...]:
        with suppress(OSError):
            return tuple((found.st_ino, found.st_mtime_ns) for found in (file.stat() for file in self._files))
        return ()


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the fastest event loop installed (uvloop); None means Python's own."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    return new_event_loop


async def serve(
    load: Callable[[], Gate],
    log: AuditLog,
    now: Callable[[], datetime],
    settings: Settings,
    ready: Callable[[str], None],
) -> None:
    """Answer until SIGTERM or SIGINT; `ready` is called with the URL once the socket listens. Raises ConfigError."""
    try:
        import uvicorn
    except ImportError as error:
        raise ConfigError("the webhook needs uvicorn", next_step="pip install 'trustkit[webhook]'") from error
    certificate = Certificate(settings.certificate, settings.key)
    listener = _bind(settings.host, settings.port)
    records = BatchedLog(log, lambda rows: many_events(rows, now()))
    force = InForce(load, records, settings.shared)
    namespaces = Namespaces(settings.api, now) if settings.api else None
    pulls = PullSecrets(settings.api, now) if settings.api and settings.pull_secrets else None
    decider = Decider(force.gate, records, now, settings.custom, namespaces, pulls)
    app = Webhook(decider, lambda: (force.unready, force.note))
    config = uvicorn.Config(
        app, http=protocol(), lifespan="off", access_log=False, log_config=None, server_header=False,
        proxy_headers=False, timeout_graceful_shutdown=_GRACE_SECONDS, backlog=_BACKLOG,
    )  # fmt: skip
    config.load()
    config.ssl = certificate.context
    watching = asyncio.create_task(_watch(force, certificate))
    # what is loaded now stays: a collection that looked at all of it for every few hundred reviews would cost 5 %
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    try:
        ready(f"https://{settings.host}:{listener.getsockname()[1]}")
        await uvicorn.Server(config).serve(sockets=[listener])
    finally:
        watching.cancel()
        force.close()
        for reader in (namespaces, pulls):
            if reader is not None:
                reader.close()
        records.close()
        listener.close()


async def _watch(force: InForce, certificate: Certificate) -> None:
    while True:
        try:
            await force.look()
            certificate.look()
        except Exception:  # noqa: BLE001  (the watch must go on)
            _LOG.exception("a fault of ours")
        await asyncio.sleep(_LOOK_SECONDS)


def _bind(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        message = f"cannot listen on {host}:{port}: {error}"
        raise ConfigError(message, next_step="choose another address with --listen") from error
    listener.setblocking(False)
    return listener


def accept(settings: Settings) -> Callable[[Policy], None]:
    """Return what refuses a policy that this webhook could not decide by: it raises ConfigError."""

    def check(policy: Policy) -> None:
        looks = needs_namespace_labels(policy)
        if looks and settings.api is None:
            raise ConfigError(
                f"{looks} looks at labels of namespaces, which admission reviews do not tell",
                next_step="let the webhook read namespaces (--service-account), or name the namespaces",
            )

    return check
