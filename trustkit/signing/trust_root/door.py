"""TUF's keys and signatures, done by trustkit's crypto provider instead of securesystemslib's own.

`Key.from_dict` chooses classes by key type and scheme from one table of the process: `open_door` makes ours the
only ones in it, so whatever `tuf` verifies from then on goes through `trustkit.fips`.
"""

from typing import Any

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import KEY_FOR_TYPE_AND_SCHEME, Key, Signature  # type: ignore[attr-defined]

from trustkit.codec import olpc_json
from trustkit.errors import AlgorithmNotApprovedError, MalformedError, SignatureMismatchError
from trustkit.fips.hashing import sha256
from trustkit.fips.parse import public_key_from_pem, public_key_from_spki, public_key_to_pem
from trustkit.fips.select import provider
from trustkit.fips.spki import ed25519_bytes, ed25519_spki
from trustkit.model import keys as names
from trustkit.model.keys import PublicKey
from trustkit.signing.keys import SigningKey

# (keytype, scheme) of the TUF specification, section 4.2 → the kinds of key it fits, and our name of the algorithm
SCHEMES = {
    ("ecdsa", "ecdsa-sha2-nistp256"): ("ecdsa-p256", names.ECDSA_P256_SHA256),
    ("ecdsa", "ecdsa-sha2-nistp384"): ("ecdsa-p384", names.ECDSA_P384_SHA384),
    ("ed25519", "ed25519"): ("ed25519", names.ED25519),
    ("rsa", "rsassa-pss-sha256"): ("rsa", names.RSA_PSS_SHA256),
    ("rsa", "rsa-pkcs1v15-sha256"): ("rsa", names.RSA_PKCS1_SHA256),
}
_ED25519 = "ed25519"


class DoorKey(Key):
    """A public key in TUF metadata whose signatures the crypto provider checks."""

    def __init__(
        self,
        keyid: str,
        keytype: str,
        scheme: str,
        keyval: dict[str, Any],
        unrecognized_fields: dict[str, Any] | None = None,
    ) -> None:
        """Read the key. Raises ValueError for one that is not of its type, as `tuf` expects."""
        super().__init__(keyid, keytype, scheme, keyval, unrecognized_fields)
        try:
            self.public = _read(keytype, keyval.get("public"))
        except (MalformedError, AlgorithmNotApprovedError) as error:
            raise ValueError(f"key {keyid[:64]!r} is no usable public key: {error.message}") from error
        kind, self.algorithm = SCHEMES[keytype, scheme]
        if self.public.kind != kind:
            raise ValueError(f"key {keyid[:64]!r} is of kind {self.public.kind}, and its scheme is {scheme}")

    @classmethod
    def of(cls, public: PublicKey) -> "DoorKey":
        """Return our public key as TUF writes it. Raises AlgorithmNotApprovedError."""
        found = next((scheme for scheme, (kind, _) in SCHEMES.items() if kind == public.kind), None)
        if found is None:
            raise AlgorithmNotApprovedError(
                f"a key of kind {public.kind} signs no TUF metadata",
                next_step="use an ECDSA P-256 or P-384, Ed25519 or RSA key",
            )
        keytype, scheme = found
        text = ed25519_bytes(public).hex() if keytype == _ED25519 else public_key_to_pem(public).decode("ascii")
        keyval = {"public": text}
        content = olpc_json.encode({"keytype": keytype, "scheme": scheme, "keyval": keyval})
        return cls(sha256(content).hex(), keytype, scheme, keyval)

    @classmethod
    def from_dict(cls, keyid: str, key_dict: dict[str, Any]) -> "DoorKey":
        """Read a member of `keys`. Raises ValueError, KeyError, TypeError, as `tuf` expects."""
        keytype, scheme, keyval = cls._from_dict(key_dict)
        return cls(keyid, keytype, scheme, keyval, key_dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the member of `keys`."""
        return self._to_dict()

    def verify_signature(self, signature: Signature, data: bytes) -> None:
        """Return if the key made the signature. Raises UnverifiedSignatureError; SelfTestError goes through."""
        try:
            raw = bytes.fromhex(signature.signature)
            provider().verify(self.public, self.algorithm, raw, data)
        except (ValueError, SignatureMismatchError, MalformedError, AlgorithmNotApprovedError) as error:
            raise UnverifiedSignatureError(f"not signed by {self.keyid}") from error


def open_door() -> None:
    """Let the crypto provider check every TUF signature of this process."""
    KEY_FOR_TYPE_AND_SCHEME.clear()
    KEY_FOR_TYPE_AND_SCHEME.update(dict.fromkeys(SCHEMES, DoorKey))


def signature_of(key: SigningKey, content: bytes) -> Signature:
    """Sign. Raises AlgorithmNotApprovedError, KeyUnavailableError."""
    public = DoorKey.of(key.public)
    return Signature(public.keyid, key.sign(public.algorithm, content).hex())


def _read(keytype: str, text: object) -> PublicKey:
    if not isinstance(text, str) or not text.isascii():
        raise MalformedError("it has no public half")
    if keytype != _ED25519:
        return public_key_from_pem(text.encode("ascii"))
    try:
        return public_key_from_spki(ed25519_spki(bytes.fromhex(text)))
    except ValueError as error:
        raise MalformedError("it is not hexadecimal") from error
