"""`trustkit serve webhook` over TLS, asked as an API server asks."""

import base64
import http.client
import json
import shutil
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peers.processes import free_port
from peers.registry import Tls
from peers.reviews import container, encoded, pod_spec, review, workload
from peers.trustkit import Trustkit


class WebhookServer:
    """A running webhook; its certificate lies in files of its own, which a test may replace."""

    def __init__(self, trustkit: Trustkit, tls: Tls, folder: Path, *more: str | Path) -> None:
        """Start it on a free port, with `more` options; it may not listen yet."""
        self.port = free_port()
        self.certificate, self.key = folder / "tls.crt", folder / "tls.key"
        shutil.copy(tls.certificate_file, self.certificate)
        shutil.copy(tls.key_file, self.key)
        words = ("--listen", f"127.0.0.1:{self.port}", "--tls-cert", self.certificate, "--tls-key", self.key)
        self.process = trustkit.start("serve", "webhook", *words, *more)

    def connect(self) -> http.client.HTTPSConnection:
        """Return a connection of its own."""
        context = ssl._create_unverified_context()
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=60)

    def ask(self, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Return status and content of an answer."""
        connection = self.connect()
        try:
            connection.request("GET" if body is None else "POST", path, body)
            found = connection.getresponse()
            return found.status, found.read()
        finally:
            connection.close()

    def ready(self) -> bool:
        """Whether it says so itself."""
        try:
            return self.ask("/readyz")[0] == 200
        except OSError:
            return False

    def answer(self, path: str, document: object, timeout: str = "20s") -> dict[str, Any]:
        """Return the response to a review."""
        status, content = self.ask(f"{path}?timeout={timeout}", encoded(document))
        assert status == 200, content
        found: dict[str, Any] = json.loads(content)["response"]
        return found

    def pinned(self, image: str) -> str:
        """Return the image as the mutating webhook pins it."""
        patch = json.loads(base64.b64decode(self.answer("/mutate", pod(image))["patch"]))
        assert patch[0]["path"] == "/spec/containers/0/image"
        value: str = patch[0]["value"]
        return value

    def allows(self, image: str) -> bool:
        """Whether a pod with this image may be stored."""
        return self.answer("/validate", pod(image))["allowed"] is True


def pod(image: str, **members: object) -> Any:
    """Return the review of a pod with one container."""
    return review(workload("Pod", pod_spec(container(image), **members)))


@contextmanager
def webhook(trustkit: Trustkit, tls: Tls, folder: Path, *more: str | Path) -> Iterator[WebhookServer]:
    """Run a webhook until it is ready, and stop it at the end."""
    running = WebhookServer(trustkit, tls, folder, *more)
    try:
        running.process.wait_until(running.ready)
        yield running
    finally:
        running.process.stop()
