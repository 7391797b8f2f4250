"""A repository of a registry (OCI distribution-spec 1.1): manifests, blobs, referrers; and pushing.

What is served is hashed here and compared with what was asked; nothing the registry says about a
digest is believed.
"""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar  # noqa: TID251  (uploads load on demand)

from trustkit import limits
from trustkit.codec.oci_manifest import Index, parse_index
from trustkit.errors import (
    DigestMismatchError,
    DroppedConnectionError,
    MalformedError,
    NotFoundError,
    ProtocolError,
    SourceError,
)
from trustkit.fips.hashing import digest_of, random_bytes, require_digest, verifying
from trustkit.model.digest import Digest
from trustkit.model.image import INDEX_TYPES, MANIFEST_TYPES, OCI_INDEX, Descriptor
from trustkit.model.reference import ImageRef
from trustkit.net.http import Response
from trustkit.net.url import join
from trustkit.oci.referrers import fallback_tag, merge_fallback
from trustkit.oci.session import Call, Endpoint, RegistrySession
from trustkit.oci.session import RegistryOptions as RegistryOptions  # noqa: PLC0414  (its public home)
from trustkit.oci.source import Fetched

if TYPE_CHECKING:
    from trustkit.oci.upload import Upload

_ACCEPT = ", ".join((*MANIFEST_TYPES, *INDEX_TYPES))
_NEXT_LINK = re.compile(r'\s*<([^<>]+)>\s*;\s*rel="?next"?\s*\Z', re.IGNORECASE)
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/(?:[0-9]{1,18}|\*)\Z")
# Progress that forgives earlier drops, so that a long download over a bad line still ends.
_FORGIVEN_BYTES = 1024 * 1024
# Longer than the look and the write of another signer take on a near registry.
_SETTLE_SECONDS = 0.05
_T = TypeVar("_T")


