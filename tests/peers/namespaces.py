"""A small API server over TLS that knows namespaces, their secrets and service accounts, and who may read them."""

import base64
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from peers.registry import Tls

PATH = "/api/v1/namespaces/"
TOKEN = "a-token-of-the-kubelet"


class ApiServer(ThreadingHTTPServer):
    """Answers `GET /api/v1/namespaces/NAME` to whoever has the token; counts what it was asked."""

    daemon_threads = True

    def __init__(self, tls: Tls, folder: Path) -> None:
        """Listen, and write the service account into `folder`."""
        super().__init__(("127.0.0.1", 0), _Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls.certificate_file, tls.key_file)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.labels: dict[str, dict[str, object]] = {}
        # further objects by what stands behind /api/v1/namespaces/; those without rights are answered with 403
        self.objects: dict[str, dict[str, object]] = {}
        self.forbidden: set[str] = set()
        self.body: bytes | None = None
        self.asked: list[str] = []
        self.account = folder
        folder.mkdir()
        (folder / "token").write_text(f"{TOKEN}\n")
        (folder / "ca.crt").write_bytes(tls.ca_file.read_bytes())

    def add_secret(self, namespace: str, name: str, auths: dict[str, str], **more: object) -> None:
        """Store a pull secret: `user:password` by host, and further members of its config.json."""
        entries = {host: {"auth": base64.b64encode(login.encode()).decode()} for host, login in auths.items()}
        config = base64.b64encode(json.dumps({"auths": entries, **more}).encode()).decode()
        self.add("Secret", namespace, name, type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": config})

    def add(self, kind: str, namespace: str, name: str, **members: object) -> None:
        """Store an object."""
        metadata = {"name": name, "namespace": namespace}
        self.objects[f"{namespace}/{kind.lower()}s/{name}"] = {"kind": kind, "metadata": metadata, **members}

    @property
    def variables(self) -> dict[str, str]:
        """What a kubelet sets in every pod."""
        return {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(self.server_port)}

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that were given up."""


class _Handler(BaseHTTPRequestHandler):
    server: ApiServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        name = self.path.removeprefix(PATH)
        self.server.asked.append(name)
        if self.headers["Authorization"] != f"Bearer {TOKEN}" or name in self.server.forbidden:
            self.reply(403, {"kind": "Status", "code": 403})
        elif name in self.server.objects:
            self.reply(200, self.server.objects[name])
        elif name not in self.server.labels:
            self.reply(404, {"kind": "Status", "code": 404})
        else:
            metadata = {"name": name, "labels": self.server.labels[name]}
            self.reply(200, {"kind": "Namespace", "apiVersion": "v1", "metadata": metadata})

    def reply(self, status: int, document: object) -> None:
        content = self.server.body or json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def api_server(tls: Tls, folder: Path) -> Iterator[ApiServer]:
    """Run one until the end of the block."""
    server = ApiServer(tls, folder)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
