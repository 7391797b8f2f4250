"""A door before a registry that notes every request that goes through it, and can be held shut."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

from peers.processes import free_port


class Door:
    """`host` stands for the registry's; `requests` are method and path, in the order they came."""

    def __init__(self, host: str, behind: str) -> None:
        """Lead to `behind`."""
        self.host, self.behind = host, behind
        self.requests: list[str] = []
        self.open = Event()
        self.open.set()

    def fetches(self, what: str) -> int:
        """Return how many requests had this in their path."""
        return sum(what in request for request in self.requests)


@contextmanager
def counting_door(behind: str) -> Iterator[Door]:
    """Run a door before the registry at `host:port`."""
    port = free_port()
    door = Door(f"127.0.0.1:{port}", behind)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            door.requests.append(f"{self.command} {self.path}")
            door.open.wait(60)
            inner = http.client.HTTPConnection(door.behind, timeout=30)
            try:
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                inner.request(self.command, self.path, headers=headers)
                answer = inner.getresponse()
                content = answer.read()
            finally:
                inner.close()
            with suppress(OSError):
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep no other log."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield door
    finally:
        door.open.set()
        server.shutdown()
        server.server_close()
        thread.join()