class RegistrySource:
    """One repository, read through its mirrors and written at the registry itself."""

    def __init__(self, ref: ImageRef, session: RegistrySession) -> None:
        """Take the registry and repository of a reference; nothing is asked yet."""
        self._name = ref.name
        self._session = session
        self._endpoints = session.endpoints(ref)

    def manifest(self, at: str) -> Fetched:
        """Return the manifest or index at a tag or digest.

        Raises SourceError, DigestMismatchError, LimitExceededError.
        """
        return self._first(lambda endpoint: self._manifest(endpoint, at))

    def blob(self, descriptor: Descriptor, limit_bytes: int) -> bytes:
        """Return a small blob whole. Raises SourceError, DigestMismatchError, LimitExceededError."""
        require_small(descriptor, limit_bytes)
        return b"".join(self.stream(descriptor))

    def stream(self, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield a blob, resuming after drops; keep nothing of it before the end.

        Raises SourceError, DigestMismatchError.
        """
        what = f"{self._name}: blob {descriptor.digest}"
        return verifying(self._resumed(descriptor, what), descriptor, what)

    def referrers(self, digest: Digest) -> tuple[tuple[Descriptor, ...], bool]:
        """Return the descriptors of manifests that refer to `digest`, and whether that is all.

        Raises SourceError: an error is never read as "none".
        """
        found: tuple[Descriptor, ...] = ()
        complete = True
        for endpoint in self._endpoints:
            try:
                found, complete = self._referrers(endpoint, digest)
            except SourceError:
                if not endpoint.is_mirror:
                    raise
            if found:
                break
        return found, complete

    # --- pushing ----------------------------------------------------------------------------------

    def put_blob(self, content: bytes) -> Digest:
        """Store a blob unless it is there, and return its digest. Raises SourceError."""
        digest = digest_of(content)
        upload = self._upload(digest)
        if not upload.is_there():
            upload.whole(content)
        return digest

    def put_stream(self, digest: Digest, chunks: Iterator[bytes]) -> bool:
        """Store a blob from a stream that raises unless it is right; False if it was there. Raises SourceError."""
        upload = self._upload(digest)
        if upload.is_there():
            return False
        upload.streamed(chunks)
        return True

    def _upload(self, digest: Digest) -> "Upload":
        # what only writers need is loaded by them
        from trustkit.oci.upload import Upload

        return Upload(self._session, self._endpoints[-1], self._name, digest)

    def put_manifest(self, content: bytes, media_type: str, tag: str = "") -> Digest:
        """Store a manifest under its digest, or under a tag too. Raises SourceError."""
        digest = digest_of(content)
        self._put(content, media_type, tag or str(digest))
        return digest

    def attach(self, manifest: Descriptor, content: bytes, subject: Digest) -> None:
        """Store a manifest that has a `subject`, and make it findable as its referrer.

        A registry without the referrers API does not answer `OCI-Subject`; then the index at the
        fallback tag is kept by us (distribution-spec, "Pushing Manifests with Subject").
        """
        answer = self._put(content, manifest.media_type, str(manifest.digest))
        if answer.head.get("oci-subject") != str(subject):
            merge_fallback(self, subject, manifest)

    def manifest_to_update(self, at: str) -> Fetched:
        """Return what a tag holds at the registry itself, past any mirror. Raises SourceError."""
        return self._manifest(self._endpoints[-1], at)

    def put_tag_if(self, content: bytes, media_type: str, tag: str, seen: Digest | None) -> None:
        """Store a manifest under a tag if the tag still is what was seen.

        Few registries heed the condition, so the tag is looked at just before, and the caller looks
        again after `settle`. Raises SourceError; a lost race is one with status 409 or 412.
        """
        try:
            current = self.manifest_to_update(tag).descriptor.digest
        except NotFoundError:
            current = None
        if current != seen:
            raise ProtocolError(f"{self._name}:{tag} was changed meanwhile", status="412")
        condition = {"If-None-Match": "*"} if seen is None else {"If-Match": f'"{seen}"'}
        self._put(content, media_type, tag, condition)

    def settle(self) -> None:
        """Wait until writers that looked at a tag before our write have written theirs."""
        self._session.options.pause(_SETTLE_SECONDS * (1 + random_bytes(1)[0] / 256))

    # --- parts ------------------------------------------------------------------------------------

    def _first(self, ask: Callable[[Endpoint], _T]) -> _T:
        """Return the first mirror's answer, or the registry's."""
        for endpoint in self._endpoints[:-1]:
            try:
                return ask(endpoint)
            except (SourceError, MalformedError, DigestMismatchError):
                continue
        return ask(self._endpoints[-1])

    def _manifest(self, endpoint: Endpoint, at: str) -> Fetched:
        separator = "@" if ":" in at else ":"
        what = f"{self._name}{separator}{at}"
        target = f"/v2/{endpoint.repository}/manifests/{at}"
        call = Call("GET", target, what, headers={"Accept": _ACCEPT})
        answer, content = self._session.read(endpoint, call, limits.MANIFEST_BYTES)
        asked = Digest.parse(at) if ":" in at else None
        told = answer.head.get("docker-content-digest")
        digest = digest_of(content, asked.algorithm if asked else "sha256")
        if asked:
            require_digest(content, asked, what)
        if told.startswith(f"{digest.algorithm}:") and told != str(digest):
            raise DigestMismatchError(
                f"{what}: {endpoint.host} says its digest is {told[:80]}, but it is {digest}",
                next_step="the registry or something before it alters manifests; do not use it",
            )
        media_type = answer.head.get("content-type").partition(";")[0].strip()
        return Fetched(Descriptor(media_type, digest, len(content)), content)

    def _resumed(self, descriptor: Descriptor, what: str) -> Iterator[bytes]:
        at, forgiven, drops = 0, 0, 0
        endpoint: Endpoint | None = None
        while at < descriptor.size_bytes or not at:
            endpoint, response = self._open(descriptor, what, at, endpoint)
            try:
                for chunk in _from(response, at):
                    at += len(chunk)
                    yield chunk
            except DroppedConnectionError as error:
                drops = 1 if at - forgiven >= _FORGIVEN_BYTES else drops + 1
                forgiven = at
                if drops >= self._session.options.tries:
                    raise
                self._session.pause(drops, "", error)
            else:
                return

    def _open(self, descriptor: Descriptor, what: str, at: int, endpoint: Endpoint | None) -> tuple[Endpoint, Response]:
        """Return where the blob comes from and the answer that carries it from byte `at` on."""

        def ask(place: Endpoint) -> tuple[Endpoint, Response]:
            headers = {"Range": f"bytes={at}-"} if at else {}
            target = f"/v2/{place.repository}/blobs/{descriptor.digest}"
            call = Call("GET", target, what, (200, 206), headers, leaves_host=True)
            return place, self._session.call(place, call)

        return ask(endpoint) if endpoint else self._first(ask)

    def _referrers(self, endpoint: Endpoint, digest: Digest) -> tuple[tuple[Descriptor, ...], bool]:
        target = f"/v2/{endpoint.repository}/referrers/{digest}"
        found: list[Descriptor] = []
        what = f"{self._name}: referrers of {digest}"
        for page in range(limits.REFERRERS_PAGES):
            call = Call("GET", target, what, (200,), {"Accept": OCI_INDEX})
            try:
                answer, content = self._session.read(endpoint, call, limits.MANIFEST_BYTES)
            except NotFoundError:
                if page:
                    raise
                return self._fallback(endpoint, digest)
            found.extend(_page(answer, content, what).manifests)
            if len(found) > limits.EVIDENCE_ITEMS:
                return tuple(found[: limits.EVIDENCE_ITEMS]), False
            link = answer.head.get("link")
            if not link:
                return tuple(found), True
            target = _next_page(answer, link)
        return tuple(found), False

    def _fallback(self, endpoint: Endpoint, digest: Digest) -> tuple[tuple[Descriptor, ...], bool]:
        """Read the index at the fallback tag; its artifact types are not to be trusted."""
        try:
            fetched = self._manifest(endpoint, fallback_tag(digest))
        except NotFoundError:
            return (), True
        index = parse_index(fetched.content, fetched.descriptor.media_type, f"referrers of {digest}")
        kept = index.manifests[: limits.EVIDENCE_ITEMS]
        return kept, len(kept) == len(index.manifests)

    def _put(self, content: bytes, media_type: str, at: str, condition: dict[str, str] | None = None) -> Response:
        own = self._endpoints[-1]
        headers = {"Content-Type": media_type, **(condition or {})}
        target = f"/v2/{own.repository}/manifests/{at}"
        what = f"{self._name}: manifest {at}"
        call = Call("PUT", target, what, (201,), headers, content, actions="pull,push")
        answer, _ = self._session.read(own, call, limits.ERROR_BODY_BYTES)
        return answer


def require_small(descriptor: Descriptor, limit_bytes: int) -> None:
    """Return if a blob may be read whole. Raises LimitExceededError."""
    if descriptor.size_bytes > limit_bytes:
        from trustkit.errors import LimitExceededError

        message = f"blob {descriptor.digest} is {descriptor.size_bytes} bytes, more than the {limit_bytes} allowed"
        raise LimitExceededError(message)


def _from(response: Response, at: int) -> Iterator[bytes]:
    """Yield the blob from byte `at` on, whether or not the server heeds Range."""
    skip = at
    if response.status == 206:  # noqa: PLR2004
        part = _CONTENT_RANGE.match(response.head.get("content-range"))
        if part is None or int(part[1]) != at:
            response.close()
            raise ProtocolError(f"{response.url.authority} answers with another range than asked")
        skip = 0
    for chunk in response.chunks():
        if skip >= len(chunk):
            skip -= len(chunk)
        else:
            yield chunk[skip:]
            skip = 0


def _page(answer: Response, content: bytes, what: str) -> Index:
    """Read one page. Raises ProtocolError: what is no index is no answer to the question."""
    kind = answer.head.get("content-type").partition(";")[0].strip()
    try:
        return parse_index(content, kind, what)
    except MalformedError as error:
        raise ProtocolError(error.message, next_step="ask the registry's operator") from error


def _next_page(answer: Response, link: str) -> str:
    """Return the target of the next page, on the same host (RFC 8288)."""
    found = _NEXT_LINK.match(link)
    url = join(answer.url, found[1]) if found else None
    if url is None or url.authority != answer.url.authority or not url.target.startswith("/v2/"):
        raise ProtocolError(
            f"{answer.url.authority} links to no next page of referrers: {link[:80]!r}",
            next_step="ask the registry's operator",
        )
    return url.target
