"""In-toto statements, v0.1 and v1: subjects, a predicate type and a predicate.

Specification: in-toto attestation framework, spec/v1/statement.md and spec/v0.1.
"""

import re
from collections.abc import Mapping, Sequence

from trustkit import limits
from trustkit.codec.canonical_json import canonical
from trustkit.codec.strict_json import as_list, as_object, as_text
from trustkit.codec.strict_json import parse as parse_json
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

STATEMENT_V01 = "https://in-toto.io/Statement/v0.1"
STATEMENT_V1 = "https://in-toto.io/Statement/v1"

_WHAT = "in-toto statement"
_TYPE_CHARS = 1024
_SUBJECT_DIGESTS = 16
_DIGEST_CHARS = 256
_HEX = re.compile(r"[0-9a-f]+\Z")


class Subject(NamedTuple):
    """What a statement is about: a name that proves nothing, and digests by algorithm in hex."""

    name: str
    digests: Mapping[str, str]
    annotations: Mapping[str, str] = {}


class InTotoStatement(NamedTuple):
    """A statement as found; `predicate` is a JSON value."""

    version: str
    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: object


def parse(content: bytes, *, limit_bytes: int = limits.ATTESTATION_BYTES) -> InTotoStatement:
    """Return the statement in these bytes. Raises MalformedError, LimitExceededError."""
    # Predicates are free maps: their names may differ by letter case alone.
    value = parse_json(content, what=_WHAT, limit_bytes=limit_bytes, fold_names=False)
    members = as_object(value, _WHAT)
    _require_no_twins(members)
    version = as_text(members.get("_type"), f"{_WHAT} _type")
    if version not in (STATEMENT_V01, STATEMENT_V1):
        raise MalformedError(f"{_WHAT} _type {version[:80]!r} is not known")
    predicate_type = as_text(members.get("predicateType"), f"{_WHAT} predicateType")
    if not 0 < len(predicate_type) <= _TYPE_CHARS:
        raise MalformedError(f"{_WHAT} predicateType is empty or too long")
    items = as_list(members.get("subject"), f"{_WHAT} subject")
    if not 0 < len(items) <= limits.STATEMENT_SUBJECTS:
        message = f"{_WHAT} has {len(items)} subjects; 1 to {limits.STATEMENT_SUBJECTS} are allowed"
        raise LimitExceededError(message)
    subjects = tuple(_subject(item) for item in items)
    return InTotoStatement(version, subjects, predicate_type, members.get("predicate"))


def build(
    subjects: Sequence[Subject],
    predicate_type: str,
    predicate: object,
    version: str = STATEMENT_V1,
) -> bytes:
    """Return the canonical JSON of a statement. Raises MalformedError."""
    return canonical(
        {
            "_type": version,
            "subject": [_subject_value(subject) for subject in subjects],
            "predicateType": predicate_type,
            "predicate": predicate,
        }
    )


def _subject(value: object) -> Subject:
    members = as_object(value, f"{_WHAT} subject")
    _require_no_twins(members)
    name = members.get("name")
    digests = as_object(members.get("digest"), f"{_WHAT} subject digest")
    if not 0 < len(digests) <= _SUBJECT_DIGESTS:
        raise MalformedError(f"{_WHAT} subject has {len(digests)} digests")
    _require_no_twins(digests)
    annotations = members.get("annotations")
    return Subject(
        "" if name is None else as_text(name, f"{_WHAT} subject name"),
        {algorithm: _digest(algorithm, found) for algorithm, found in digests.items()},
        {} if annotations is None else _texts(annotations, f"{_WHAT} subject annotations"),
    )


def _digest(algorithm: str, value: object) -> str:
    text = as_text(value, f"{_WHAT} subject digest {algorithm[:32]!r}")
    if len(text) > _DIGEST_CHARS or (algorithm.startswith("sha") and not _HEX.match(text)):
        message = f"{_WHAT} subject digest {algorithm[:32]!r} is not lower-case hex"
        raise MalformedError(message)
    return text


def _texts(value: object, what: str) -> dict[str, str]:
    return {name: as_text(item, what) for name, item in as_object(value, what).items()}


def _require_no_twins(members: Mapping[str, object]) -> None:
    if len({name.casefold() for name in members}) != len(members):
        raise MalformedError(f"{_WHAT} has names that differ only by letter case")


def _subject_value(subject: Subject) -> dict[str, object]:
    value: dict[str, object] = {"digest": dict(subject.digests)}
    if subject.name:
        value["name"] = subject.name
    if subject.annotations:
        value["annotations"] = dict(subject.annotations)
    return value
