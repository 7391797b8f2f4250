"""Digests of bytes and streams, by the provider this process uses."""

from collections.abc import Iterable, Iterator

from trustkit.errors import DigestMismatchError, LimitExceededError
from trustkit.fips.provider import Hasher
from trustkit.fips.select import provider
from trustkit.model.digest import Digest
from trustkit.model.image import Descriptor


def hasher(algorithm: str = "sha256") -> Hasher:
    """Return a fresh `sha256`, `sha384` or `sha512`. Raises AlgorithmNotApprovedError."""
    return provider().hasher(algorithm)


def sha256(content: bytes) -> bytes:
    """Return the 32 bytes of SHA-256."""
    running = provider().hasher("sha256")
    running.update(content)
    return running.digest()


def digest_of(content: bytes, algorithm: str = "sha256") -> Digest:
    """Return the digest of content."""
    running = provider().hasher(algorithm)
    running.update(content)
    return Digest(algorithm, running.digest().hex())


def require_digest(content: bytes, digest: Digest, what: str) -> None:
    """Return if content has this digest; `what` names it in the error.

    Raises DigestMismatchError.
    """
    computed = digest_of(content, digest.algorithm)
    if computed != digest:
        raise _mismatch(what, digest, computed)


def verifying(chunks: Iterable[bytes], descriptor: Descriptor, what: str) -> Iterator[bytes]:
    """Yield the chunks of a blob; its end is reached only if size and digest are right.

    Keep nothing of it before the end. Raises DigestMismatchError on the first byte too many, or at
    the end.
    """
    running = hasher(descriptor.digest.algorithm)
    expected = descriptor.size_bytes
    seen = 0
    for chunk in chunks:
        seen += len(chunk)
        if seen > expected:
            message = f"{what} is longer than the {expected} bytes its descriptor says"
            raise DigestMismatchError(message, expected=str(descriptor.digest))
        running.update(chunk)
        yield chunk
    if seen != expected:
        message = f"{what} ended after {seen} of {expected} bytes"
        raise DigestMismatchError(message, expected=str(descriptor.digest))
    computed = Digest(descriptor.digest.algorithm, running.digest().hex())
    if computed != descriptor.digest:
        raise _mismatch(what, descriptor.digest, computed)


def random_bytes(count: int) -> bytes:
    """Return random bytes fit for keys, nonces and identifiers."""
    if not 0 <= count <= _RANDOM_BYTES:
        raise LimitExceededError(f"{count} random bytes asked at once")
    return provider().random(count)


_RANDOM_BYTES = 1 << 16


def _mismatch(what: str, expected: Digest, computed: Digest) -> DigestMismatchError:
    return DigestMismatchError(
        f"{what} has digest {computed}, not {expected}",
        next_step="the content was altered or is not what its name says; do not use it",
        expected=str(expected),
        computed=str(computed),
    )
