"""A relay before a real server: what a test picks is done there and its answer kept back, or is refused on the way."""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

# A request as it is picked by: method and path.
Pick = Callable[[str], bool]
_OURS = ("content-length", "transfer-encoding", "connection", "date", "server")


class Relay:
    """`host` stands for the server's; of the `requests` that came, `kept` are done there and never answered."""

    def __init__(self, host: str, behind: str) -> None:
        """Lead to `behind`, and pick nothing yet."""
        self.host, self.behind = host, behind
        self.requests: list[str] = []
        self.kept: list[str] = []
        self.keeps: Pick = _none
        self.refuses: Pick = _none
        # what a refusal says: status, and the code of its error
        self.refusal = 500, "INTERNAL"
        self.ended = Event()


@contextmanager
def relay(behind: str) -> Iterator[Relay]:
    """Run a relay before the server at `host:port`, which speaks plain HTTP."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    found = Relay(f"127.0.0.1:{server.server_port}", behind)
    server.RequestHandlerClass = type("Handler", (_Handler,), {"relay": found})
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    relay: Relay

    def answer(self) -> None:
        asked, relay = f"{self.command} {self.path}", self.relay
        relay.requests.append(asked)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if relay.refuses(asked):
            status, code = relay.refusal
            self.say(status, {"Content-Type": "application/json"}, json.dumps({"errors": [{"code": code}]}).encode())
            return
        inner = http.client.HTTPConnection(relay.behind, timeout=30)
        try:
            inner.request(self.command, self.path, body=body, headers=dict(self.headers.items()))
            got = inner.getresponse()
            content, headers = got.read(), dict(got.getheaders())
        finally:
            inner.close()
        if relay.keeps(asked):
            relay.kept.append(asked)
            relay.ended.wait()
            self.close_connection = True
            return
        self.say(got.status, headers, content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  (names http.server looks for)

    def say(self, status: int, headers: dict[str, str], content: bytes) -> None:
        with suppress(OSError):
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in _OURS:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the inherited name)
        """Keep no log: what came is in `requests`."""


def _none(_: str) -> bool:
    return False
