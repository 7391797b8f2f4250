"""Who listens for what must be on record gets each event; who listens to all may lose the oldest."""

import asyncio
from datetime import UTC, datetime

from trustkit.engine.events import Events

MANY = 5000


def publish(events: Events, action: str, times: int) -> None:
    for number in range(times):
        events.publish("container", action, str(number), {})


async def read(events: Events, actions: tuple[str, ...], published: tuple[str, ...]) -> list[tuple[str, str]]:
    """Subscribe, publish more than a slow listener keeps of each, and read what is there."""
    stream = events.subscribe(actions)
    for action in published:
        publish(events, action, MANY)
    events.publish("container", "die", "last", {})
    found = []
    async for event in stream:
        found.append((event.action, event.subject))
        if event.subject == "last":
            return found
    return found


def test_a_listener_for_named_actions_loses_none() -> None:
    found = asyncio.run(read(Events(lambda: datetime.now(UTC)), ("die",), ("die",)))
    assert found == [*(("die", str(number)) for number in range(MANY)), ("die", "last")]


def test_a_listener_for_named_actions_is_told_of_no_other() -> None:
    found = asyncio.run(read(Events(lambda: datetime.now(UTC)), ("die",), ("exec_start", "resize")))
    assert found == [("die", "last")]


def test_a_listener_to_all_loses_the_oldest_first() -> None:
    found = asyncio.run(read(Events(lambda: datetime.now(UTC)), (), ("exec_start",)))
    assert 0 < len(found) < MANY
    assert found[-2:] == [("exec_start", str(MANY - 1)), ("die", "last")]
