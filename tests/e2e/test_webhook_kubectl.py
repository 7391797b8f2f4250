"""The real kubectl against a small API server of this test, which asks the webhook as kube-apiserver does."""

import base64
import http.client
import json
import os
import ssl
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from peers.processes import free_port
from peers.reviews import encoded, review
from peers.signed import Signed
from peers.tools import peer

RESOURCES = {
    "kind": "APIResourceList",
    "groupVersion": "v1",
    "resources": [
        {"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": ["create", "get"]}
    ],
}


class ApiServer(ThreadingHTTPServer):
    """Stores pods in memory after both webhooks agreed."""

    def __init__(self, webhook_port: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.webhook_port, self.pods = webhook_port, {}

    def ask(self, path: str, pod: dict, *, dry_run: bool) -> dict:
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", self.webhook_port, context=context, timeout=30)
        connection.request("POST", f"{path}?timeout=15s", encoded(review(pod, dryRun=dry_run)))
        found = json.loads(connection.getresponse().read())["response"]
        connection.close()
        return found


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def reply(self, status: int, document: dict, warnings: list[str] = ()) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for text in warnings:
            self.send_header("Warning", f'299 - "{text}"')
        self.end_headers()
        self.wfile.write(content)

    def fail(self, code: int, reason: str, message: str) -> None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message}
        self.reply(code, {**status, "reason": reason, "code": code})

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/api":
            self.reply(200, {"kind": "APIVersions", "versions": ["v1"]})
        elif path == "/apis":
            self.reply(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": []})
        elif path == "/api/v1":
            self.reply(200, RESOURCES)
        elif path.rsplit("/", 1)[-1] in self.server.pods:
            self.reply(200, self.server.pods[path.rsplit("/", 1)[-1]])
        else:
            self.fail(404, "NotFound", "not found")

    def do_POST(self) -> None:
        pod = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        dry_run = "dryRun=All" in self.path
        warnings: list[str] = []
        for webhook in ("/mutate", "/validate"):
            found = self.server.ask(webhook, pod, dry_run=dry_run)
            warnings += found.get("warnings", [])
            if not found["allowed"]:
                status = found["status"]
                self.fail(
                    status["code"], status["reason"], f"admission webhook denied the request: {status['message']}"
                )
                return
            for change in json.loads(base64.b64decode(found.get("patch", "W10="))):
                at = pod
                *steps, last = change["path"].split("/")[1:]
                for step in steps:
                    at = at[int(step)] if isinstance(at, list) else at[step]
                at[last] = change["value"]
        if not dry_run:
            self.server.pods[pod["metadata"]["name"]] = pod
        self.reply(201, pod, warnings)


@pytest.fixture
def signed(trustkit, registry, repository):
    return Signed(trustkit, registry, repository)


@pytest.fixture
def cluster(trustkit, tls, signed):
    port = free_port()
    words = ("--listen", f"127.0.0.1:{port}", "--tls-cert", tls.certificate_file, "--tls-key", tls.key_file)
    process = trustkit.start("serve", "webhook", *words)

    def ready() -> bool:
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=ssl._create_unverified_context(), timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    server = ApiServer(port)
    thread = Thread(target=server.serve_forever, daemon=True)
    try:
        process.wait_until(ready)
        thread.start()
        yield server
    finally:
        if thread.is_alive():
            server.shutdown()
        server.server_close()
        process.stop()


def apply(cluster: ApiServer, folder, image: str, *options: str) -> subprocess.CompletedProcess[str]:
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"containers": [{"name": "app", "image": image}]},
    }
    file = folder / "pod.json"
    file.write_text(json.dumps(manifest))
    server = f"http://127.0.0.1:{cluster.server_port}"
    command = [peer("kubectl"), "--server", server, "apply", "--validate=false", "-f", str(file), *options]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_kubectl_applies_a_pod_of_a_signed_image_which_is_stored_pinned(cluster, signed, image, tmp_path):
    done = apply(cluster, tmp_path, signed.push(image))
    assert done.returncode == 0, done.stderr
    assert "@sha256:" in cluster.pods["web"]["spec"]["containers"][0]["image"]


def test_kubectl_shows_why_an_unsigned_image_is_refused(cluster, signed, image, tmp_path):
    done = apply(cluster, tmp_path, signed.push(image, sign=False))
    assert (done.returncode, "is not admitted" in done.stderr, cluster.pods) == (1, True, {})


def test_a_dry_run_of_kubectl_is_decided_as_well(cluster, signed, image, tmp_path):
    done = apply(cluster, tmp_path, signed.push(image, sign=False), "--dry-run=server")
    assert (done.returncode, "is not admitted" in done.stderr) == (1, True)
