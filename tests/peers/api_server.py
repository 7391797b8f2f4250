"""A small Kubernetes API server: none of the registries ships a real one. It stores what both webhooks agreed to.

It speaks as much of the API as kubectl's apply, replace, create, debug and delete need, and asks the webhooks as
kube-apiserver does: mutating first, then validating, a failure to answer being a denial (failurePolicy: Fail).
"""

import base64
import copy
import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from peers.reviews import encoded, review

Json = dict[str, Any]
_VERBS = ["create", "get", "list", "update", "patch", "delete"]
_GROUPS = {
    ("", "v1"): {"pods": "Pod", "podtemplates": "PodTemplate", "replicationcontrollers": "ReplicationController"},
    ("apps", "v1"): {
        "deployments": "Deployment", "replicasets": "ReplicaSet", "statefulsets": "StatefulSet",
        "daemonsets": "DaemonSet",
    },
    ("batch", "v1"): {"jobs": "Job", "cronjobs": "CronJob"},
}  # fmt: skip


class ApiServer(ThreadingHTTPServer):
    """Objects by resource and name; `reviews` are those that were sent, as kube-apiserver would have recorded them."""

    def __init__(self, webhook_port: int) -> None:
        """Ask the webhooks at this port of this machine."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.webhook_port = webhook_port
        self.stored: dict[tuple[str, str], Json] = {}
        self.reviews: list[Json] = []

    @property
    def url(self) -> str:
        """Where kubectl finds it."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def pods(self) -> dict[str, Json]:
        """The pods by name."""
        return {name: one for (resource, name), one in self.stored.items() if resource == "pods"}

    def ask(self, path: str, document: Json) -> Json:
        """Return the webhook's response; raises OSError if there is none."""
        self.reviews.append(document)
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", self.webhook_port, context=context, timeout=30)
        try:
            connection.request("POST", f"{path}?timeout=15s", encoded(document))
            answered = connection.getresponse()
            if answered.status != 200:
                raise OSError(f"HTTP {answered.status}")
            found: Json = json.loads(answered.read())["response"]
            return found
        finally:
            connection.close()


@contextmanager
def api_server(webhook_port: int) -> Iterator[ApiServer]:
    """Serve until the block ends."""
    server = ApiServer(webhook_port)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _DeniedError(Exception):
    """A webhook said no, or nothing; `args` are HTTP status, reason and message."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ApiServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the inherited name)
        """Say nothing."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/api":
            self._reply(200, {"kind": "APIVersions", "versions": ["v1"]})
        elif path == "/apis":
            groups = [_group(group, version) for group, version in _GROUPS if group]
            self._reply(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        elif (found := _resources(path)) is not None:
            self._reply(200, found)
        elif self._place() in self.server.stored:
            self._reply(200, self.server.stored[self._place()])
        else:
            self._fail(404, "NotFound", "not found")

    def do_POST(self) -> None:
        self._store(None, self._body())

    def do_PUT(self) -> None:
        self._store(self.server.stored.get(self._place()), self._body())

    def do_PATCH(self) -> None:
        old = self.server.stored.get(self._place())
        if old is None:
            self._fail(404, "NotFound", "not found")
            return
        self._store(old, _merged(copy.deepcopy(old), self._body()))

    def do_DELETE(self) -> None:
        self._body()
        self.server.stored.pop(self._place(), None)
        self._reply(200, {"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def _store(self, old: Json | None, new: Json) -> None:
        dry_run = "dryRun=All" in self.path
        subresource = "ephemeralcontainers" if "/ephemeralcontainers" in self.path else ""
        try:
            warnings = self._admitted(old, new, dryRun=dry_run, subResource=subresource)
        except _DeniedError as denied:
            self._fail(*denied.args)
            return
        if not dry_run:
            self.server.stored[self._resource(), new["metadata"]["name"]] = new
        self._reply(201 if old is None else 200, new, warnings)

    def _admitted(self, old: Json | None, new: Json, **request: Any) -> list[str]:
        warnings: list[str] = []
        for webhook in ("/mutate", "/validate"):
            try:
                found = self.server.ask(webhook, review(new, old=old, **request))
            except (OSError, ValueError, http.client.HTTPException) as error:
                raise _DeniedError(500, "InternalError", f"failed calling webhook {webhook}: {error}") from error
            warnings += found.get("warnings", [])
            if not found["allowed"]:
                status = found["status"]
                raise _DeniedError(
                    status["code"], status["reason"], f"admission webhook denied it: {status['message']}"
                )
            for change in json.loads(base64.b64decode(found.get("patch", "W10="))):
                *steps, last = change["path"].split("/")[1:]
                at: Any = new
                for step in steps:
                    at = at[int(step)] if isinstance(at, list) else at[step]
                at[last] = change["value"]
        return warnings

    def _place(self) -> tuple[str, str]:
        parts = self.path.partition("?")[0].split("/")
        if parts[-1] == "ephemeralcontainers":
            parts.pop()
        return self._resource(), parts[-1]

    def _resource(self) -> str:
        parts = self.path.partition("?")[0].split("/")
        inside = parts[parts.index("namespaces") + 2 :] if "namespaces" in parts else []
        return inside[0] if inside else parts[-1]

    def _body(self) -> Json:
        found: Json = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        return found

    def _reply(self, status: int, document: Json, warnings: list[str] | None = None) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for text in warnings or []:
            self.send_header("Warning", f'299 - "{text}"')
        self.end_headers()
        self.wfile.write(content)

    def _fail(self, code: int, reason: str, message: str) -> None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message}
        self._reply(code, {**status, "reason": reason, "code": code})


def _group(group: str, version: str) -> Json:
    served = {"groupVersion": f"{group}/{version}", "version": version}
    return {"name": group, "versions": [served], "preferredVersion": served}


def _resources(path: str) -> Json | None:
    for (group, version), kinds in _GROUPS.items():
        if path == (f"/apis/{group}/{version}" if group else f"/api/{version}"):
            rows = [
                {"name": name, "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": _VERBS}
                for name, kind in kinds.items()
            ]
            if not group:
                rows.append({"name": "pods/ephemeralcontainers", "namespaced": True, "kind": "Pod", "verbs": _VERBS})
            name = f"{group}/{version}" if group else version
            return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": rows}
    return None


def _merged(old: Any, patch: Any) -> Any:
    """Return a strategic merge as far as kubectl needs it: maps merge, lists of named members merge by name."""
    if isinstance(old, dict) and isinstance(patch, dict):
        for key, value in patch.items():
            if not key.startswith("$"):
                old[key] = _merged(old.get(key), value)
        return old
    if isinstance(patch, list) and all(isinstance(one, dict) and "name" in one for one in patch):
        rows = {one["name"]: one for one in old or []}
        for one in patch:
            rows[one["name"]] = _merged(rows.get(one["name"], {}), one)
        return list(rows.values())
    return patch
