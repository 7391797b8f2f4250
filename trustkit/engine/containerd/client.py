"""Calls to containerd over its unix socket: one channel, our namespace on every call, errors of our own tree."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol, Self, TypeVar

import grpc
import grpc.aio
from google.protobuf.empty_pb2 import Empty

from trustkit.engine.errors import (
    ContainerdError,
    ContainerdExistsError,
    ContainerdNotFoundError,
    ContainerdUnavailableError,
)
from trustkit.engine.protos import namespaces_pb2, version_pb2

# containerd's own bound on messages, both ways.
MESSAGE_BYTES = 16 * 1024 * 1024
_OPTIONS = (
    # A unix socket's path is no valid :authority; Go's gRPC server refuses it.
    ("grpc.default_authority", "localhost"),
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    ("grpc.max_send_message_length", MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 20),
    ("grpc.min_reconnect_backoff_ms", 20),
    ("grpc.max_reconnect_backoff_ms", 500),
    # Without this, channels to the same path share a connection and its back-off.
    ("grpc.use_local_subchannel_pool", 1),
)


class Message(Protocol):
    """What generated messages offer us."""

    def SerializeToString(self) -> bytes:  # noqa: N802  (protobuf's name)
        """Return the wire form."""
        ...

    @classmethod
    def FromString(cls, s: bytes) -> Self:  # noqa: N802
        """Read the wire form."""
        ...


Answer = TypeVar("Answer", bound=Message)


_BY_STATUS: dict[grpc.StatusCode, type[ContainerdError]] = {
    grpc.StatusCode.NOT_FOUND: ContainerdNotFoundError,
    grpc.StatusCode.ALREADY_EXISTS: ContainerdExistsError,
    grpc.StatusCode.UNAVAILABLE: ContainerdUnavailableError,
}


def engine_error(method: str, error: grpc.aio.AioRpcError) -> ContainerdError:
    """Turn a failed call into our error; the text is containerd's."""
    kind = _BY_STATUS.get(error.code(), ContainerdError)
    text = error.details() or f"{error.code().name} from containerd's {method}"
    hint = "see containerd's log in the engine's directory" if kind is ContainerdUnavailableError else ""
    return kind(text, next_step=hint, call=method, status=error.code().name)


class Client:
    """One connection to containerd, bound to one namespace."""

    def __init__(self, address: Path, namespace: str) -> None:
        """Prepare a channel; it connects with the first call and again after every loss."""
        self.address = address
        self.namespace = namespace
        self._channel = grpc.aio.insecure_channel(f"unix:{address}", options=_OPTIONS)

    async def close(self) -> None:
        """Close the channel; calls under way are cancelled."""
        await self._channel.close(None)

    def _metadata(self, lease: str) -> tuple[tuple[str, str], ...]:
        pair = (("containerd-namespace", self.namespace),)
        return (*pair, ("containerd-lease", lease)) if lease else pair

    async def call(
        self,
        method: str,
        request: Message,
        answer: type[Answer],
        *,
        lease: str = "",
        timeout_seconds: float | None = None,
    ) -> Answer:
        """Call `service/Method` and return its answer.

        Raises ContainerdError and its kinds.
        """
        invoke = self._channel.unary_unary(
            f"/containerd.services.{method}",
            request_serializer=_to_bytes,
            response_deserializer=answer.FromString,
        )
        try:
            found: Answer = await invoke(request, metadata=self._metadata(lease), timeout=timeout_seconds)
        except grpc.aio.AioRpcError as error:
            raise engine_error(method, error) from error
        return found

    async def run(self, method: str, request: Message, *, lease: str = "") -> None:
        """Call `service/Method` whose answer is empty.

        Raises ContainerdError and its kinds.
        """
        await self.call(method, request, Empty, lease=lease)

    async def read(self, method: str, request: Message, answer: type[Answer]) -> AsyncIterator[Answer]:
        """Yield the answers of a call that streams them.

        Raises ContainerdError and its kinds.
        """
        invoke = self._channel.unary_stream(
            f"/containerd.services.{method}",
            request_serializer=_to_bytes,
            response_deserializer=answer.FromString,
        )
        try:
            async for item in invoke(request, metadata=self._metadata("")):
                yield item
        except grpc.aio.AioRpcError as error:
            raise engine_error(method, error) from error

    async def exchange(
        self, method: str, requests: AsyncIterator[Message], answer: type[Answer], *, lease: str = ""
    ) -> list[Answer]:
        """Send a stream of requests and return all answers.

        Raises ContainerdError and its kinds, and whatever `requests` raises.
        """
        invoke = self._channel.stream_stream(
            f"/containerd.services.{method}",
            request_serializer=_to_bytes,
            response_deserializer=answer.FromString,
        )
        call = invoke(None, metadata=self._metadata(lease))
        try:
            async for request in requests:
                await call.write(request)
            await call.done_writing()
            return [item async for item in call]
        except grpc.aio.AioRpcError as error:
            raise engine_error(method, error) from error
        except asyncio.InvalidStateError as error:
            # The peer ended the stream while requests were still being written: its status says why.
            raise await _ended(method, call) from error
        finally:
            call.cancel()

    async def version(self, timeout_seconds: float | None = None) -> str:
        """Return containerd's version."""
        found = await self.call(
            "version.v1.Version/Version", Empty(), version_pb2.VersionResponse, timeout_seconds=timeout_seconds
        )
        return found.version

    async def make_namespace(self) -> None:
        """Make our namespace if it is not there yet."""
        request = namespaces_pb2.CreateNamespaceRequest()
        request.namespace.name = self.namespace
        try:
            await self.call("namespaces.v1.Namespaces/Create", request, namespaces_pb2.CreateNamespaceResponse)
        except ContainerdExistsError:
            return


async def _ended(method: str, call: grpc.aio.Call) -> ContainerdError:
    status, text = await call.code(), await call.details()
    kind = _BY_STATUS.get(status, ContainerdError)
    return kind(text or status.name, call=method, status=status.name)


def _to_bytes(message: Message) -> bytes:
    return message.SerializeToString()
