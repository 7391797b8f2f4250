"""Blobs into a registry (distribution-spec, "Pushing blobs"): whole, or piece by piece from a stream.

A blob exists once the closing PUT named its digest; an upload that breaks off before leaves nothing.
"""

from collections.abc import Iterable, Iterator

from trustkit import limits
from trustkit.errors import ProtocolError
from trustkit.model.digest import Digest
from trustkit.net.http import Response
from trustkit.net.url import Url, join
from trustkit.oci.session import Call, Endpoint, RegistrySession

_OCTETS = {"Content-Type": "application/octet-stream"}
_ACTIONS = "pull,push"
_PIECE_BYTES = 8 * 1024 * 1024


class Upload:
    """One blob on its way into one repository."""

    def __init__(self, session: RegistrySession, endpoint: Endpoint, name: str, digest: Digest) -> None:
        """Take where it goes; nothing is asked yet."""
        self._session, self._own, self._digest = session, endpoint, digest
        self._blobs = f"/v2/{endpoint.repository}/blobs"
        self._what = f"{name}: blob {digest}"

    def is_there(self) -> bool:
        """Whether the repository has the blob. Raises SourceError."""
        call = Call("HEAD", f"{self._blobs}/{self._digest}", self._what, (200, 404), actions=_ACTIONS)
        return self._session.call(self._own, call).status == 200  # noqa: PLR2004

    def whole(self, content: bytes) -> None:
        """Store the blob with one request. Raises SourceError."""
        self._close(self._begin(), content)

    def streamed(self, chunks: Iterable[bytes]) -> None:
        """Store the blob from a stream; nothing is stored if the stream raises. Raises SourceError."""
        pieces = _pieces(chunks)
        piece, at, where = next(pieces, b""), 0, self._begin()
        for following in pieces:
            headers = {**_OCTETS, "Content-Range": f"{at}-{at + len(piece) - 1}"}
            # 202 by the specification; go-containerregistry says 204
            call = Call("PATCH", where.target, self._what, (202, 204), headers, piece, actions=_ACTIONS)
            answer, _ = self._session.read(self._own, call, limits.ERROR_BODY_BYTES)
            at, piece, where = at + len(piece), following, self._next(answer)
        self._close(where, piece)

    def _begin(self) -> Url:
        call = Call("POST", f"{self._blobs}/uploads/", self._what, (202,), actions=_ACTIONS)
        answer, _ = self._session.read(self._own, call, limits.ERROR_BODY_BYTES)
        return self._next(answer)

    def _next(self, answer: Response) -> Url:
        where = join(answer.url, answer.head.get("location"))
        if where.authority != answer.url.authority or where.scheme != answer.url.scheme:
            raise ProtocolError(
                f"{self._own.host} wants the upload sent to {where.authority}",
                next_step="ask the registry's operator; uploads go to the registry itself",
            )
        return where

    def _close(self, where: Url, content: bytes) -> None:
        mark = "&" if "?" in where.target else "?"
        target = f"{where.target}{mark}digest={str(self._digest).replace(':', '%3A')}"
        put = Call("PUT", target, self._what, (201, 204), _OCTETS, content, actions=_ACTIONS)
        self._session.read(self._own, put, limits.ERROR_BODY_BYTES)


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Join chunks to pieces worth a request."""
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= _PIECE_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
