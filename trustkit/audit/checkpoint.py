"""Checkpoints: a signed statement of the log's size and root (C2SP tlog-checkpoint, signed-note).

    trustkit-log-9f2c.../5                 origin, also the name of the keys
    5                                      size
    sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bs...   root, base64
                                           (empty line)
    — trustkit-log-9f2c... hI2DJw[...]     one line a key: base64(key id || signature)

Two kinds of line: Ed25519 (type 0x01) and ECDSA P-256 with SHA-256 (type 0x02, DER signature).
"""

import re
from functools import lru_cache

from trustkit.codec import base64, note
from trustkit.codec.note import Checkpoint, Note, NoteSignature
from trustkit.errors import (
    CryptoError,
    LimitExceededError,
    MalformedError,
    SignatureMismatchError,
    VerificationError,
)
from trustkit.fips.hashing import sha256
from trustkit.fips.parse import public_key_from_spki
from trustkit.fips.provider import CryptoProvider, PrivateKey
from trustkit.model.keys import ECDSA_P256_SHA256, ED25519, PublicKey
from trustkit.model.values import NamedTuple

CHECKPOINT_BYTES = 16 * 1024
_KEY_ID_BYTES = 4
_TYPE_ED25519 = 1
_TYPE_ECDSA = 2
# RFC 8410 section 4: the SubjectPublicKeyInfo of Ed25519 is this prefix and the 32 bytes.
_ED25519_SPKI = bytes.fromhex("302a300506032b6570032100")
_ALGORITHMS = {"ed25519": ED25519, "ecdsa-p256": ECDSA_P256_SHA256}
_NAME = re.compile(r"[^\s+]{1,255}\Z")


class VerifierKey(NamedTuple):
    """A key of the log, as its vkey line names it."""

    name: str
    key_id: bytes
    key: PublicKey

    def to_text(self) -> str:
        """Return `name+keyid+base64(type || key)` (C2SP signed-note, "Verifier keys")."""
        kind, material = _typed(self.key)
        return f"{self.name}+{self.key_id.hex()}+{base64.encode(bytes((kind,)) + material)}"


@lru_cache(maxsize=16)
def verifier_key(name: str, key: PublicKey) -> VerifierKey:
    """Name a public key as a key of the log. Raises MalformedError for a kind notes have no type for."""
    kind, material = _typed(key)
    bound = f"{name}\n".encode() + bytes((kind,)) if kind == _TYPE_ED25519 else b""
    key_id = sha256(bound + material)
    return VerifierKey(name, key_id[:_KEY_ID_BYTES], key)


def parse_vkey(text: str) -> VerifierKey:
    """Read one vkey line. Raises MalformedError."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    material = base64.decode(encoded, "vkey")
    if material[:1] == bytes((_TYPE_ED25519,)):
        material = b"\x01" + _ED25519_SPKI + material[1:]
    elif material[:1] != bytes((_TYPE_ECDSA,)):
        raise MalformedError("vkey is of an unknown type")
    made = verifier_key(name, public_key_from_spki(material[1:]))
    if made.key_id.hex() != key_id or not _NAME.match(name):
        raise MalformedError(f"vkey of {name[:80]!r} does not have the key id it states")
    return made


def parse_vkeys(text: str) -> tuple[VerifierKey, ...]:
    """Read vkey lines; empty lines and lines that start with `#` are left out. MalformedError."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(parse_vkey(line) for line in lines if line and not line.startswith("#"))


def sign(checkpoint: Checkpoint, keys: tuple[PrivateKey, ...]) -> bytes:
    """Return the signed note, with one line for each key."""
    text = note.checkpoint_text(checkpoint)
    lines = []
    for key in keys:
        named = verifier_key(checkpoint.origin, key.public)
        signature = key.sign(_ALGORITHMS[key.public.kind], text.encode())
        lines.append(NoteSignature(named.name, named.key_id, signature))
    return note.to_bytes(Note(text, tuple(lines)))


def parse(content: bytes) -> tuple[Checkpoint, Note]:
    """Read a signed checkpoint without trusting it. Raises MalformedError. C2SP tlog-checkpoint."""
    if len(content) > CHECKPOINT_BYTES:
        raise LimitExceededError(f"the checkpoint is larger than {CHECKPOINT_BYTES} bytes")
    signed = note.parse(content)
    return note.parse_checkpoint(signed.text), signed


def require_signed(content: bytes, keys: tuple[VerifierKey, ...], crypto: CryptoProvider) -> Checkpoint:
    """Return the checkpoint if every line of a known key verifies, and there is at least one.

    Lines of unknown keys (witnesses) are left alone. Raises MalformedError, SignatureMismatchError.
    """
    checkpoint, signed = parse(content)
    found = False
    for line in signed.signatures:
        for known in keys:
            if (known.name, known.key_id) == (line.name, line.key_id):
                _require_line(signed, line, known, crypto)
                found = True
    if not found or checkpoint.origin not in {key.name for key in keys}:
        message = f"the checkpoint of size {checkpoint.size} is not signed by a key of this log"
        raise SignatureMismatchError(message)
    return checkpoint


def _require_line(signed: Note, line: NoteSignature, known: VerifierKey, crypto: CryptoProvider) -> None:
    algorithm = _ALGORITHMS[known.key.kind]
    try:
        crypto.verify(known.key, algorithm, line.signature, signed.signed_bytes)
    except (VerificationError, MalformedError, CryptoError) as error:
        message = f"the {algorithm} signature of the checkpoint is wrong"
        raise SignatureMismatchError(message) from error


def _typed(key: PublicKey) -> tuple[int, bytes]:
    """Return the note's type byte of a key, and the bytes that follow it in a vkey."""
    if key.kind == "ed25519":
        return _TYPE_ED25519, key.spki_der[len(_ED25519_SPKI) :]
    if key.kind == "ecdsa-p256":
        return _TYPE_ECDSA, key.spki_der
    raise MalformedError(f"a {key.kind} key cannot sign checkpoints")
