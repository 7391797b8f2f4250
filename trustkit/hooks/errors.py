"""The errors of hooks: what other engines ask cannot be understood, or cannot be answered in time.

Whatever the error, the hook's answer to its engine is a refusal with the reason.
"""

from trustkit.errors import TrustkitError, UsageError


class HookError(TrustkitError):
    """A hook failed, so nothing was admitted."""

    code = "hook"


class HookRequestError(UsageError):
    """What an engine asked is not what its interface says: flags, a media type, a member is missing or wrong."""

    code = "usage.hook"


class HookMismatchError(HookError):
    """Two parts of one question name different images, or the thing to run is not the thing that was admitted."""

    code = "hook.mismatch"
    exit_status = 1


class HookDeadlineError(HookError):
    """There was no decision in time."""

    code = "hook.deadline"
    exit_status = 3


class NoRecordedAdmissionError(HookError):
    """No decision on record admits what is to run."""

    code = "hook.not_admitted"
    exit_status = 1


class HookRefusedError(HookError):
    """What an engine was asked to do is of a kind that could run what nobody judged."""

    code = "hook.refused"
    exit_status = 1


class HookEngineError(HookError):
    """The engine was asked what it is about to use, and gave no usable answer."""

    code = "hook.engine"
    exit_status = 3
