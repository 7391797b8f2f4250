"""Changes outside the decision log: on record when they are done, and when an error ends them half way.

Whoever changes something opens the log first, so that one that is broken or cannot be written stops it before.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from trustkit.app import now
from trustkit.audit.events import cut_short
from trustkit.audit.log import DecisionLog
from trustkit.errors import AuditError, PublishRefusedError, StorageError, TrustkitError
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.digest import Digest
from trustkit.oci.push import Sending

_MEND = "mend the log (trustkit audit verify)"


def done(log: DecisionLog, what: str, events: Iterable[AuditEvent], step: str = "") -> tuple[AuditRecord, ...]:
    """Put on record what is done already: `what`, in words, and what to do once the log is mended.

    Raises AuditError, that says what is done, and that it is not on record.
    """
    try:
        return log.append_many(events)
    except (AuditError, StorageError) as error:
        # not as the refusal that the log's error may be: it is done
        raise _unrecorded(what, error, step) from error


@contextmanager
def noting(log: DecisionLog, what: str, event: AuditEvent, step: str = "", *, unsent: bool) -> Iterator[list[str]]:
    """Give a list for the names of what is sent away; an error then puts the event on record, with that list.

    Its outcome is `unknown` if something was sent, for that may be there, and `failed` if nothing was or the server
    refused it; an error before anything was sent is put on record only if `unsent`.

    Raises AuditError if it cannot be put on record, that says what may be there.
    """
    sent: list[str] = []
    try:
        yield sent
    # whatever ends it, an interrupt or a fault of ours too: what was sent may be there
    except BaseException as error:
        if sent or unsent:
            ended = _ended(event, error, sent)
            try:
                log.append(ended)
            except (AuditError, StorageError) as broken:
                words = f"{what} {'may be published' if sent else 'has failed'} ({_words(error)})"
                raise _unrecorded(words, broken, step) from error
        raise


def pushed(
    log: DecisionLog, event: AuditEvent, push: Callable[[Sending], Digest], what: str = "signature"
) -> tuple[Digest, AuditRecord]:
    """Push evidence of the image that an event names, put the event on record, and return the evidence and the record.

    Raises as `push`, AuditError.
    """
    words = f"the {what} of {event.body.get('reference')}"
    with noting(log, words, event, unsent=True) as sent:
        evidence = push(lambda digest: sent.append(str(digest)))
    (record,) = done(log, f"{words} is published", [event._replace(at=now())])
    return evidence, record


def _ended(event: AuditEvent, error: BaseException, sent: list[str]) -> AuditEvent:
    # of several tries only the last one is known to be refused
    failed = not sent or (isinstance(error, PublishRefusedError) and len(sent) == 1)
    code = error.code if isinstance(error, TrustkitError) else "interrupted"
    return cut_short(
        event._replace(at=now()), "failed" if failed else "unknown", code=code, message=_words(error), sent=sent
    )


def _words(error: BaseException) -> str:
    return error.message if isinstance(error, TrustkitError) else str(error) or type(error).__name__


def _unrecorded(what: str, error: TrustkitError, step: str) -> AuditError:
    return AuditError(
        f"{what}, and is not on record: {error.message}", next_step=f"{_MEND}, and {step}" if step else _MEND
    )
