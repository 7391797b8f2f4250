"""Reviews to answers: pin what has a tag (mutating), decide on everything again (validating)."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from math import inf

from trustkit.admission.batched_log import BatchedLog
from trustkit.admission.cached_gate import CachedGate, Ruling
from trustkit.admission.judge import Established, PullCredentials
from trustkit.errors import ConfigError, ReferenceSyntaxError, TrustkitError
from trustkit.hooks.kubernetes.containers import Use
from trustkit.hooks.kubernetes.images import is_being_deleted, registry_image, wanted_images
from trustkit.hooks.kubernetes.namespaces import Namespaces
from trustkit.hooks.kubernetes.pods import CustomPath
from trustkit.hooks.kubernetes.pull_secrets import PullSecrets
from trustkit.hooks.kubernetes.questions import Question, Questions
from trustkit.hooks.kubernetes.records import ImageRow, image_rows, review_event, review_row
from trustkit.hooks.kubernetes.review import Answer, Kind, Review
from trustkit.model.reference import ImageRef
from trustkit.model.values import NamedTuple
from trustkit.policy.means import POD_PULL_SECRETS

_CHARS = 512
_POD = Kind("", "Pod")


class Decider(NamedTuple):
    """What answers reviews: the gate in force, the log, where custom kinds keep their images, who knows namespaces.

    `pulls` reads the credentials pods bring along; without it ours are all there are.
    """

    gate: Callable[[], CachedGate]
    log: BatchedLog
    now: Callable[[], datetime]
    custom: tuple[CustomPath, ...] = ()
    namespaces: Namespaces | None = None
    pulls: PullSecrets | None = None
    questions: Questions = Questions()

    async def validate(self, review: Review, seconds: float) -> Answer:
        """Return whether the object may be stored; every image is judged, and the answer is on record.

        Raises TrustkitError, TimeoutError: nothing is allowed.
        """
        gate = self.gate()
        question = self._question(gate, review)
        kept = None if question is None else gate.remembered(question)
        if kept is None:
            async with asyncio.timeout(seconds):
                return await self._found_out(gate, review, question)
        answer: Answer = kept[0]
        await self.log.append_row(review_row(review, kept[1]), seconds)
        return answer

    async def _found_out(self, gate: CachedGate, review: Review, question: Question | None) -> Answer:
        """Return the answer; of equal questions at the same time one is decided on first, and may answer the others."""
        if question is None:
            return (await self._decided(gate, review, None))[0]
        await question.found_out()
        kept = gate.remembered(question)
        if kept is not None:
            known: Answer = kept[0]
            await self.log.append_row(review_row(review, kept[1]))
            return known
        with question.finding_out():
            answer, images, rulings = await self._decided(gate, review, question)
            if answer.allowed:
                gate.remember(question, (answer, images), rulings)
            return answer

    async def _decided(
        self, gate: CachedGate, review: Review, question: Question | None
    ) -> tuple[Answer, tuple[ImageRow, ...], tuple[Ruling, ...]]:
        """Return the answer, once it is on record, the images it is about, and what it rests on."""
        judged = await self._judged(gate, review, question)
        refused = [_refusal(use, ruling) for use, ruling in judged if not ruling.allowed]
        answer = Answer(
            allowed=not refused,
            message="; ".join(refused),
            warnings=tuple(f"trustkit: {text}" for _, ruling in judged for text in ruling.warnings),
            annotations=(("policy", str(gate.gate.kit.policy.digest)),),
        )
        images = image_rows(judged)
        await self.log.append(review_event(review, answer, images, self.now()))
        return answer, images, tuple(ruling for _, ruling in judged)

    async def _judged(
        self, gate: CachedGate, review: Review, question: Question | None
    ) -> tuple[tuple[Use, Ruling], ...]:
        wanted = self._wanted(gate, review) if question is None else question.uses
        uses = await self._labelled(gate, review.namespace, wanted)
        asked = {(use.image, use.request, use.pull): use for use in uses}
        rulings = tuple(await asyncio.gather(*(self._rule(gate, review, use) for use in asked.values())))
        return tuple(zip(asked.values(), rulings, strict=True))

    def _question(self, gate: CachedGate, review: Review) -> Question | None:
        """Return what the review asks if the answer hangs on its words alone. Raises MalformedError."""
        if self.pulls is not None or gate.needs_namespace_labels or gate.gate.kit.means.paths:
            return None
        return self.questions.of(review, self.custom)

    async def mutate(self, review: Review, seconds: float) -> Answer:
        """Return the changes that pin every image that has no digest to the one its tag names now.

        Raises TrustkitError, TimeoutError: a tag cannot be resolved.
        """
        async with asyncio.timeout(seconds):
            return await self._pins(review)

    async def _pins(self, review: Review) -> Answer:
        gate = self.gate()
        if not gate.gate.kit.means.pins_tags:
            return Answer(allowed=True)
        loose = [(use, ref) for use in self._wanted(gate, review) if (ref := registry_image(use.image)).digest is None]
        found = await asyncio.gather(*(self._pinned(gate, review, use, ref) for use, ref in loose))
        # the tag stays for people to read; nodes go by the digest
        return Answer(
            allowed=True,
            patch=tuple(
                {"op": "replace", "path": use.pointer, "value": f"{use.image}@{one.image.digest}"}
                for (use, _), one in zip(loose, found, strict=True)
            ),
        )

    async def refuse(self, review: Review, message: str) -> Answer:
        """Return a denial for a review that was not decided, once it is on record. Raises AuditError, StorageError."""
        answer = Answer(allowed=False, message=message)
        await self.log.append(review_event(review, answer, (), self.now(), outcome="unknown"))
        return answer

    def seconds(self) -> float:
        """Return within how many seconds the policy wants an answer, endless if it says nothing."""
        try:
            return self.gate().gate.kit.means.deadline or inf
        except TrustkitError:
            return inf

    def _wanted(self, gate: CachedGate, review: Review) -> tuple[Use, ...]:
        """Return the images to be decided on. Raises MalformedError."""
        means = gate.gate.kit.means
        custom = self.custom
        if means.paths:
            custom += tuple(CustomPath(Kind(one.group, one.kind), one.what, one.steps) for one in means.paths)
        found = wanted_images(review, custom)
        return found.new + found.unchanged if means.judges_unchanged and not is_being_deleted(review) else found.new

    async def _labelled(self, gate: CachedGate, namespace: str, uses: tuple[Use, ...]) -> tuple[Use, ...]:
        """Return each use once, with the labels of its namespace if the policy looks at them. Raises TrustkitError."""
        if not uses or not namespace or not gate.needs_namespace_labels:
            return tuple(dict.fromkeys(uses))
        if self.namespaces is None:
            raise ConfigError("the policy looks at labels of namespaces, and nobody tells them")
        labels = await self.namespaces.labels(namespace)
        labelled = (use._replace(request=use.request._replace(namespace_labels=labels)) for use in uses)
        return tuple(dict.fromkeys(labelled))

    async def _rule(self, gate: CachedGate, review: Review, use: Use) -> Ruling:
        try:
            ref = registry_image(use.image)
        except ReferenceSyntaxError as error:
            return Ruling(False, None, error.message, "", (), -1)
        if ref.digest is None and review.kind == _POD:
            step = "install the mutating webhook too, or write the digest"
            return Ruling(
                False, None, "it names no digest, so what runs could differ from what was judged", step, (), -1
            )
        try:
            pull = await self._pulling(gate, review, use)
        except TrustkitError as error:
            return await gate.unknown(ref, use.request, error)
        return await gate.rule(ref, use.request, pull)

    async def _pinned(self, gate: CachedGate, review: Review, use: Use, ref: ImageRef) -> Established:
        return await gate.established(ref, await self._pulling(gate, review, use))

    async def _pulling(self, gate: CachedGate, review: Review, use: Use) -> PullCredentials:
        allowed = POD_PULL_SECRETS in gate.gate.kit.means.registry.auth
        if self.pulls is None or not review.namespace or not allowed:
            return PullCredentials()
        return await self.pulls.credentials(review.namespace, use.pull)


def explained(error: TrustkitError) -> str:
    """Return an error as one sentence for whoever asked."""
    return f"{error.message}; next: {error.next_step}" if error.next_step else error.message


def _refusal(use: Use, ruling: Ruling) -> str:
    step = f"; next: {ruling.next_step}" if ruling.next_step else ""
    return f"trustkit: {use.image[:_CHARS]} is not admitted: {ruling.message}{step}"
