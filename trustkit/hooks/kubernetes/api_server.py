"""What the webhook reads from the API server, as its own service account. Nothing is ever written there."""

from pathlib import Path

from trustkit import limits
from trustkit.codec.strict_json import as_object, parse
from trustkit.errors import MalformedError, NotFoundError, UnauthorizedError, UnreachableError
from trustkit.model.values import NamedTuple
from trustkit.net.connection import Timeouts
from trustkit.net.http import HttpClient, HttpOptions, Request
from trustkit.net.url import parse as parse_url

_OK, _UNAUTHORIZED, _FORBIDDEN, _MISSING = 200, 401, 403, 404


class ApiServer(NamedTuple):
    """Where the API server is, and the files of a service account: its token, and the authority of the server."""

    url: str
    token: Path
    ca_file: Path


class ApiReader:
    """Reads single objects; threads may share it."""

    def __init__(self, server: ApiServer) -> None:
        """Nothing is asked yet."""
        self._server = server
        seconds = limits.NAMESPACE_READ_SECONDS
        self._http = HttpClient(HttpOptions(ca_file=server.ca_file, timeouts=Timeouts(seconds, seconds)))

    def read(self, path: str, kind: str, name: str, rights: str) -> dict[str, object]:
        """Return the object of this kind and name; `rights` is the next step where it may not be read.

        Raises NotFoundError, UnauthorizedError, UnreachableError, MalformedError, LimitExceededError.
        """
        what = f"the {kind.lower()} {name}"
        url = parse_url(f"{self._server.url.rstrip('/')}{path}")
        response = self._http.send(Request("GET", url, {"Authorization": f"Bearer {self._token()}"}))
        content = response.read(limits.NAMESPACE_BYTES, what)
        if response.status == _MISSING:
            raise NotFoundError(f"{what} does not exist, so nothing is known of it")
        if response.status in (_UNAUTHORIZED, _FORBIDDEN):
            raise UnauthorizedError(f"the API server does not let us read {what}", next_step=rights)
        if response.status != _OK:
            raise UnreachableError(f"the API server answers {response.status} when asked for {what}")
        # keys of labels and data may differ in the case of letters alone
        found = as_object(parse(content, what=what, limit_bytes=limits.NAMESPACE_BYTES, fold_names=False), what)
        metadata = as_object(found.get("metadata"), f"{what}: metadata")
        if found.get("kind") != kind or metadata.get("name") != name:
            raise MalformedError(f"the API server answers with something else than {what}")
        return found

    def close(self) -> None:
        """Ask no more."""
        self._http.close()

    def _token(self) -> str:
        """Return the token, which the kubelet renews."""
        try:
            with self._server.token.open("rb") as file:
                return file.read(limits.TOKEN_BYTES).decode("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            message = f"{self._server.token}: no usable token: {error}"
            raise UnauthorizedError(message, next_step="mount the service account's token") from error
