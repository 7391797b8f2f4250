"""A repository's metadata on a trust server (Notary v1): what is there, and nothing proven; and publishing.

    GET /v2/<gun>/_trust/tuf/timestamp.json, snapshot.<sha256>.json, targets/releases.<sha256>.json, 2.root.json, ...
    GET, POST /v2/<gun>/_trust/tuf/snapshot.key    the server's key; a new one
    POST, DELETE /v2/<gun>/_trust/tuf/             publish; forget the repository

Which files to ask for is read from files that nobody has checked yet; a lying server gets the wrong questions, and the
check fails.
"""

from collections.abc import Mapping

from trustkit import limits
from trustkit.codec import multipart, notary_tuf
from trustkit.codec.multipart import Part
from trustkit.codec.notary_tuf import ROOT, SNAPSHOT, TIMESTAMP, FileMeta, Key
from trustkit.errors import LimitExceededError, PublishConflictError, PublishRefusedError, UsageError
from trustkit.fips.hashing import random_bytes
from trustkit.net.url import parse, quote
from trustkit.oci.failures import refusal
from trustkit.oci.session import Call, Endpoint, RegistrySession

_DOCKER_HUB, _DOCKER_HUB_SERVER = "docker.io", "notary.docker.io"
_MISSING = 404
_PUSHING = "pull,push"
_BOUNDARY_BYTES = 24
# the reasons of our own server that another state in between explains
_CONFLICTS = ("verification.rollback", "storage.conflict")


def server_of(gun: str, given: str = "") -> str:
    """Return host and port of the trust server: the given URL's, else that of the repository's registry, as docker's.

    Raises UsageError.
    """
    if given:
        url = parse(given if "://" in given else f"https://{given}")
        if url.target not in ("", "/"):
            raise UsageError(f"{given[:120]!r} has a path; a trust server is a host", next_step="write https://HOST")
        return url.authority
    host = gun.partition("/")[0]
    return _DOCKER_HUB_SERVER if host == _DOCKER_HUB else host


class TrustMetadata:
    """The files of one repository on one server."""

    def __init__(self, session: RegistrySession, server: str, gun: str) -> None:
        """Nothing is asked yet."""
        self._session, self._gun = session, gun
        self._endpoint = Endpoint(server, gun, server)
        self._place = f"/v2/{_path(gun)}/_trust/tuf/"
        self._bytes = 0

    def fetch(self, root_version: int) -> Mapping[str, bytes]:
        """Return the files by role, and the roots between the version given and the newest as `2.root`.

        Raises SourceError, NotFoundError, MalformedError, LimitExceededError.
        """
        files = {ROOT: self._get(ROOT), TIMESTAMP: self._get(TIMESTAMP)}
        newest = notary_tuf.read_root(notary_tuf.parse(files[ROOT], ROOT)).version
        for version in range(root_version + 1, min(newest, root_version + limits.TRUST_ROOTS)):
            name = f"{version}.{ROOT}"
            content = self._find(name)
            if content is not None:
                files[name] = content
        listed = self._listed(files[TIMESTAMP], TIMESTAMP)
        files[SNAPSHOT] = self._get(SNAPSHOT, listed[SNAPSHOT])
        for role, meta in self._listed(files[SNAPSHOT], SNAPSHOT).items():
            if role != ROOT:
                files[role] = self._get(role, meta)
        return files

    def exists(self) -> bool:
        """Whether the server knows the repository. Raises SourceError."""
        return self._find(ROOT) is not None

    def server_key(self, role: str, *, rotate: bool = False) -> Key:
        """Return the server's public key for a role; with `rotate` one that the root does not name yet.

        Raises SourceError, MalformedError, LimitExceededError.
        """
        method, actions = ("POST", "*") if rotate else ("GET", _PUSHING)
        what = f"the server's {role} key of {self._gun}"
        call = Call(method, f"{self._place}{role}.key", what, actions=actions)
        _, content = self._session.read(self._endpoint, call, limits.KEY_FILE_BYTES)
        return notary_tuf.read_key(content, what)

    def publish(self, files: Mapping[str, bytes]) -> None:
        """Upload files by role: the server takes all of them or none.

        Raises PublishConflictError when it has newer ones, PublishRefusedError, SourceError.
        """
        boundary = random_bytes(_BOUNDARY_BYTES).hex()
        body = multipart.build(tuple(Part("files", role, content) for role, content in files.items()), boundary)
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        what = f"a publication of {self._gun}"
        call = Call("POST", self._place, what, (200, 201, 400, 409, 413), headers, body, actions=_PUSHING)
        response = self._session.call(self._endpoint, call)
        if response.status in (200, 201):
            response.close()
            return
        refused = refusal(response)
        if refused.code == "VERSION" or refused.detail_code in _CONFLICTS:
            raise PublishConflictError(
                f"{what}: somebody else published in between", next_step="look at what is there, and try again"
            )
        raise PublishRefusedError(
            f"{what}: {self._endpoint.host} refuses it: {refused.said or f'HTTP {response.status}'}",
            next_step=refused.next_step or "ask whoever runs the trust server; its log says why",
        )

    def delete(self) -> None:
        """Have the server forget the repository. Raises SourceError."""
        call = Call("DELETE", self._place, f"the deletion of {self._gun}", actions="*")
        self._session.call(self._endpoint, call).close()

    def _listed(self, content: bytes, role: str) -> Mapping[str, FileMeta]:
        listed = notary_tuf.read_listing(notary_tuf.parse(content, role), role).meta
        if len(listed) > limits.TRUST_UPLOAD_FILES:
            raise LimitExceededError(f"{role} of {self._gun} lists more than {limits.TRUST_UPLOAD_FILES} files")
        return listed

    def _get(self, role: str, meta: FileMeta | None = None) -> bytes:
        name = role if meta is None else f"{role}.{meta.hash_of('sha256').hex()}"
        return self._read(name, (200,)) or b""

    def _find(self, name: str) -> bytes | None:
        return self._read(name, (200, _MISSING))

    def _read(self, name: str, expected: tuple[int, ...]) -> bytes | None:
        target = f"{self._place}{_path(name)}.json"
        call = Call("GET", target, f"{name} of {self._gun}", expected, {"Accept": "application/json"})
        response, content = self._session.read(self._endpoint, call, limits.TRUST_METADATA_BYTES)
        if response.status == _MISSING:
            return None
        self._bytes += len(content)
        if self._bytes > limits.TRUST_UPLOAD_BYTES:
            raise LimitExceededError(f"metadata of {self._gun} is over {limits.TRUST_UPLOAD_BYTES} bytes")
        return content


def _path(text: str) -> str:
    return "/".join(quote(part) for part in text.split("/"))
