"""The daemon as commands see it: calls that return JSON or raise the error the daemon raised."""

import os
from collections.abc import Iterator, Mapping

from trustkit import errors
from trustkit.cli import fips_start
from trustkit.cli.client.wire import FIPS_HEADER, POLICY_HEADER, Connection, quote
from trustkit.codec import strict_json
from trustkit.config import Config, load
from trustkit.engine import errors as engine_errors
from trustkit.engine.errors import DaemonUnreachableError, EngineError
from trustkit.errors import MalformedError, TrustkitError

# RFC 9110 15: what is no success any more, and what is an error.
_REDIRECTION, _ERROR = 300, 400
_ANSWER_BYTES = 64 * 1024 * 1024


class Daemon:
    """A daemon that answers on a socket."""

    def __init__(self, path: str, first: Connection | None = None, demands: Mapping[str, str] | None = None) -> None:
        """Speak to the daemon at `path`, `first` being a connection already made.

        `demands` are headers: the daemon answers only if it decides by that policy, and with that FIPS module.
        """
        self.path = path
        self._kept = first
        self._demands = demands or {}

    def call(self, method: str, target: str, body: object = None, **query: str) -> object:
        """Make one request and return the JSON of its answer, None when it has none.

        Raises the daemon's own error, ProtocolError, DaemonUnreachableError.
        """
        connection, self._kept = self._kept or Connection(self.path), None
        try:
            connection.send(method, target_of(target, query), encoded(body), demands=self._demands)
            status = connection.head()
            content = connection.body()
        except BaseException:
            connection.close()
            raise
        if connection.headers.get("connection", "").lower() == "close":
            connection.close()
        else:
            self._kept = connection
        require_ok(status, content)
        return parsed(content)

    def close(self) -> None:
        """Let go of the connection that was kept."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def open(self, method: str, target: str, body: object = None, *, upgrade: bool = False, **query: str) -> Connection:
        """Make one request and return its connection after the headers, to be read as it comes. Raises as `call`."""
        connection = Connection(self.path)
        try:
            connection.send(method, target_of(target, query), encoded(body), upgrade=upgrade, demands=self._demands)
            status = connection.head()
            if status >= _REDIRECTION:
                require_ok(status, connection.body())
        except BaseException:
            connection.close()
            raise
        return connection

    def lines(self, method: str, target: str, **query: str) -> Iterator[Mapping[str, object]]:
        """Yield the JSON lines of a streamed answer. Raises as `call`."""
        pending = b""
        for chunk in self.open(method, target_of(target, query)).chunks():
            *whole, pending = (pending + chunk).split(b"\n")
            for line in whole:
                if line.strip():
                    yield members(parsed(line))


def target_of(path: str, query: Mapping[str, str]) -> str:
    """Return path and query of a request line."""
    fields = "&".join(f"{name}={quote(value)}" for name, value in query.items() if value)
    return f"{path}?{fields}" if fields else path


def encoded(body: object) -> bytes:
    """Return a request's body."""
    if body is None:
        return b""
    import json

    return json.dumps(body).encode()


def parsed(content: bytes) -> object:
    """Return the JSON of an answer, its text when it is none."""
    if not content.strip():
        return None
    return strict_json.parse(content, what="the daemon's answer", limit_bytes=_ANSWER_BYTES, fold_names=False)


def members(value: object) -> dict[str, object]:
    """Return an answer that must be an object. Raises MalformedError."""
    return strict_json.as_object(value, "the daemon's answer")


def rows(value: object) -> list[dict[str, object]]:
    """Return an answer that must be a list of objects. Raises MalformedError."""
    return [members(item) for item in strict_json.as_list(value, "the daemon's answer")]


def require_ok(status: int, content: bytes) -> None:
    """Raise the error an answer carries."""
    if status >= _ERROR:
        raise error_of(status, content)


def error_of(status: int, content: bytes) -> TrustkitError:
    """Return the error an answer carries, of the class it had in the daemon."""
    try:
        answer = members(parsed(content))
    except MalformedError:
        return EngineError(f"the daemon answered {status}: {content[:200]!r}")
    return told_error(answer)


def told_error(answer: Mapping[str, object]) -> TrustkitError:
    """Return the error that the JSON of an answer tells of."""
    told = answer.get("trustkit")
    if not isinstance(told, dict):
        return EngineError(str(answer.get("message", "the daemon failed")))
    details = told.get("details")
    texts = {str(name): str(value) for name, value in details.items()} if isinstance(details, dict) else {}
    for taken in ("message", "next_step", "self"):
        texts.pop(taken, None)
    kind = _class_of(str(told.get("code", "")))
    return kind(str(told.get("message", "")), next_step=str(told.get("next_step", "")), **texts)


def _class_of(code: str) -> type[TrustkitError]:
    named = (*vars(errors).values(), *vars(engine_errors).values())
    known = {kind.code: kind for kind in named if isinstance(kind, type) and issubclass(kind, TrustkitError)}
    while code and code not in known:
        code = code.rpartition(".")[0]
    return known.get(code, EngineError)


def daemon() -> Daemon:
    """Return the configured daemon, started if none answers. Raises ConfigError, DaemonUnreachableError."""
    config = load(os.environ)
    path = str(config.socket)
    try:
        return Daemon(path, Connection(path), _demands(config))
    except DaemonUnreachableError:
        if not config.flag("daemon.autostart"):
            raise
    return _started(config, path)


def _started(config: Config, path: str) -> Daemon:
    from trustkit.cli.client.autostart import start

    return Daemon(path, start(config.home, path), _demands(config))


def _demands(config: Config) -> dict[str, str]:
    """Return what this command counts on: its policy, and its own FIPS mode and module."""
    policy = {POLICY_HEADER: named} if (named := config.text("trust.policy")) else {}
    return {**policy, FIPS_HEADER: fips_start.standing()}
