"""What a cluster runs: the pods its API server lists, with the images their containers really have."""

from collections.abc import Iterator
from pathlib import Path

from trustkit import limits
from trustkit.codec import strict_json
from trustkit.codec.strict_json import as_list, as_object
from trustkit.errors import ConfigError, LimitExceededError, TrustkitError
from trustkit.hooks import fields
from trustkit.hooks.errors import HookEngineError
from trustkit.hooks.fields import Members
from trustkit.hooks.kubernetes.images import registry_image
from trustkit.model.digest import Digest
from trustkit.model.found import Found
from trustkit.net.http import HttpClient, HttpOptions, Request
from trustkit.net.url import Url, parse, quote

ENGINE = "kubernetes"
_PODS_PAGE = 100
_OK = 200
_LISTS = (
    ("containers", "containerStatuses"),
    ("initContainers", "initContainerStatuses"),
    ("ephemeralContainers", "ephemeralContainerStatuses"),
)
# kubelets put this on the image of a pod that a file on the node asks for; no admission saw it.
_MIRROR = "kubernetes.io/config.mirror"


class Cluster:
    """An API server, asked with a service account's token."""

    def __init__(self, url: str, token: Path | None, ca_file: Path | None) -> None:
        """Keep the address; nothing is asked yet. Raises ProtocolError."""
        self._url: Url = parse(url)
        self._token = token
        self._client = HttpClient(HttpOptions(ca_file))

    def images(self) -> Iterator[Found]:
        """Yield every container of every pod, a page at a time. Raises SourceError, HookEngineError, MalformedError."""
        following = ""
        for _ in range(limits.SCANNED // _PODS_PAGE):
            page = self._page(following)
            for pod in as_list(page.get("items") or [], "list of pods"):
                yield from _images(as_object(pod, "pod"))
            following = fields.text(fields.mapping(page, "metadata"), "continue")
            if not following:
                return
        raise LimitExceededError(f"the cluster has more than {limits.SCANNED} pods")

    def _page(self, following: str) -> Members:
        target = f"/api/v1/pods?limit={_PODS_PAGE}" + (f"&continue={quote(following)}" if following else "")
        headers = {"Accept": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {_secret(self._token)}"
        answer = self._client.send(Request("GET", self._url._replace(target=target), headers))
        content = answer.read(limits.PODS_PAGE_BYTES, "list of pods")
        if answer.status != _OK:
            raise HookEngineError(
                f"the API server at {self._url.authority} does not list pods: HTTP status {answer.status}",
                next_step="let the service account list pods (deploy/kubernetes/trustkit-scan.yaml)",
            )
        told = strict_json.parse(content, what="list of pods", limit_bytes=limits.PODS_PAGE_BYTES, fold_names=False)
        return as_object(told, "list of pods")


def _images(pod: Members) -> Iterator[Found]:
    metadata, spec, status = (fields.mapping(pod, name) for name in ("metadata", "spec", "status"))
    namespace, name = fields.text(metadata, "namespace"), fields.text(metadata, "name")
    static = _MIRROR in fields.mapping(metadata, "annotations")
    where = f"{ENGINE} {namespace}" + (" (static pod)" if static else "")
    for wanted, told in _LISTS:
        states = {fields.text(one, "name"): one for one in _objects(status, told)}
        for container in _objects(spec, wanted):
            called = fields.text(container, "name")
            state = states.get(called, {})
            running = "running" in fields.mapping(state, "state")
            at = Found(where, f"{name}/{called}", fields.text(container, "image"), ENGINE, running)
            yield _with_reference(at, fields.text(state, "imageID"))


def _with_reference(at: Found, image_id: str) -> Found:
    """Return it by the digest that its pod names, else by the one the node says it has, in the pod's repository."""
    try:
        ref = registry_image(at.image)
        if ref.digest is not None:
            return at._replace(ref=ref)
        digest = image_id.rpartition("@")[2]
        if "@" not in image_id:
            return at._replace(problem="its node does not say which digest it has")
        return at._replace(ref=ref.with_digest(Digest.parse(digest)))
    except TrustkitError as error:
        return at._replace(problem=error.message)


def _objects(members: Members, name: str) -> list[Members]:
    return [as_object(one, name) for one in as_list(members.get(name) or [], name)]


def _secret(file: Path) -> str:
    """Return a token; kubelets renew its file."""
    try:
        with file.open("rb") as stream:
            text = stream.read(limits.ERROR_BODY_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} holds no token: {error}", next_step="name it with --kubernetes-token") from error
    if not text.isprintable() or " " in text:
        raise ConfigError(f"{file} holds no token")
    return text
