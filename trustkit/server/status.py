"""Errors to HTTP answers: the only table.

The body is Docker's `{"message": …}`, which every client shows, and a member `trustkit` with what our own
command line needs: code, message, next_step, exit_status, details.
"""

import json

from trustkit import errors
from trustkit.engine.errors import ConflictError, NoSuchContainerError, NoSuchImageError
from trustkit.errors import TrustkitError
from trustkit.server.message import Reply

# The most special class of an error's ancestry that stands here decides.
_STATUS: dict[type[TrustkitError], int] = {
    errors.UsageError: 400,
    errors.PolicySyntaxError: 500,
    errors.ConfigError: 500,
    errors.KeyFileError: 500,
    errors.PluginError: 500,
    errors.MalformedError: 422,
    errors.VerificationError: 403,
    errors.AlgorithmNotApprovedError: 403,
    errors.AdmissionDenied: 403,
    errors.SourceError: 502,
    errors.NotFoundError: 404,
    errors.UnauthorizedError: 401,
    errors.RateLimitedError: 429,
    errors.UnreachableError: 504,
    NoSuchContainerError: 404,
    NoSuchImageError: 404,
    ConflictError: 409,
    errors.StorageError: 507,
    TrustkitError: 500,
}


def status_of(error: TrustkitError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, errors.RequestError):
        return int(error.details["status"])
    # Docker answers 400 when the runtime cannot start the command, and clients read the exit status off the text.
    if error.details.get("exit_code"):
        return 400
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def members_of(error: TrustkitError) -> dict[str, object]:
    """Return the JSON members that describe an error."""
    message = error.message
    if isinstance(error, errors.AdmissionDenied):
        message = f"refused: {message}"
    if error.next_step:
        message = f"{message} (next: {error.next_step})"
    return {
        "message": message,
        "trustkit": {
            "code": error.code,
            "message": error.message,
            "next_step": error.next_step,
            "exit_status": error.exit_status,
            "details": dict(error.details),
        },
    }


def reply_of(error: TrustkitError) -> Reply:
    """Return the answer to a request that failed."""
    return Reply(status_of(error), json.dumps(members_of(error)).encode() + b"\n")
