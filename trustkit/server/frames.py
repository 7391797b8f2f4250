"""Docker's stream framing: 8 bytes of header (stream, three zeros, length big-endian) before each chunk."""

import struct
from collections.abc import AsyncIterator

from trustkit.engine.attachment import Attachment
from trustkit.engine.values import OutputChunk, Stream
from trustkit.server.message import Duplex


def frame(chunk: OutputChunk) -> bytes:
    """Return the chunk with its header."""
    return struct.pack(">BxxxI", chunk.stream.value, len(chunk.data)) + chunk.data


def is_wanted(chunk: OutputChunk, streams: frozenset[Stream]) -> bool:
    """Whether the client asked for the stream the chunk is of."""
    return chunk.stream in streams


async def send_output(
    output: AsyncIterator[OutputChunk], duplex: Duplex, *, tty: bool, streams: frozenset[Stream]
) -> None:
    """Pass output on until it ends; a terminal's has one stream and no frames."""
    async for chunk in output:
        if tty:
            await duplex.write(chunk.data)
        elif is_wanted(chunk, streams):
            await duplex.write(frame(chunk))


async def send_input(duplex: Duplex, attachment: Attachment, *, close_at_end: bool) -> None:
    """Pass the client's bytes to the process until the client ends its side."""
    while data := await duplex.read():
        await attachment.write(data)
    if close_at_end:
        await attachment.close_stdin()
