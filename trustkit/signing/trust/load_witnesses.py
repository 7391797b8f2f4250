"""Witnesses from their key lines (C2SP signed-note, "Verifier keys"): `name+<hex key id>+<base64 of 04 and key>`."""

from trustkit import limits
from trustkit.codec import base64
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.fips.hashing import sha256
from trustkit.fips.parse import public_key_from_spki
from trustkit.fips.spki import ed25519_spki
from trustkit.signing.trust.roots import Witness

_COSIGNATURE = b"\x04"
_KEY_ID_BYTES = 4
_KEY_BYTES = 32


def witnesses(text: str) -> tuple[Witness, ...]:
    """Return the witnesses; empty lines and lines that start with `#` are left out.

    Raises MalformedError, LimitExceededError.
    """
    lines = [line.strip() for line in text.splitlines()]
    found = tuple(_witness(line) for line in lines if line and not line.startswith("#"))
    if len(found) > limits.TRUSTED_ROOT_ITEMS:
        raise LimitExceededError(f"more than {limits.TRUSTED_ROOT_ITEMS} witnesses")
    if len({one.name for one in found}) != len(found) or len({one.key for one in found}) != len(found):
        raise MalformedError("one witness is listed twice")
    return found


def _witness(line: str) -> Witness:
    name, _, rest = line.partition("+")
    key_id, _, encoded = rest.partition("+")
    material = base64.decode(encoded, f"key of witness {name[:80]!r}")
    if material[:1] != _COSIGNATURE or len(material) != _KEY_BYTES + 1:
        raise MalformedError(f"key of witness {name[:80]!r} is no Ed25519 key for cosignatures")
    if not name or name.split() != [name] or sha256(f"{name}\n".encode() + material)[:_KEY_ID_BYTES].hex() != key_id:
        raise MalformedError(f"key of witness {name[:80]!r} does not have the key id it states")
    return Witness(name, public_key_from_spki(ed25519_spki(material[1:])))
