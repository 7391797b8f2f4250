r"""Signed notes and the checkpoints inside them (C2SP signed-note v1.0, tlog-checkpoint v1.0).

    example.org/log          origin
    42                       size of the tree
    <base64>                 its root hash
                             an empty line ends the text
    — example.org/log <base64 of 4 bytes key id and the signature>

Signatures are over the text with its last newline. Key ids are hints that the caller computes.
"""

import re
from collections.abc import Sequence

from trustkit.codec import base64
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

_WHAT = "signed note"
_MARK = "— "
_KEY_ID_BYTES = 4
_NOTE_BYTES = 64 * 1024
_SIGNATURES = 16
_ROOT_HASH_BYTES = 32
_CHECKPOINT_LINES = 3
_MOST_SIZE = (1 << 63) - 1
# C2SP signed-note: no ASCII control characters other than newline.
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIZE = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z")


class NoteSignature(NamedTuple):
    """One signature line: key name, four bytes of key id, and the signature."""

    name: str
    key_id: bytes
    signature: bytes


class Note(NamedTuple):
    """A text that ends with a newline, and its signatures; none is checked."""

    text: str
    signatures: tuple[NoteSignature, ...]

    @property
    def signed_bytes(self) -> bytes:
        """What the signatures are over."""
        return self.text.encode("utf-8")


class Checkpoint(NamedTuple):
    """The head of a log: who, how many entries, which root; `extensions` are opaque lines."""

    origin: str
    size: int
    root_hash: bytes
    extensions: tuple[str, ...] = ()


def parse(content: bytes) -> Note:
    """Return the note in these bytes. Raises MalformedError, LimitExceededError."""
    if len(content) > _NOTE_BYTES:
        raise LimitExceededError(f"{_WHAT} is larger than {_NOTE_BYTES} bytes")
    try:
        whole = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(f"{_WHAT} is not UTF-8") from error
    if _CONTROL.search(whole):
        raise MalformedError(f"{_WHAT} holds a control character")
    # The last empty line divides: the text itself may hold empty lines.
    text, divider, tail = whole.rpartition("\n\n")
    if not divider or not tail.endswith("\n"):
        raise MalformedError(f"{_WHAT} has no signatures after an empty line")
    lines = tail[:-1].split("\n")
    if len(lines) > _SIGNATURES:
        raise LimitExceededError(f"{_WHAT} has more than {_SIGNATURES} signatures")
    return Note(text + "\n", tuple(_signature(line) for line in lines))


def to_bytes(note: Note) -> bytes:
    """Return the note as bytes. Raises MalformedError if no reader could take it back."""
    if not note.text.endswith("\n") or not note.signatures:
        raise MalformedError(f"{_WHAT} needs a text that ends with a newline, and a signature")
    lines = [f"{_MARK}{item.name} {base64.encode(item.key_id + item.signature)}\n" for item in note.signatures]
    content = f"{note.text}\n{''.join(lines)}".encode()
    if parse(content) != note:
        raise MalformedError(f"{_WHAT} would not be read back as it is")
    return content


def parse_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint that is a note's text. Raises MalformedError."""
    lines = text.split("\n")
    origin, size, root, extensions = _checkpoint_lines(lines)
    if not origin or not _SIZE.match(size) or int(size) > _MOST_SIZE:
        raise MalformedError("checkpoint has no origin or no size")
    root_hash = base64.decode(root, "checkpoint root hash")
    if len(root_hash) != _ROOT_HASH_BYTES:
        raise MalformedError("checkpoint root hash is not 32 bytes")
    if not all(extensions):
        raise MalformedError("checkpoint has an empty line")
    return Checkpoint(origin, int(size), root_hash, extensions)


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """Return the text to sign. Raises MalformedError if no reader could take it back."""
    root = base64.encode(checkpoint.root_hash)
    lines = (checkpoint.origin, str(checkpoint.size), root, *checkpoint.extensions)
    text = "".join(f"{line}\n" for line in lines)
    if parse_checkpoint(text) != checkpoint:
        raise MalformedError("checkpoint would not be read back as it is")
    return text


def _checkpoint_lines(lines: Sequence[str]) -> tuple[str, str, str, tuple[str, ...]]:
    # Three lines at least, and the empty piece that the split leaves after the last newline.
    if len(lines) <= _CHECKPOINT_LINES or lines[-1]:
        raise MalformedError("checkpoint has fewer than three lines")
    return lines[0], lines[1], lines[2], tuple(lines[3:-1])


def _signature(line: str) -> NoteSignature:
    name, _, encoded = line.removeprefix(_MARK).partition(" ")
    if not line.startswith(_MARK) or not name or "+" in name or name.split() != [name]:
        raise MalformedError(f"{_WHAT} has a broken signature line")
    content = base64.decode(encoded, f"{_WHAT} signature")
    if len(content) <= _KEY_ID_BYTES:
        raise MalformedError(f"{_WHAT} has an empty signature")
    return NoteSignature(name, content[:_KEY_ID_BYTES], content[_KEY_ID_BYTES:])
