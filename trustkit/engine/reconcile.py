"""At start: which containers of the state are still there, and what is there without being in the state."""

from trustkit.engine import create, lifecycle
from trustkit.engine.container import Container
from trustkit.engine.parts import Parts
from trustkit.engine.values import Status


async def adopted(parts: Parts) -> tuple[Container, ...]:
    """Return the containers, watched again if they run; remove what is half made or unknown to the state."""
    rows = parts.state.containers()
    await parts.network.sweep({row.netns for row in rows})
    records = set(await parts.tasks.records())
    containers = []
    for row in rows:
        container = Container(parts, row)
        if row.status is Status.CREATED and row.id not in records:
            # The daemon was killed in the middle of `create`.
            await create.erase(container, volumes=True)
        else:
            await lifecycle.adopt(container)
            containers.append(container)
    for orphan in records - {row.id for row in rows}:
        await parts.tasks.delete(orphan)
        await parts.tasks.delete_record(orphan)
        await parts.snapshots.remove(orphan)
    if any(row.network.mode == "bridge" and row.status is Status.RUNNING for row in rows):
        await parts.network.raise_bridge()
    parts.network.prepare()
    return tuple(containers)
