"""Reviews on record: one event each, or one for many that were answered from what had been decided before.

`review`: name, uid, operation, subresource, actor, dry_run, message, and a row for each image that names the record of
the decision on it. `review.many`: `reviews` with the same members, whose `images` is a place in the event's `images`.
"""

from collections.abc import Iterable
from datetime import datetime

from trustkit.admission.cached_gate import Ruling
from trustkit.hooks.kubernetes.containers import Use
from trustkit.hooks.kubernetes.review import Answer, Review
from trustkit.model.audit import AuditEvent
from trustkit.model.digest import Digest
from trustkit.model.values import NamedTuple

KIND, MANY = "review", "review.many"
_CHARS = 512
# Of one event's texts together: escapes make six bytes of a character at most, and an entry holds 64 KiB.
_MANY_CHARS = 8 * 1024
_ROW_CHARS, _IMAGE_CHARS = 64, 128
# What a decision said about one image: as written, its digest, whether it is allowed, the record.
ImageRow = tuple[str, Digest | None, bool, int]


class ReviewRow(NamedTuple):
    """An allowed review whose decisions are all on record already."""

    review: Review
    images: tuple[ImageRow, ...]


def image_rows(judged: Iterable[tuple[Use, Ruling]]) -> tuple[ImageRow, ...]:
    """Return a row for each image; containers of one image, decided on in one way, are one."""
    return tuple(dict.fromkeys((use.image, found.digest, found.allowed, found.record) for use, found in judged))


def review_event(
    review: Review, answer: Answer, images: tuple[ImageRow, ...], now: datetime, outcome: str = ""
) -> AuditEvent:
    """Return the record of a review; the decision on each image is in the record it names."""
    body = {**_words(review), "images": _written(images), "message": answer.message[: 4 * _CHARS]}
    return AuditEvent(now, KIND, outcome or ("allow" if answer.allowed else "deny"), None, body)


def many_events(rows: Iterable[ReviewRow], now: datetime) -> tuple[AuditEvent, ...]:
    """Return events that hold all rows, as few as their size allows."""
    found: list[AuditEvent] = []
    places: dict[tuple[ImageRow, ...], int] = {}
    reviews: list[dict[str, object]] = []
    size = 0
    for row in rows:
        words = _words(row.review)
        size += _ROW_CHARS + sum(len(text) for text in words.values() if isinstance(text, str))
        if row.images not in places:
            size += sum(len(image[0][:_CHARS]) + _IMAGE_CHARS for image in row.images)
        if reviews and size > _MANY_CHARS:
            found.append(_many(places, reviews, now))
            places, reviews, size = {}, [], 0
        reviews.append({**words, "images": places.setdefault(row.images, len(places))})
    if reviews:
        found.append(_many(places, reviews, now))
    return tuple(found)


def _many(places: dict[tuple[ImageRow, ...], int], reviews: list[dict[str, object]], now: datetime) -> AuditEvent:
    images = [_written(rows) for rows in places]
    body = {"name": f"{len(reviews)} reviews", "images": images, "reviews": reviews}
    return AuditEvent(now, MANY, "allow", None, body)


def _words(review: Review) -> dict[str, object]:
    return {
        "name": f"{review.namespace}/{review.kind}/{review.name}"[:_CHARS],
        "uid": review.uid,
        "operation": review.operation[:_CHARS],
        "subresource": review.subresource[:_CHARS],
        "actor": review.user[:_CHARS],
        "dry_run": review.dry_run,
    }


def _written(images: tuple[ImageRow, ...]) -> list[dict[str, object]]:
    return [
        {
            "image": image[:_CHARS],
            "digest": str(digest or ""),
            "verdict": "allow" if allowed else "deny",
            "record": record,
        }
        for image, digest, allowed, record in images
    ]
