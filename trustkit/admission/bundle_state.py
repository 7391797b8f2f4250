"""What is written down of a policy bundle: which one is in force, and the evidence found beside it."""

import json
from datetime import UTC, datetime

from trustkit import limits
from trustkit.codec import base64
from trustkit.codec.strict_json import as_int, as_list, as_object, as_text, parse
from trustkit.errors import MalformedError
from trustkit.fips.hashing import digest_of
from trustkit.model.digest import Digest
from trustkit.model.evidence import Evidence, Gathered, Place
from trustkit.model.values import NamedTuple

_WHAT = "state of the policy bundle"
_EVIDENCE = "evidence of the policy bundle"
_TEXTS = ("kind", "pattern", "media_type", "artifact_type", "content")


class BundleState(NamedTuple):
    """The bundle in force. `checked`: when it was last confirmed; `tried`, `problem`: the last try, why it failed.

    `revisions`: the highest that each document ever had here, by name, also of documents that are gone; empty in states
    of before they were remembered.
    """

    reference: str
    digest: Digest
    revision: int
    number: int
    installed: datetime
    checked: datetime
    tried: datetime
    problem: str = ""
    revisions: tuple[tuple[str, int], ...] = ()


def state_bytes(state: BundleState) -> bytes:
    """Return the state as its file holds it."""
    times = {name: getattr(state, name).isoformat() for name in ("installed", "checked", "tried")}
    whole = {**state._asdict(), "digest": str(state.digest), **times, "revisions": dict(state.revisions)}
    return json.dumps(whole, indent=1).encode() + b"\n"


def parse_state(content: bytes) -> BundleState:
    """Return the state in a file's content. Raises MalformedError, LimitExceededError."""
    whole = as_object(parse(content, what=_WHAT, limit_bytes=limits.POLICY_BYTES), _WHAT)
    if set(whole) | {"revisions"} != set(BundleState._fields):
        raise MalformedError(f"{_WHAT} has other members than it should")
    return BundleState(
        as_text(whole["reference"], _WHAT),
        Digest.parse(as_text(whole["digest"], _WHAT)),
        as_int(whole["revision"], _WHAT),
        as_int(whole["number"], _WHAT),
        _moment(whole["installed"]),
        _moment(whole["checked"]),
        _moment(whole["tried"]),
        as_text(whole["problem"], _WHAT),
        tuple((name, as_int(told, _WHAT)) for name, told in as_object(whole.get("revisions", {}), _WHAT).items()),
    )


def evidence_bytes(found: Gathered, accepted: frozenset[Digest]) -> bytes:
    """Return evidence as its file holds it: as much as may be kept, what was accepted first, small items before large.

    Whoever may lay things beside a bundle can pad them, a copy of an accepted one too.
    """
    items = (item for item in found.items if len(item.content) <= limits.POLICY_EVIDENCE_BYTES)
    written = sorted((item.digest not in accepted, _written(item)) for item in items)
    kept: list[str] = []
    left = limits.POLICY_EVIDENCE_BYTES
    for _, (size, text) in written:
        left -= size + len(", ")
        if left < len("[]"):
            break
        kept.append(text)
    return f"[{', '.join(kept)}]".encode()


def _written(item: Evidence) -> tuple[int, str]:
    text = json.dumps(
        {
            "kind": item.place.kind,
            "pattern": item.place.pattern,
            "media_type": item.media_type,
            "artifact_type": item.artifact_type,
            "annotations": dict(item.annotations),
            "layers": item.layers,
            "content": base64.encode(item.content),
        }
    )
    return len(text), text


def parse_evidence(content: bytes) -> Gathered:
    """Return the evidence in a file's content, which proves nothing yet. Raises MalformedError, LimitExceededError."""
    value = parse(content, what=_EVIDENCE, limit_bytes=limits.POLICY_BUNDLE_BYTES, fold_names=False)
    return Gathered(tuple(_item(one) for one in as_list(value, _EVIDENCE)[: limits.EVIDENCE_ITEMS]), complete=True)


def _item(value: object) -> Evidence:
    one = as_object(value, _EVIDENCE)
    texts = {name: as_text(one.get(name), _EVIDENCE) for name in _TEXTS}
    content = base64.decode(texts["content"], _EVIDENCE)
    annotations = as_object(one.get("annotations"), _EVIDENCE)
    return Evidence(
        Place(texts["kind"], texts["pattern"]),
        texts["media_type"],
        digest_of(content),
        content,
        {name: as_text(told, _EVIDENCE) for name, told in annotations.items()},
        texts["artifact_type"],
        layers=as_int(one.get("layers"), _EVIDENCE),
    )


def _moment(value: object) -> datetime:
    text = as_text(value, _WHAT)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise MalformedError(f"{_WHAT} has a time that is none: {text[:40]!r}") from error
    if at.tzinfo is None:
        raise MalformedError(f"{_WHAT} has a time without a zone")
    return at.astimezone(UTC)
