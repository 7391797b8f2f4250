"""Answers leave as one piece: what uvicorn writes in one step of the event loop is sent together, and all of it."""

import asyncio
from collections.abc import Callable

from trustkit.hooks.kubernetes.joined import Joined


class Sent:
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.closed_after = -1

    def write(self, data: bytes) -> None:
        self.pieces.append(data)

    def close(self) -> None:
        self.closed_after = len(self.pieces)

    def is_closing(self) -> bool:
        return self.closed_after >= 0


def sent(*steps: Callable[[Joined], None]) -> Sent:
    """Take each step in an iteration of its own."""
    transport = Sent()

    async def take() -> None:
        joined = Joined(transport)  # type: ignore[arg-type]
        for step in steps:
            step(joined)
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(take())
    return transport


def head_and_body(joined: Joined) -> None:
    joined.write(b"head")
    joined.write(b"body")


def test_what_is_written_in_one_step_is_sent_together() -> None:
    assert sent(head_and_body).pieces == [b"headbody"]


def test_what_is_written_later_is_sent_after_it() -> None:
    assert sent(head_and_body, lambda joined: joined.write(b"next")).pieces == [b"headbody", b"next"]


def test_nothing_that_was_written_is_lost_by_closing() -> None:
    def close(joined: Joined) -> None:
        joined.write(b"last words")
        joined.close()

    transport = sent(close)
    assert (transport.pieces, transport.closed_after) == ([b"last words"], 1)


def test_nothing_is_sent_twice_after_closing() -> None:
    def close(joined: Joined) -> None:
        head_and_body(joined)
        joined.close()

    assert sent(close).pieces == [b"headbody"]


def test_all_else_is_asked_of_the_transport() -> None:
    transport = Sent()

    async def ask() -> tuple[bool, bool]:
        joined = Joined(transport)  # type: ignore[arg-type]
        before: bool = joined.is_closing()
        joined.close()
        return before, joined.is_closing()

    assert asyncio.run(ask()) == (False, True)
