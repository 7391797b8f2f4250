"""What a containerd has: containers and images of its namespaces. Reads only."""

import asyncio
from pathlib import Path

from trustkit import limits
from trustkit.engine.containerd.client import Client
from trustkit.engine.protos import containers_pb2, images_pb2, namespaces_pb2, task_pb2, tasks_pb2
from trustkit.errors import LimitExceededError, TrustkitError
from trustkit.model.digest import Digest
from trustkit.model.found import Found
from trustkit.model.reference import ImageRef

_SECONDS = 20.0
ENGINE = "containerd"


def containerd_images(address: Path, namespaces: tuple[str, ...] = ()) -> list[Found]:
    """Return every container with the image it was made of, in these namespaces or all. Raises EngineError."""
    return asyncio.run(_all(address, namespaces))


async def _all(address: Path, namespaces: tuple[str, ...]) -> list[Found]:
    found: list[Found] = []
    for namespace in namespaces or await _namespaces(address):
        client = Client(address, namespace)
        try:
            found += await _in_namespace(client)
        finally:
            await client.close()
    return found


async def _namespaces(address: Path) -> tuple[str, ...]:
    client = Client(address, "default")
    try:
        request = namespaces_pb2.ListNamespacesRequest()
        answer = await client.call(
            "namespaces.v1.Namespaces/List", request, namespaces_pb2.ListNamespacesResponse, timeout_seconds=_SECONDS
        )
    finally:
        await client.close()
    return tuple(sorted(one.name for one in answer.namespaces))


async def _in_namespace(client: Client) -> list[Found]:
    containers = await client.call(
        "containers.v1.Containers/List",
        containers_pb2.ListContainersRequest(),
        containers_pb2.ListContainersResponse,
        timeout_seconds=_SECONDS,
    )
    if len(containers.containers) > limits.SCANNED:
        raise LimitExceededError(f"containerd has more than {limits.SCANNED} containers in {client.namespace}")
    images = await client.call(
        "images.v1.Images/List", images_pb2.ListImagesRequest(), images_pb2.ListImagesResponse, timeout_seconds=_SECONDS
    )
    tasks = await client.call(
        "tasks.v1.Tasks/List", tasks_pb2.ListTasksRequest(), tasks_pb2.ListTasksResponse, timeout_seconds=_SECONDS
    )
    ended = (task_pb2.STOPPED, task_pb2.UNKNOWN)
    running = {one.container_id or one.id for one in tasks.tasks if one.status not in ended}
    digests = {one.name: one.target.digest for one in images.images}
    return [
        _found(client.namespace, one.id, one.image, digests.get(one.image, ""), running=one.id in running)
        for one in containers.containers
    ]


def _found(namespace: str, name: str, image: str, digest: str, *, running: bool) -> Found:
    place = f"{ENGINE} {namespace}"
    if not digest:
        problem = "containerd no longer knows which image it was made of"
        return Found(place, name, image, ENGINE, running, None, problem)
    try:
        ref = ImageRef.parse(f"docker://{image}").with_digest(Digest.parse(digest))
    except TrustkitError as error:
        return Found(place, name, image, ENGINE, running, None, error.message)
    return Found(place, name, image, ENGINE, running, ref._replace(given=str(ref)))
