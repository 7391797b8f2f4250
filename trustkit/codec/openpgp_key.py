"""OpenPGP certificates ("transferable public keys"): their packets in order, nothing checked yet (RFC 9580 10.1)."""

from collections.abc import Iterator

from trustkit import limits
from trustkit.codec.openpgp import ATTRIBUTE, PUBLIC_KEY, SIGNATURE, SUBKEY, USER_ID, Packet, cut, packets
from trustkit.codec.openpgp_signature import multiprecision
from trustkit.errors import AlgorithmNotApprovedError, LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

# Algorithms of public keys (9.1).
RSA, RSA_SIGN, ECDSA, EDDSA_LEGACY, ED25519 = 1, 3, 19, 22, 27
_EDDSA_CURVE = bytes.fromhex("2b06010401da470f01")
_CURVES = {
    bytes.fromhex("2a8648ce3d030107"): ("ecdsa-p256", 32),
    bytes.fromhex("2b81040022"): ("ecdsa-p384", 48),
    bytes.fromhex("2b81040023"): ("ecdsa-p521", 66),
}
_ED25519_BYTES = 32


class KeyPacket(NamedTuple):
    """One public key or subkey; `body` is what fingerprints and signatures cover."""

    version: int
    created: int
    algorithm: int
    material: bytes
    body: bytes

    @property
    def framed(self) -> bytes:
        """The key as it is hashed (5.2.4)."""
        if self.version == 4:  # noqa: PLR2004
            return b"\x99" + len(self.body).to_bytes(2, "big") + self.body
        return b"\x9b" + len(self.body).to_bytes(4, "big") + self.body


class Component(NamedTuple):
    """A user ID or attribute (`framed` as it is hashed, `text` readable) or a subkey, with its signatures."""

    framed: bytes
    signatures: tuple[bytes, ...]
    text: str = ""
    key: KeyPacket | None = None


class OpenPgpCertificate(NamedTuple):
    """A primary key, the signatures directly on it, and its components."""

    key: KeyPacket
    signatures: tuple[bytes, ...]
    user_ids: tuple[Component, ...]
    subkeys: tuple[Component, ...]


def parse_keyring(content: bytes, what: str) -> tuple[OpenPgpCertificate, ...]:
    """Return the certificates of a binary keyring; keys of old versions are left out.

    Raises MalformedError, LimitExceededError.
    """
    if len(content) > limits.OPENPGP_KEYRING_BYTES:
        raise LimitExceededError(f"{what} is over {limits.OPENPGP_KEYRING_BYTES} bytes")
    groups: list[list[Packet]] = []
    for packet in packets(content, what):
        if packet.type == PUBLIC_KEY:
            groups.append([])
            if len(groups) > limits.OPENPGP_CERTIFICATES:
                raise LimitExceededError(f"{what} has more than {limits.OPENPGP_CERTIFICATES} keys")
        elif not groups:
            raise MalformedError(f"{what} does not begin with an OpenPGP public key, but with packet {packet.type}")
        groups[-1].append(packet)
    return tuple(found for group in groups if (found := _certificate(group, what)) is not None)


def numbers_of(key: KeyPacket, what: str) -> tuple[str, tuple[int, int] | bytes]:
    """Return the key's kind and its numbers: modulus and exponent, x and y, or the 32 bytes of Ed25519.

    Raises MalformedError, AlgorithmNotApprovedError for other kinds.
    """
    if key.algorithm in (RSA, RSA_SIGN):
        modulus, exponent = multiprecision(key.material, 2, what)
        return "rsa", (modulus, exponent)
    if key.algorithm == ED25519:
        return "ed25519", cut(key.material, 0, _ED25519_BYTES, what)
    if key.algorithm in (ECDSA, EDDSA_LEGACY):
        oid = cut(key.material, 1, cut(key.material, 0, 1, what)[0], what)
        (point,) = multiprecision(key.material[1 + len(oid) :], 1, what)
        encoded = point.to_bytes((point.bit_length() + 7) // 8, "big")
        if key.algorithm == EDDSA_LEGACY and oid == _EDDSA_CURVE and encoded[:1] == b"\x40":
            return "ed25519", encoded[1:]
        if key.algorithm == ECDSA and oid in _CURVES:
            return _on_curve(encoded, *_CURVES[oid], what)
    raise AlgorithmNotApprovedError(f"{what} is of a kind (OpenPGP algorithm {key.algorithm}) not used here")


def _on_curve(encoded: bytes, kind: str, size: int, what: str) -> tuple[str, tuple[int, int]]:
    if len(encoded) != 1 + 2 * size or encoded[0] != 4:  # noqa: PLR2004
        raise MalformedError(f"{what} is not an uncompressed point")
    return kind, (int.from_bytes(encoded[1 : 1 + size], "big"), int.from_bytes(encoded[1 + size :], "big"))


def _certificate(group: list[Packet], what: str) -> OpenPgpCertificate | None:
    key = _key(group[0].body, what)
    if key is None:
        return None
    runs = tuple(_runs(group))
    components = tuple(_component(head, signatures, what) for head, signatures in runs[1:])
    return OpenPgpCertificate(
        key,
        runs[0][1],
        tuple(one for one in components if one is not None and one.key is None),
        tuple(one for one in components if one is not None and one.key is not None),
    )


def _runs(group: list[Packet]) -> Iterator[tuple[Packet, tuple[bytes, ...]]]:
    """Yield each packet that is no signature with the signatures that follow it."""
    head, signatures = group[0], list[bytes]()
    for packet in group[1:]:
        if packet.type == SIGNATURE:
            signatures.append(packet.body)
        else:
            yield head, tuple(signatures)
            head, signatures = packet, []
    yield head, tuple(signatures)


def _component(head: Packet, signatures: tuple[bytes, ...], what: str) -> Component | None:
    if head.type == SUBKEY:
        key = _key(head.body, what)
        return None if key is None else Component(key.framed, signatures, key=key)
    if head.type not in (USER_ID, ATTRIBUTE):
        # trust packets of GnuPG, markers, padding, and what later versions add
        return None
    mark = b"\xb4" if head.type == USER_ID else b"\xd1"
    text = head.body.decode("utf-8", "replace") if head.type == USER_ID else "(picture)"
    return Component(mark + len(head.body).to_bytes(4, "big") + head.body, signatures, text)


def _key(body: bytes, what: str) -> KeyPacket | None:
    """Return the key, or None for versions whose signatures are not read."""
    version = cut(body, 0, 1, what)[0]
    if version not in (4, 6):
        return None
    created, algorithm = int.from_bytes(cut(body, 1, 4, what), "big"), cut(body, 5, 1, what)[0]
    if version == 4:  # noqa: PLR2004
        return KeyPacket(version, created, algorithm, body[6:], body)
    length = int.from_bytes(cut(body, 6, 4, what), "big")
    if length != len(body) - 10:
        raise MalformedError(f"{what} has a key of another length than it says")
    return KeyPacket(version, created, algorithm, body[10:], body)


def binary(content: bytes, what: str) -> bytes:
    """Return a keyring's packets, taken out of its ASCII armour if it has one. Raises MalformedError.

    RFC 9580 6.2; the checksum is optional and proves nothing, but a wrong one is damage.
    """
    if not content.lstrip().startswith(b"-----BEGIN "):
        return content
    from trustkit.codec.openpgp_armor import unarmored

    if len(content) > 2 * limits.OPENPGP_KEYRING_BYTES:
        raise LimitExceededError(f"{what} is over {2 * limits.OPENPGP_KEYRING_BYTES} bytes")
    return unarmored(content, "PGP PUBLIC KEY BLOCK", what)
