"""What was read of reviews, kept: the pods of one workload differ in their names, and ask for the same.

Everything an answer rests on is part of the key, byte by byte, so equal keys are equal questions. Only what was read
strictly and whole is kept, and only of objects that are new: an update hangs on what was stored too.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from trustkit import limits
from trustkit.hooks.kubernetes.containers import Use
from trustkit.hooks.kubernetes.images import wanted_images
from trustkit.hooks.kubernetes.json_text import Object, members, text_of
from trustkit.hooks.kubernetes.pods import KINDS, CustomPath
from trustkit.hooks.kubernetes.review import CREATE, Kind, Review

_NONE = msgspec.Raw(b"")
_SPEC, _ANNOTATIONS = "spec", "annotations"
_Key = tuple[Kind, str, str, bytes, bytes]


class Question:
    """The images of a new object and what is asked for each; the same question is the same object, and no other."""

    __slots__ = ("_found_out", "uses")

    def __init__(self, uses: tuple[Use, ...]) -> None:
        """Keep each use once."""
        self.uses = tuple({(use.image, use.request, use.pull): use for use in uses}.values())
        self._found_out: asyncio.Event | None = None

    @contextmanager
    def finding_out(self) -> Iterator[None]:
        """Say that the answer is being found out; the first who does lets the others wait."""
        if self._found_out is not None:
            yield
            return
        self._found_out = found_out = asyncio.Event()
        try:
            yield
        finally:
            self._found_out = None
            found_out.set()

    async def found_out(self) -> None:
        """Wait for who is finding the answer out, if somebody is."""
        if self._found_out is not None:
            await self._found_out.wait()


class Questions:
    """A bounded memory of questions, for one event loop."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._kept: OrderedDict[_Key, Question] = OrderedDict()

    def of(self, review: Review, custom: tuple[CustomPath, ...] = ()) -> Question | None:
        """Return the question of a review that brings in a new object; None for all others.

        Raises MalformedError, LimitExceededError.
        """
        if review.operation != CREATE or review.new is None or review.kind not in KINDS:
            return None
        if any(path.kind == review.kind for path in custom):
            return None
        key = _key(review, review.new)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        question = Question(wanted_images(review).new)
        if len(key[3]) + len(key[4]) <= limits.QUESTION_BYTES:
            self._kept[key] = question
            while len(self._kept) > limits.QUESTIONS:
                self._kept.popitem(last=False)
        return question


def _key(review: Review, new: Object) -> _Key:
    """Return all that `wanted_images` looks at, as it was written. Raises MalformedError."""
    path = KINDS[review.kind]
    spec = new.get(path[0] if path else _SPEC, _NONE)
    annotations = _NONE
    if not path and "metadata" in new:
        annotations = members(new["metadata"], "metadata").get(_ANNOTATIONS, _NONE)
    return review.kind, review.namespace, review.user, text_of(spec), bytes(annotations)
