"""Reviews on record: one event each, or one for many that were answered from what had been decided before.

`review`: name, uid, operation, subresource, actor, dry_run, message, and a row for each image that names the record of
the decision on it. `review.many`: `reviews` with the same members, whose `images` is a place in the event's `images`.
Every event fits in an entry: where there are many images their texts are shortened, and where there are too many even
so, the last row says how many are left out; those that were allowed are left out first.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from trustkit import limits
from trustkit.admission.cached_gate import Ruling
from trustkit.codec.canonical_json import Canonical, canonical
from trustkit.errors import AuditError
from trustkit.hooks.kubernetes.containers import Use
from trustkit.hooks.kubernetes.review import Answer, Review
from trustkit.model.audit import AuditEvent
from trustkit.model.digest import Digest
from trustkit.model.values import NamedTuple

KIND, MANY = "review", "review.many"
_CHARS = 512
# Of one event's reviews and images together; an entry holds 64 KiB.
_MANY_BYTES = 56 * 1024
_IMAGE_CHARS = 128
# The rows of one review's images; its other texts, and the message, take 25 KiB at most.
_IMAGES_BYTES = 36 * 1024
# What is kept of each image's text, tried in this order; what it lacks is in the record that its row names.
_CUTS = (_CHARS, 256, 128, 64, 8)
# What a decision said about one image: as written, its digest, whether it is allowed, the record.
ImageRow = tuple[str, Digest | None, bool, int]


_ENCODE = msgspec.json.Encoder().encode


class _Words(msgspec.Struct):
    # in the order of RFC 8785, whose spelling of texts, numbers and flags is the encoder's
    actor: str
    dry_run: bool
    images: int
    name: str
    operation: str
    subresource: str
    uid: str


class ReviewRow(NamedTuple):
    """What is kept of an allowed review whose decisions are all on record already."""

    words: _Words
    images: tuple[ImageRow, ...]


def review_row(review: Review, images: tuple[ImageRow, ...]) -> ReviewRow:
    """Return the row, which holds nothing of the objects."""
    return ReviewRow(_words(review), images)


def image_rows(judged: Iterable[tuple[Use, Ruling]]) -> tuple[ImageRow, ...]:
    """Return a row for each image; containers of one image, decided on in one way, are one."""
    return tuple(dict.fromkeys((use.image, found.digest, found.allowed, found.record) for use, found in judged))


def review_event(
    review: Review, answer: Answer, images: tuple[ImageRow, ...], now: datetime, outcome: str = ""
) -> AuditEvent:
    """Return the record of a review; the decision on each image is in the record it names."""
    words = msgspec.structs.asdict(_words(review))
    body = {**words, "images": _written(images), "message": answer.message[: 4 * _CHARS]}
    return AuditEvent(now, KIND, outcome or ("allow" if answer.allowed else "deny"), None, body)


def many_events(rows: Iterable[ReviewRow], now: datetime) -> tuple[AuditEvent, ...]:
    """Return events that hold all rows, as few as their size allows. Raises AuditError."""
    found: list[AuditEvent] = []
    places: dict[tuple[ImageRow, ...], tuple[int, bytes]] = {}
    reviews: list[bytes] = []
    size = 0
    for row in rows:
        place, images = places.get(row.images) or (len(places), canonical(_written(row.images)))
        told = _told(row.words, place)
        listed = len(images) if place == len(places) else 0
        if reviews and size + len(told) + listed > _MANY_BYTES:
            found.append(_many(places, reviews, now))
            places, reviews, size, place, listed = {}, [], 0, 0, len(images)
            told = _told(row.words, place)
        places.setdefault(row.images, (place, images))
        reviews.append(told)
        size += len(told) + listed
    if reviews:
        found.append(_many(places, reviews, now))
    return tuple(found)


def _many(places: dict[tuple[ImageRow, ...], tuple[int, bytes]], reviews: list[bytes], now: datetime) -> AuditEvent:
    images = _list([text for _, text in places.values()])
    body = {"name": f"{len(reviews)} reviews", "images": images, "reviews": _list(reviews)}
    return AuditEvent(now, MANY, "allow", None, body)


def _list(texts: list[bytes]) -> Canonical:
    return Canonical(f"[{b','.join(texts).decode()}]")


def _told(words: _Words, place: int) -> bytes:
    words.images = place
    try:
        return _ENCODE(words)
    except UnicodeEncodeError as error:
        raise AuditError(f"a review has text that cannot be written down: {error}") from error


def _words(review: Review) -> _Words:
    return _Words(
        review.user[:_CHARS],
        review.dry_run,
        0,
        f"{review.namespace}/{review.kind}/{review.name}"[:_CHARS],
        review.operation[:_CHARS],
        review.subresource[:_CHARS],
        review.uid,
    )


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
