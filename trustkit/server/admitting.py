"""From a name or id to an admission and a stored image: never past the gate."""

import asyncio
import re
from collections.abc import Callable, Iterator

from trustkit.engine.errors import NoSuchImageError
from trustkit.engine.values import ContainerView, ImageView, PullProgress
from trustkit.errors import UsageError
from trustkit.model.facts import RequestFacts
from trustkit.model.image import Descriptor, Platform
from trustkit.model.reference import ImageRef
from trustkit.oci.source import ImageSource
from trustkit.policy.user import root_problem
from trustkit.server.parts import Parts, Permit
from trustkit.server.shapes import facts

_ID = re.compile(r"(?:sha256:)?[0-9a-f]{4,64}\Z")
_PLATFORM = re.compile(r"[a-z0-9_.-]{1,32}/[a-z0-9_.-]{1,32}(?:/[a-z0-9_.-]{1,32})?")
_FULL_ID = re.compile(r"(?:sha256:[0-9a-f]{4,64}|[0-9a-f]{64})\Z")


class SourceBlobs:
    """The blobs of a source, as the engine takes them."""

    def __init__(self, source: ImageSource) -> None:
        """Read from `source`, which checks every byte."""
        self._source = source

    def open(self, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield a blob. Raises SourceError, DigestMismatchError."""
        return self._source.stream(descriptor)


async def admit(parts: Parts, ref: ImageRef, request: RequestFacts, platform: Platform | None) -> Permit:
    """Ask the gate of the policy in force.

    Raises AdmissionDenied, SourceError, PolicySyntaxError (the policy on disk is broken), AuditError, StorageError.
    """

    def ask() -> Permit:
        gate = parts.gate()
        return Permit(gate, gate.admit(ref, request, platform))

    return await asyncio.to_thread(ask)


async def require_exec_user(parts: Parts, view: ContainerView, user: str, actor: str) -> None:
    """Return if a process in the container may be this user; the gate is asked when that may make it root.

    A container admitted for a user that is not root was not thereby admitted for root.
    Raises AdmissionDenied, SourceError, ConflictError, AuditError, StorageError.
    """
    if not user or not root_problem(user):
        return
    request, platform = facts.kept(view.request)
    if not root_problem(request.user):
        ref = ImageRef.parse(view.reference).with_digest(view.image)
        await admit(parts, ref, request._replace(actor=actor, purpose="exec", user=user), platform)


async def store(parts: Parts, permit: Permit, progress: Callable[[PullProgress], None] | None = None) -> ImageView:
    """Fetch and unpack what is missing of the admitted image. Raises SourceError, DigestMismatchError, EngineError."""
    image = permit.admission.image
    source = await asyncio.to_thread(permit.gate.source, image.ref)
    return await parts.engine.pull(permit.admission, image, SourceBlobs(source), parts.now(), progress)


async def is_stored(parts: Parts, permit: Permit) -> bool:
    """Whether the engine holds the admitted image under the name it was asked for by."""
    image = permit.admission.image
    try:
        view = await parts.engine.image(str(image.digest))
    except NoSuchImageError:
        return False
    return view.manifest == image.manifest.digest and str(image.ref) in view.references


async def reference_of(parts: Parts, text: str) -> ImageRef:
    """Return the reference of an image named by reference, id or short id.

    An id leads to the name and digest it was admitted under, which is then judged like any other.
    Raises ReferenceSyntaxError, NoSuchImageError, UsageError.
    """
    if _FULL_ID.match(text):
        return _origin(await parts.engine.image(text))
    if _ID.match(text):
        # A repository may be called `cafe`; a stored image of that name comes first, then an id, as in Docker.
        ref = ImageRef.parse(text)
        for candidate in (str(ref), text):
            try:
                view = await parts.engine.image(candidate)
            except NoSuchImageError:
                continue
            return ref if candidate == str(ref) else _origin(view)
        return ref
    return named(text)


async def stored_image(parts: Parts, text: str) -> ImageView:
    """Return a stored image by reference, digest or id. Raises NoSuchImageError."""
    try:
        ref = await reference_of(parts, text)
    except UsageError as error:
        raise NoSuchImageError(f"No such image: {text}") from error
    for name in (str(ref), str(ref.digest or "")):
        if name:
            try:
                return await parts.engine.image(name)
            except NoSuchImageError:
                continue
    raise NoSuchImageError(f"No such image: {text}")


def named(text: str) -> ImageRef:
    """Read a reference, whose path must not depend on where the daemon was started. Raises UsageError."""
    ref = ImageRef.parse(text)
    if ref.path and not ref.path.startswith("/"):
        raise UsageError(f"{text[:120]!r} is not an absolute path", next_step="write the whole path")
    return ref


def _origin(view: ImageView) -> ImageRef:
    for reference in view.references:
        return ImageRef.parse(reference).with_digest(view.digest)
    raise UsageError(
        f"image {view.image_id} has no name left, so nobody can be asked for its signatures",
        next_step="pull it by name again",
    )


def platform_of(text: str) -> Platform | None:
    """Read `linux/arm64[/v8]`; empty is None. Raises UsageError."""
    if not text:
        return None
    parts = text.split("/")
    if not _PLATFORM.fullmatch(text):
        raise UsageError(f"{text[:60]!r} is no platform", next_step="write os/architecture, such as linux/amd64")
    return Platform(*parts)
