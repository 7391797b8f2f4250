"""What a source answered about one image, as bytes that nodes share: JSON, the same for the same answers.

{"at": when it was asked, "answers": [{"ask": "manifest"|"blob"|"referrers", "of": tag or digest, ...}]}
"""

from datetime import UTC, datetime

from trustkit import limits
from trustkit.codec import base64
from trustkit.codec.canonical_json import canonical
from trustkit.codec.strict_json import as_bool, as_int, as_list, as_object, as_text, parse
from trustkit.codec.zoned_time import zoned_time
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.digest import Digest
from trustkit.model.image import Descriptor
from trustkit.model.values import NamedTuple

MANIFEST, BLOB, REFERRERS = "manifest", "blob", "referrers"
_WHAT = "shared entry"
_MEMBERS = {
    MANIFEST: {"ask", "of", "type", "content"},
    BLOB: {"ask", "of", "content"},
    REFERRERS: {"ask", "of", "listed", "complete"},
}
_ABSENT = {"ask", "of"}


class Answer(NamedTuple):
    """One answer. A manifest has a media type and bytes, or is `absent`; referrers are a list, complete or not."""

    media_type: str = ""
    content: bytes = b""
    absent: bool = False
    listed: tuple[Descriptor, ...] = ()
    complete: bool = True


class Entry(NamedTuple):
    """All answers by what was asked (kind, and tag or digest), and when."""

    at: datetime
    answers: dict[tuple[str, str], Answer]


def write_entry(entry: Entry) -> bytes:
    """Return the entry's bytes."""
    listed = [_written(kind, of, answer) for (kind, of), answer in sorted(entry.answers.items())]
    return canonical({"at": entry.at.astimezone(UTC).isoformat(), "answers": listed})


def read_entry(content: bytes) -> Entry:
    """Return the entry. Raises MalformedError, LimitExceededError."""
    whole = as_object(parse(content, what=_WHAT, limit_bytes=limits.SHARED_ENTRY_BYTES), _WHAT)
    if set(whole) != {"at", "answers"}:
        raise MalformedError(f"{_WHAT} does not have at and answers")
    listed = as_list(whole["answers"], f"{_WHAT} answers")
    if len(listed) > limits.SHARED_ANSWERS:
        raise LimitExceededError(f"{_WHAT} has more than {limits.SHARED_ANSWERS} answers")
    answers: dict[tuple[str, str], Answer] = {}
    for item in listed:
        key, answer = _read(as_object(item, f"{_WHAT} answer"))
        if key in answers:
            raise MalformedError(f"{_WHAT} answers twice to {key[1][:80]!r}")
        answers[key] = answer
    return Entry(zoned_time(as_text(whole["at"], f"{_WHAT} at"), _WHAT), answers)


def _written(kind: str, of: str, answer: Answer) -> dict[str, object]:
    value: dict[str, object] = {"ask": kind, "of": of}
    if answer.absent:
        return value
    if kind == REFERRERS:
        listed = [[one.media_type, str(one.digest), one.size_bytes] for one in answer.listed]
        return {**value, "listed": listed, "complete": answer.complete}
    if kind == MANIFEST:
        value["type"] = answer.media_type
    return {**value, "content": base64.encode(answer.content)}


def _read(item: dict[str, object]) -> tuple[tuple[str, str], Answer]:
    kind, of = (as_text(item.get(name), f"{_WHAT} {name}") for name in ("ask", "of"))
    if kind == MANIFEST and set(item) == _ABSENT:
        return (kind, of), Answer(absent=True)
    if kind not in _MEMBERS or set(item) != _MEMBERS[kind]:
        raise MalformedError(f"{_WHAT} has an answer of another shape")
    if kind == REFERRERS:
        listed = as_list(item["listed"], f"{_WHAT} listed")
        if len(listed) > limits.EVIDENCE_ITEMS:
            raise LimitExceededError(f"{_WHAT} lists more than {limits.EVIDENCE_ITEMS} referrers")
        complete = as_bool(item["complete"], f"{_WHAT} complete")
        return (kind, of), Answer(listed=tuple(map(_descriptor, listed)), complete=complete)
    media_type = as_text(item.get("type", ""), f"{_WHAT} type")
    return (kind, of), Answer(media_type, base64.decode(as_text(item["content"], f"{_WHAT} content"), _WHAT))


def _descriptor(value: object) -> Descriptor:
    parts = as_list(value, f"{_WHAT} referrer")
    if len(parts) != 3:  # noqa: PLR2004  (type, digest, size)
        raise MalformedError(f"{_WHAT} has a referrer of another shape")
    kind, digest, size = as_text(parts[0], _WHAT), as_text(parts[1], _WHAT), as_int(parts[2], _WHAT)
    if size < 0:
        raise MalformedError(f"{_WHAT} has a referrer of {size} bytes")
    return Descriptor(kind, Digest.parse(digest), size)
