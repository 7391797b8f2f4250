"""Public keys and algorithm names; never a private key."""

import re
from datetime import datetime

from trustkit.model.values import NamedTuple

# What a key of the key ring may be called; its file is NAME.pub.
KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")

# Names of signature algorithms, as `fips.algorithms` lists them.
ECDSA_P256_SHA256 = "ecdsa-p256-sha256"
ECDSA_P256_SHA384 = "ecdsa-p256-sha384"
ECDSA_P256_SHA512 = "ecdsa-p256-sha512"
ECDSA_P384_SHA256 = "ecdsa-p384-sha256"
ECDSA_P384_SHA384 = "ecdsa-p384-sha384"
ECDSA_P384_SHA512 = "ecdsa-p384-sha512"
ECDSA_P521_SHA256 = "ecdsa-p521-sha256"
ECDSA_P521_SHA384 = "ecdsa-p521-sha384"
ECDSA_P521_SHA512 = "ecdsa-p521-sha512"
ED25519 = "ed25519"
ED25519PH = "ed25519ph"
ML_DSA_44 = "ml-dsa-44"
ML_DSA_65 = "ml-dsa-65"
ML_DSA_87 = "ml-dsa-87"
RSA_PKCS1_SHA256 = "rsa-pkcs1v15-sha256"
RSA_PKCS1_SHA384 = "rsa-pkcs1v15-sha384"
RSA_PKCS1_SHA512 = "rsa-pkcs1v15-sha512"
RSA_PSS_SHA256 = "rsa-pss-sha256"
RSA_PSS_SHA384 = "rsa-pss-sha384"
RSA_PSS_SHA512 = "rsa-pss-sha512"


class PublicKey(NamedTuple):
    """A public key: SubjectPublicKeyInfo DER, and the hex SHA-256 of it as its fingerprint.

    `kind` is `ecdsa-p256`, `ecdsa-p384`, `ecdsa-p521`, `ed25519`, `rsa` or `ml-dsa-44`, `-65`, `-87`; `bits` its size.
    Made only by `fips.parse`, which checks the bytes.
    """

    spki_der: bytes
    fingerprint: str
    kind: str
    bits: int

    @property
    def short(self) -> str:
        """The first sixteen digits of the fingerprint, for people."""
        return self.fingerprint[:16]


class KeyRevocation(NamedTuple):
    """From when on a key counts as lost, and why.

    With `allow_before` a signature that a trusted timestamp or log proves to be older stays valid.
    """

    at: datetime
    reason: str
    allow_before: bool = False

    def covers(self, signed_at: datetime | None) -> bool:
        """Whether it makes a signature worthless; `signed_at` is a proven time, None if there is none."""
        return not (self.allow_before and signed_at is not None and signed_at < self.at)


def stricter(one: KeyRevocation | None, other: KeyRevocation | None) -> KeyRevocation | None:
    """Return a revocation that is as early as either and spares only what both spare: a lost key is lost for all."""
    if one is None or other is None:
        return one or other
    earlier = min(one, other, key=lambda found: found.at)
    return earlier._replace(allow_before=one.allow_before and other.allow_before)


class KeyLife(NamedTuple):
    """When a key may be used, and whether it was given up; a missing bound means none."""

    not_before: datetime | None = None
    not_after: datetime | None = None
    revoked: KeyRevocation | None = None
