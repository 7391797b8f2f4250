"""Errors to answers: status and code as notary-server and its clients know them. The only such table."""

import json

from trustkit.errors import (
    LimitExceededError,
    MalformedError,
    NotFoundError,
    PublishConflictError,
    RequestError,
    TrustkitError,
    UsageError,
    VerificationError,
)
from trustkit.trust_server.message import Reply

_INTERNAL = 500
_UNSAID = "UNKNOWN"
# the first class that fits decides
_TABLE: tuple[tuple[type[TrustkitError], int, str], ...] = (
    (NotFoundError, 404, "METADATA_NOT_FOUND"),
    (LimitExceededError, 413, "INVALID_UPDATE"),
    (MalformedError, 400, "INVALID_UPDATE"),
    (VerificationError, 400, "INVALID_UPDATE"),
    (UsageError, 400, "INVALID_REQUEST"),
    (PublishConflictError, 400, "VERSION"),
)
# What notary's clients can read aloud: the name of an error of theirs, by the role that was refused.
_NAMES = {"root": "ErrBadRoot", "snapshot": "ErrBadSnapshot", "timestamp": "ErrBadSnapshot"}
_BY_STATUS = {"401": "UNAUTHORIZED", "403": "DENIED", "404": "NOT_FOUND", "405": "UNSUPPORTED", "409": "VERSION"}


def reply_of(error: TrustkitError) -> Reply:
    """Return the answer that tells a client of an error; what failed on our side is not told in detail."""
    status, code = _status_of(error)
    message = error.message if status < _INTERNAL else "the trust server failed; its log says why"
    detail = {"code": error.code, "next_step": error.next_step, **_readable(error, message)}
    item = {"code": code, "message": message, "detail": detail}
    headers: tuple[tuple[str, str], ...] = ()
    if challenge := error.details.get("challenge", ""):
        headers = (("WWW-Authenticate", challenge),)
    return Reply(status, json.dumps({"errors": [item]}).encode(), headers=headers)


def _status_of(error: TrustkitError) -> tuple[int, str]:
    if isinstance(error, RequestError):
        status = error.details.get("status", "400")
        return int(status), error.details.get("notary", _BY_STATUS.get(status, "INVALID_REQUEST"))
    for kind, status_code, name in _TABLE:
        if isinstance(error, kind):
            return status_code, name
    return _INTERNAL, _UNSAID


def _readable(error: TrustkitError, message: str) -> dict[str, object]:
    """Return what makes a client of notary's repeat our reason instead of "server rejected operation"."""
    role = error.details.get("role", "")
    if isinstance(error, PublishConflictError):
        role = "snapshot"
    if not role:
        return {}
    if "hierarchy" in error.details:
        return {"Name": "ErrBadHierarchy", "Error": {"Missing": role, "Msg": message}}
    return {"Name": _NAMES.get(role, "ErrBadTargets"), "Error": {"Msg": message}}
