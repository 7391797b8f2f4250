"""Requests to answers: by route, on record, and a refusal whatever goes wrong."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from trustkit.admission.batched_log import BatchedLog
from trustkit.errors import TrustkitError
from trustkit.hooks.docker import checking, routes
from trustkit.hooks.docker.judging import Judge, Judged
from trustkit.hooks.docker.names import Names
from trustkit.hooks.docker.question import Question, parse_question
from trustkit.hooks.docker.routes import Matched, require_allowed, route_of
from trustkit.hooks.errors import HookDeadlineError, HookError
from trustkit.model.audit import AuditEvent
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.values import NamedTuple

KIND = "docker"
# A silent registry must not keep a client waiting without end; docker itself waits as long as it takes.
_SECONDS = 90.0
_CHARS = 512
_LOG = logging.getLogger(__name__)


class Answer(NamedTuple):
    """Whether dockerd may go on, and if not, what it tells its client."""

    allowed: bool
    message: str = ""


class Decider(NamedTuple):
    """What answers dockerd: the judge, the names in use, and the log."""

    judge: Judge
    names: Names
    log: BatchedLog
    now: Callable[[], datetime]

    async def answer(self, content: bytes) -> Answer:
        """Return the answer to dockerd's message; never an error."""
        try:
            question = parse_question(content)
        except TrustkitError as error:
            return await self._refused(None, error)
        try:
            matched = route_of(question)
            if matched.route.how == routes.READ:
                # looked at without a record; the questions that we ask dockerd come this way too
                return Answer(True)
            return await self._decided(matched, question)
        except TrustkitError as error:
            return await self._refused(question, error)
        except Exception:  # noqa: BLE001  (whatever fails, dockerd must be told no)
            _LOG.exception("a fault of ours")
            return await self._refused(question, HookError("internal error; the plugin's output has the details"))

    def finished(self, content: bytes) -> None:
        """Take note that dockerd is done with a request: it may be the one that held a name."""
        try:
            question = parse_question(content)
        except TrustkitError:
            return
        self.names.end(question)

    async def _decided(self, matched: Matched, question: Question) -> Answer:
        self.names.begin(matched, question)
        try:
            if matched.route.how == routes.GATE:
                async with asyncio.timeout(_SECONDS):
                    judged = await asyncio.to_thread(self._by_gate, matched, question)
            else:
                judged = self._by_route(matched, question)
            await self.log.append(_event(question, judged, self.now()))
        except BaseException as error:
            self.names.end(question)
            if isinstance(error, TimeoutError):
                message = f"there was no decision within {_SECONDS:.0f} seconds"
                raise HookDeadlineError(message, next_step="look whether the registry answers") from error
            raise
        return Answer(True)

    def _by_route(self, matched: Matched, question: Question) -> Judged:
        """Decide without looking at an image. Raises TrustkitError."""
        route = matched.route
        if route.how == routes.CLASS:
            require_allowed((route.name,), self.judge.allowed)
            return Judged(matched.target, note=f"allowed by class {route.name}")
        if route.how == routes.CHECKED:
            checking.check(route.name, question, self.judge.allowed)
            return Judged(matched.target)
        return Judged(matched.target)

    def _by_gate(self, matched: Matched, question: Question) -> Judged:
        """Decide in a thread, for dockerd and registries are asked. Raises TrustkitError."""
        if matched.route.name == routes.PULL:
            return self.judge.pull(question)
        if matched.route.name == routes.CREATE:
            return self.judge.create(question)
        return self.judge.start(question, matched.target)

    async def _refused(self, question: Question | None, error: TrustkitError) -> Answer:
        message = f"{error.message}; next: {error.next_step}" if error.next_step else error.message
        try:
            outcome = DENY if error.exit_status in (1, 2) else "unknown"
            await self.log.append(_refusal(question, message, outcome, self.now()))
        except TrustkitError as failed:
            message = f"{message} (and it is not on record: {failed.message})"
        return Answer(False, message[: 4 * _CHARS])


def _event(question: Question, judged: Judged, now: datetime) -> AuditEvent:
    """Return the record of a request that goes on; the decisions on images are in the records it names."""
    body = {**_about(question), "image": judged.image[:_CHARS], "decisions": list(judged.records),
            "message": judged.note[:_CHARS]}  # fmt: skip
    return AuditEvent(now, KIND, ALLOW, None, body)


def _refusal(question: Question | None, message: str, outcome: str, now: datetime) -> AuditEvent:
    about = _about(question) if question else {"name": "a message that cannot be read"}
    return AuditEvent(now, KIND, outcome, None, {**about, "message": message[: 4 * _CHARS]})


def _about(question: Question) -> dict[str, object]:
    name = f"{question.method} {question.path}"[:_CHARS]
    # not the query: addresses in it may hold passwords
    return {"name": name, "actor": question.actor[:_CHARS]}
