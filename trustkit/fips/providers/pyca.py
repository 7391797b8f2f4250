"""Maths by the `cryptography` package, whose wheels carry their own OpenSSL."""

import os
from typing import ClassVar

from cryptography.hazmat.primitives import hashes

from trustkit.errors import AlgorithmNotApprovedError
from trustkit.fips.provider import Hasher, PrivateKey
from trustkit.model.crypto import ModuleStatus
from trustkit.model.keys import PublicKey

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


class _Running:
    """A hash of this library in the shape of our Protocol: digests may be taken more than once."""

    __slots__ = ("_context",)

    def __init__(self, algorithm: hashes.HashAlgorithm) -> None:
        self._context = hashes.Hash(algorithm)

    def update(self, data: bytes | memoryview, /) -> None:
        """Add data."""
        self._context.update(data)

    def digest(self) -> bytes:
        """Return the hash of what was added so far."""
        return self._context.copy().finalize()


class PycaProvider:
    """The default provider."""

    api: ClassVar[int] = 1
    name: ClassVar[str] = "pyca"

    def hasher(self, algorithm: str) -> Hasher:
        """Return a fresh hash. Raises AlgorithmNotApprovedError."""
        chosen = _HASHES.get(algorithm)
        if chosen is None:
            raise AlgorithmNotApprovedError(f"hash {algorithm!r} is not used here")
        return _Running(chosen)

    def random(self, count: int) -> bytes:
        """Return bytes of the kernel's generator, which this library itself relies on."""
        return os.urandom(count)

    def status(self) -> ModuleStatus:
        raise NotImplementedError

    def hmac(self, algorithm: str, key: bytes, message: bytes) -> bytes:
        raise NotImplementedError

    def verify(
        self, key: PublicKey, algorithm: str, signature: bytes, message: bytes
    ) -> None:
        raise NotImplementedError

    def generate(self, kind: str) -> PrivateKey:
        raise NotImplementedError

    def load_pkcs8(self, der: bytes) -> PrivateKey:
        raise NotImplementedError
