"""What a review is about: the images it brings in, and which of them are new."""

from trustkit.errors import MalformedError
from trustkit.hooks.kubernetes.containers import Asked, Use, image_use, uses_of
from trustkit.hooks.kubernetes.json_text import Object, value
from trustkit.hooks.kubernetes.pods import KINDS, POD_SPEC, CustomPath, PodPart, custom_parts, pod_part
from trustkit.hooks.kubernetes.review import CREATE, DELETE, UPDATE, Review
from trustkit.model.reference import ImageRef
from trustkit.model.values import NamedTuple


class Wanted(NamedTuple):
    """The images to be decided on, and those that the stored object has already, asked for in the same way."""

    new: tuple[Use, ...] = ()
    unchanged: tuple[Use, ...] = ()


def wanted_images(review: Review, custom: tuple[CustomPath, ...] = ()) -> Wanted:
    """Return what the review brings in. Raises MalformedError: a kind, operation or object that is not understood.

    What was stored is read from the API server's `oldObject`, never from the new object's own words.
    """
    if review.operation == DELETE:
        return Wanted()
    if review.operation not in (CREATE, UPDATE):
        raise MalformedError(
            f"the operation {review.operation[:40]!r} is not decided on",
            next_step="list CREATE and UPDATE in the rules",
        )
    if review.new is None:
        raise MalformedError("the review has no object")
    uses = _uses(review, review.new, custom)
    if review.operation == CREATE or review.old is None:
        return Wanted(uses)
    stored = {(use.image, use.request) for use in _uses(review, review.old, custom)}
    # an image counts as unchanged only if the same was asked for it, whoever asks now
    unchanged = tuple(use for use in uses if (use.image, use.request) in stored)
    return Wanted(tuple(use for use in uses if (use.image, use.request) not in stored), unchanged)


def is_being_deleted(review: Review) -> bool:
    """Whether the stored object waits for its end: what is left of it must not be kept from going."""
    metadata = value(review.old["metadata"], "metadata") if review.old and "metadata" in review.old else None
    return isinstance(metadata, dict) and metadata.get("deletionTimestamp") is not None


def registry_image(text: str) -> ImageRef:
    """Return the reference of an image as kubelets read it. Raises ReferenceSyntaxError.

    A name such as `oci:1.36` is an image `oci` of Docker Hub there, and never a folder on this machine.
    """
    return ImageRef.parse(f"docker://{text}")._replace(given=text)


def _uses(review: Review, found: Object, custom: tuple[CustomPath, ...]) -> tuple[Use, ...]:
    of_kind = tuple(path for path in custom if path.kind == review.kind)
    if review.kind not in KINDS and not of_kind:
        raise MalformedError(
            f"nobody said where {str(review.kind)[:120]!r} keeps its images",
            next_step="give --pod-path or --image-path for the kind, or take it from the webhook's rules",
        )
    asked = Asked(review.user, review.namespace, review.kind.kind)
    uses: list[Use] = []
    if review.kind in KINDS:
        pod = pod_part(review.kind, found)
        uses += uses_of(pod, asked)
    for what, pointer, found_there in custom_parts(of_kind, found):
        uses += _custom_uses(asked, what, pointer, found_there)
    return tuple(uses)


def _custom_uses(asked: Asked, what: str, pointer: str, value: object) -> tuple[Use, ...]:
    if what != POD_SPEC:
        return (image_use(pointer, value, asked),)
    if not isinstance(value, dict):
        raise MalformedError(f"{pointer} is no pod's spec")
    return uses_of(PodPart(pointer, value, {}), asked)
