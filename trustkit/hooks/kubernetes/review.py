"""AdmissionReview v1 (admission.k8s.io): a request read from bytes, and the answer to it written.

Specification: kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

from trustkit import limits
from trustkit.codec.base64 import encode as to_base64
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.hooks.kubernetes.json_text import Members, members, value
from trustkit.model.values import NamedTuple

API_VERSION = "admission.k8s.io/v1"
CREATE, UPDATE, DELETE = "CREATE", "UPDATE", "DELETE"
_UID = re.compile(r"[A-Za-z0-9._-]{1,128}\Z")
_WARNINGS = 16
_WARNING_CHARS = 120
_MESSAGE_CHARS = 2048
_FORBIDDEN = 403
_ENCODE = msgspec.json.Encoder().encode
_NULL = b"null"


class Kind(NamedTuple):
    """Group and kind of an object; the version does not matter here."""

    group: str
    kind: str

    def __str__(self) -> str:
        """Return `group/Kind`, or the kind alone for the core group."""
        return f"{self.group}/{self.kind}" if self.group else self.kind


class Review(NamedTuple):
    """What the API server asks. `new` and `old` are the members of the objects, None where there is none."""

    uid: str
    kind: Kind
    operation: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    user: str = ""
    dry_run: bool = False
    new: Members | None = None
    old: Members | None = None


class Answer(NamedTuple):
    """Whether the object may be stored, why not, what to tell its author, and RFC 6902 changes to it."""

    allowed: bool
    message: str = ""
    warnings: tuple[str, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    patch: tuple[Mapping[str, object], ...] = ()


def parse_review(body: bytes) -> Review:
    """Return the review of a request's body. Raises MalformedError, LimitExceededError."""
    if len(body) > limits.REVIEW_BYTES:
        raise LimitExceededError(f"the review is {len(body)} bytes, more than the {limits.REVIEW_BYTES} allowed")
    # Go ends what it encodes with a line feed
    outer = members(body.removesuffix(b"\n"), "the review")
    if _text(outer, "kind") != "AdmissionReview" or _text(outer, "apiVersion") != API_VERSION:
        raise MalformedError(f"not an AdmissionReview of {API_VERSION}", next_step="list v1 in admissionReviewVersions")
    inner = _object(outer, "request")
    if inner is None:
        raise MalformedError("the review has no request")
    uid = _text(inner, "uid")
    if not _UID.match(uid):
        raise MalformedError("the review's uid is missing or no identifier")
    kind = value(inner.get("kind", _NULL), "kind")
    user = value(inner.get("userInfo", _NULL), "userInfo")
    if not isinstance(kind, dict):
        raise MalformedError("the review names no kind")
    return Review(
        uid=uid,
        kind=Kind(_member(kind, "group"), _member(kind, "kind")),
        operation=_text(inner, "operation"),
        namespace=_text(inner, "namespace"),
        name=_text(inner, "name"),
        subresource=_text(inner, "subResource"),
        user=_member(user, "username") if isinstance(user, dict) else "",
        dry_run=value(inner.get("dryRun", _NULL), "dryRun") is True,
        new=_object(inner, "object"),
        old=_object(inner, "oldObject"),
    )


def uid_of(body: bytes) -> str:
    """Return the uid of a review that is otherwise unusable, so that it can be answered at all; or nothing."""
    try:
        uid = _text(members(_object_text(body), "request"), "uid")
    except MalformedError:
        return ""
    return uid if _UID.match(uid) else ""


def write_answer(uid: str, answer: Answer) -> bytes:
    """Return the bytes of the answer to the review with this uid."""
    response: dict[str, object] = {"uid": uid, "allowed": answer.allowed}
    if not answer.allowed:
        message = printable(answer.message, _MESSAGE_CHARS)
        response["status"] = {"code": _FORBIDDEN, "reason": "Forbidden", "message": message}
    if answer.warnings:
        response["warnings"] = _warnings(answer.warnings)
    if answer.annotations:
        response["auditAnnotations"] = dict(answer.annotations)
    if answer.allowed and answer.patch:
        response["patchType"] = "JSONPatch"
        response["patch"] = to_base64(_ENCODE(answer.patch))
    return _ENCODE({"apiVersion": API_VERSION, "kind": "AdmissionReview", "response": response})


def printable(text: str, most: int) -> str:
    """Return the text on one line, without what a terminal or a header would act on, and cut to `most` characters."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    return plain if len(plain) <= most else plain[: most - 3] + "..."


def _warnings(given: Sequence[str]) -> list[str]:
    distinct = list(dict.fromkeys(printable(text, _WARNING_CHARS) for text in given))
    if len(distinct) <= _WARNINGS:
        return distinct
    return [*distinct[: _WARNINGS - 1], f"and {len(distinct) - _WARNINGS + 1} more warnings"]


def _object_text(body: bytes) -> bytes | msgspec.Raw:
    if len(body) > limits.REVIEW_BYTES:
        raise LimitExceededError("the review is too large")
    return members(body, "the review").get("request", _NULL)


def _object(of: Members, name: str) -> Members | None:
    text = of.get(name)
    return None if text is None or bytes(text) == _NULL else members(text, name)


def _text(of: Members, name: str) -> str:
    found = value(of.get(name, _NULL), name)
    if found is not None and not isinstance(found, str):
        raise MalformedError(f"{name} is no text")
    return found or ""


def _member(of: Mapping[str, object], name: str) -> str:
    found = of.get(name, "")
    if not isinstance(found, str):
        raise MalformedError(f"{name} is no text")
    return found
