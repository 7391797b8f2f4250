"""Reviews on record: one event each, or one for many that were answered from what had been decided before.

`review`: name, uid, operation, subresource, actor, dry_run, message, and a row for each image that names the record of
the decision on it. `review.many`: `reviews` with the same members, whose `images` is a place in the event's `images`.
Every event fits in an entry: where there are many images their texts are shortened, and where there are too many even
so, the last row says how many are left out; those that were allowed are left out first.
"""

from collections.abc import Iterable
from datetime import datetime

from trustkit import limits
from trustkit.admission.cached_gate import Ruling
from trustkit.codec.canonical_json import canonical
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
# The rows of one review's images; its other texts, and the message, take 25 KiB at most.
_IMAGES_BYTES = 36 * 1024
# What is kept of each image's text, tried in this order; what it lacks is in the record that its row names.
_CUTS = (_CHARS, 256, 128, 64, 8)
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
        told = _ROW_CHARS + sum(len(text) for text in words.values() if isinstance(text, str))
        listed = sum(len(image[0][:_CHARS]) + _IMAGE_CHARS for image in row.images)
        if reviews and size + told + (0 if row.images in places else listed) > _MANY_CHARS:
            found.append(_many(places, reviews, now))
            places, reviews, size = {}, [], 0
        size += told + (0 if row.images in places else listed)
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
    """Return as many rows as fit, with as much of each image's text as fits."""
    if len(images) <= limits.POD_IMAGES:
        for chars in _CUTS:
            rows = [_row(image, chars) for image in images]
            if len(canonical(rows)) <= _IMAGES_BYTES:
                return rows
    return _fitting(images)


def _fitting(images: tuple[ImageRow, ...]) -> list[dict[str, object]]:
    """Return the rows that fit, refused images before allowed ones, and how many are left out."""
    rows: list[dict[str, object]] = []
    left = _IMAGES_BYTES - _IMAGE_CHARS
    for image in sorted(images, key=lambda image: image[2]):
        row = _row(image, _CUTS[-1])
        left -= len(canonical(row)) + 1
        if left < 0:
            break
        rows.append(row)
    return [*rows, {"left_out": len(images) - len(rows)}] if len(rows) < len(images) else rows


def _row(image: ImageRow, chars: int) -> dict[str, object]:
    text, digest, allowed, record = image
    return {
        "image": text[:chars],
        "digest": str(digest or ""),
        "verdict": "allow" if allowed else "deny",
        "record": record,
    }
