"""A fake registry, not a real one: it says exactly what a test scripts, so that it can say what real ones say rarely.

    fake.serve(image, "app", "1")                               # an ordinary image ...
    fake.script("GET", "/v2/app/manifests/1", Answer(503), Answer(503))   # ... whose manifest fails twice, then works
    fake.always("GET", f"/v2/app/blobs/{digest}", Answer(hang=True))

Scripted answers are used up in order; then `always`, then the images served, then 404.
"""

import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from peers.images import Image
from peers.registry import Tls


class Answer(NamedTuple):
    """One scripted answer.

    `cut_at` sends only so many bytes of the body and then drops the connection; `declared_length` lies in
    Content-Length (None tells the truth, -1 sends none); `endless` repeats the body until the client goes away;
    `hang` sends nothing; `hang_after_headers` sends the headers and then nothing; `slow_seconds` pauses before each
    byte.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}
    cut_at: int | None = None
    declared_length: int | None = None
    endless: bool = False
    hang: bool = False
    hang_after_headers: bool = False
    slow_seconds: float = 0.0


class Request(NamedTuple):
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class MisbehavingRegistry:
    """The fake's script and its diary."""

    def __init__(self, host: str, scheme: str) -> None:
        """Begin with nothing to say: every path is 404 but `/v2/`."""
        self.host = host
        self.scheme = scheme
        self.requests: list[Request] = []
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._scripts: dict[tuple[str, str], deque[Answer]] = defaultdict(deque)
        self._always: dict[tuple[str, str], Answer] = {("GET", "/v2/"): Answer(200, b"{}")}
        self._served: dict[tuple[str, str], Answer] = {}

    def script(self, method: str, path: str, *answers: Answer) -> None:
        """Give these answers, one a request, before anything else."""
        with self._lock:
            self._scripts[method, path].extend(answers)

    def always(self, method: str, path: str, answer: Answer) -> None:
        """Give this answer to every such request."""
        with self._lock:
            self._always[method, path] = answer

    def serve(self, image: Image, repository: str, tag: str | None = None) -> str:
        """Answer for an image as a sound registry does, and return its digest."""
        for child in image.children:
            self.serve(child, repository)
        headers = {"Content-Type": image.media_type, "Docker-Content-Digest": image.digest}
        names = [image.digest, tag] if tag else [image.digest]
        with self._lock:
            for name in names:
                self._both(f"/v2/{repository}/manifests/{name}", Answer(200, image.manifest, headers))
            for digest, content in image.blobs.items():
                octets = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest}
                self._both(f"/v2/{repository}/blobs/{digest}", Answer(200, content, octets))
        return image.digest

    def asked(self, method: str, path: str) -> int:
        """Return how often this was requested."""
        with self._lock:
            return sum(1 for request in self.requests if (request.method, request.path) == (method, path))

    def _both(self, path: str, answer: Answer) -> None:
        self._served["GET", path] = answer
        self._served["HEAD", path] = answer

    def answer_to(self, request: Request) -> Answer:
        """Note the request and return what to say."""
        key = (request.method, request.path)
        bare = (request.method, request.path.partition("?")[0])
        with self._lock:
            self.requests.append(request)
            for each in (key, bare):
                if self._scripts[each]:
                    return self._scripts[each].popleft()
            for table in (self._always, self._served):
                for each in (key, bare):
                    if each in table:
                        return table[each]
        error = b'{"errors":[{"code":"NOT_FOUND","message":"the script has no such path"}]}'
        return Answer(404, error, {"Content-Type": "application/json"})


@contextmanager
def misbehaving_registry(tls: Tls | None = None) -> Iterator[MisbehavingRegistry]:
    """Run the fake on a free loopback port."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.fake = fake = MisbehavingRegistry(f"127.0.0.1:{server.server_port}", "https" if tls else "http")
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls.certificate_file, tls.key_file)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        fake.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    fake: MisbehavingRegistry

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay quiet: clients that walk away are part of the script."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(self.command, self.path, dict(self.headers.items()), self.rfile.read(length))
        fake = self.server.fake
        answer = fake.answer_to(request)
        if answer.hang:
            fake.ended.wait()
            self.close_connection = True
            return
        with suppress(OSError):
            self.send(answer, fake.ended)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  (names http.server looks for)

    def send(self, answer: Answer, ended: threading.Event) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        length = len(answer.body) if answer.declared_length is None else answer.declared_length
        if length >= 0 and not answer.endless:
            self.send_header("Content-Length", str(length))
        if length < 0 or answer.endless or answer.cut_at is not None or length != len(answer.body):
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if answer.hang_after_headers:
            ended.wait()
            self.close_connection = True
        elif self.command != "HEAD":
            self.send_body(answer, ended)

    def send_body(self, answer: Answer, ended: threading.Event) -> None:
        if answer.slow_seconds:
            for byte in answer.body:
                if ended.wait(answer.slow_seconds):
                    return
                self.wfile.write(bytes([byte]))
        self.wfile.write(b"" if answer.slow_seconds else answer.body[: answer.cut_at])
        while answer.endless and answer.body and not ended.is_set():
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the inherited name)
        """Keep no log: the diary is `requests`."""
