"""AdmissionReview v1 (admission.k8s.io): a request read from bytes, and the answer to it written.

Specification: kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec

from trustkit import limits
from trustkit.codec.base64 import encode as to_base64
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.hooks.kubernetes.json_text import Members, Object, members, value
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
_ABSENT = msgspec.Raw()
# What the API server says of most users; longer texts are read each time.
_USER_BYTES = 2048
# A text that says what it spells.
_PLAIN = re.compile(rb'"[ !#-\[\]-~]*"\Z')


class Kind(NamedTuple):
    """Group and kind of an object; the version does not matter here."""

    group: str
    kind: str

    def __str__(self) -> str:
        """Return `group/Kind`, or the kind alone for the core group."""
        return f"{self.group}/{self.kind}" if self.group else self.kind


class Review(NamedTuple):
    """What the API server asks.

    `new` and `old` are the members of the objects that matter to us, None where there is no object.
    """

    uid: str
    kind: Kind
    operation: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    user: str = ""
    dry_run: bool = False
    new: Object | None = None
    old: Object | None = None


class _Object(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    # a pod and what makes pods, in the order in which Go writes them
    kind: str | msgspec.UnsetType = msgspec.UNSET
    api_version: str | msgspec.UnsetType = msgspec.UNSET
    metadata: dict[str, msgspec.Raw]
    template: msgspec.Raw = _ABSENT
    spec: msgspec.Raw = _ABSENT
    status: msgspec.Raw = _ABSENT


class _Request(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    # in the order in which Go writes them
    uid: str
    kind: msgspec.Raw
    resource: msgspec.Raw = _ABSENT
    sub_resource: str | msgspec.UnsetType = msgspec.UNSET
    request_kind: msgspec.Raw = _ABSENT
    request_resource: msgspec.Raw = _ABSENT
    request_sub_resource: str | msgspec.UnsetType = msgspec.UNSET
    name: str | msgspec.UnsetType = msgspec.UNSET
    namespace: str | msgspec.UnsetType = msgspec.UNSET
    operation: str
    user_info: msgspec.Raw = _ABSENT
    object: _Object | msgspec.UnsetType | None = msgspec.UNSET
    old_object: _Object | msgspec.UnsetType | None = msgspec.UNSET
    dry_run: bool | msgspec.UnsetType | None = msgspec.UNSET
    options: msgspec.Raw = _ABSENT


class _Whole(msgspec.Struct, rename="camel"):
    kind: str
    api_version: str
    request: _Request


_WHOLE = msgspec.json.Decoder(_Whole)


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
    text = body.removesuffix(b"\n")
    found = _at_once(text)
    return _read_slowly(text) if found is None else found


def _at_once(text: bytes) -> Review | None:
    """Return the review in the spelling of kube-apiserver, read in one pass; None for every other."""
    try:
        outer = _WHOLE.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    asked = outer.request
    # As in `json_text`: text with a name twice, a space, an escape or an unknown member does not come out again.
    if _ENCODE(outer) != text:
        return None
    if outer.kind != "AdmissionReview" or outer.api_version != API_VERSION or not _UID.match(asked.uid):
        return None
    return Review(
        asked.uid,
        _kind_of(bytes(asked.kind)),
        asked.operation,
        asked.namespace or "",
        asked.name or "",
        asked.sub_resource or "",
        _user_of(bytes(asked.user_info)),
        asked.dry_run is True,
        _read(asked.object) if isinstance(asked.object, _Object) else None,
        _read(asked.old_object) if isinstance(asked.old_object, _Object) else None,
    )


def _read(found: _Object) -> Object:
    read: dict[str, msgspec.Raw | Members] = {"metadata": found.metadata}
    if found.spec is not _ABSENT:
        read["spec"] = found.spec
    if found.status is not _ABSENT:
        read["status"] = found.status
    if found.template is not _ABSENT:
        read["template"] = found.template
    return read


def _read_slowly(text: bytes) -> Review:
    outer = members(text, "the review")
    if _text(outer, "kind") != "AdmissionReview" or _text(outer, "apiVersion") != API_VERSION:
        raise MalformedError(f"not an AdmissionReview of {API_VERSION}", next_step="list v1 in admissionReviewVersions")
    inner = _object(outer, "request")
    if inner is None:
        raise MalformedError("the review has no request")
    uid = _text(inner, "uid")
    if not _UID.match(uid):
        raise MalformedError("the review's uid is missing or no identifier")
    # by place: names cost a thousand reviews a second five percent
    return Review(
        uid,
        _kind_of(bytes(inner.get("kind", _NULL))),
        _text(inner, "operation"),
        _text(inner, "namespace"),
        _text(inner, "name"),
        _text(inner, "subResource"),
        _user_of(bytes(inner.get("userInfo", _NULL))),
        _flag(inner, "dryRun"),
        _object(inner, "object"),
        _object(inner, "oldObject"),
    )


@lru_cache(maxsize=256)
def _kind_of(text: bytes) -> Kind:
    found = value(text, "kind")
    if not isinstance(found, dict):
        raise MalformedError("the review names no kind")
    return Kind(_member(found, "group"), _member(found, "kind"))


def _user_of(text: bytes) -> str:
    return _known_user(text) if len(text) <= _USER_BYTES else _read_user(text)


def _read_user(text: bytes) -> str:
    found = value(text, "userInfo")
    return _member(found, "username") if isinstance(found, dict) else ""


_known_user = lru_cache(maxsize=1024)(_read_user)


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
    text = of.get(name)
    if text is None:
        return ""
    plain = bytes(text)
    if _PLAIN.match(plain):
        return plain[1:-1].decode("ascii")
    found = value(plain, name)
    if found is not None and not isinstance(found, str):
        raise MalformedError(f"{name} is no text")
    return found or ""


def _flag(of: Members, name: str) -> bool:
    text = bytes(of.get(name, _NULL))
    return text == b"true" or (text not in (b"false", _NULL) and value(text, name) is True)


def _member(of: Mapping[str, object], name: str) -> str:
    found = of.get(name, "")
    if not isinstance(found, str):
        raise MalformedError(f"{name} is no text")
    return found
