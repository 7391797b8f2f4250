"""One library context with its providers: digests, MACs and random bytes; keys and signatures build on it."""

from ctypes import byref, c_size_t, create_string_buffer

from trustkit.errors import AlgorithmNotApprovedError
from trustkit.fips.libcrypto import indicator
from trustkit.fips.libcrypto.library import Library, parameters

# Our names for digests, and OpenSSL's.
DIGESTS = {"sha256": b"SHA2-256", "sha384": b"SHA2-384", "sha512": b"SHA2-512"}
_DIGEST_BYTES = {"sha256": 32, "sha384": 48, "sha512": 64}
_MOST_BYTES = 64
# RAND_bytes_ex(3): 0 asks for whatever strength the generator has.
_ANY_STRENGTH = 0


class Module:
    """A context of its own, so that no openssl.cnf and no other user of the library changes what runs here."""

    def __init__(self, library: Library, context: int, properties: bytes, decoding: bytes) -> None:
        """Use a context whose providers are loaded; `properties` bind every fetch (man 7 property)."""
        self.library = library
        self.context = context
        self.properties = properties
        # For decoders of keys, which may live in another provider than the keys they make.
        self.decoding = decoding
        self._hashing = HashFunctions(library)
        self._digests: dict[str, int] = {}

    @classmethod
    def default(cls) -> "Module":
        """Return a module of OpenSSL's default provider. Raises CryptoError."""
        library = Library()
        context = library.made("OSSL_LIB_CTX_new")
        library.made("OSSL_PROVIDER_load", context, b"default")
        return cls(library, context, b"provider=default", b"provider=default")

    def version(self) -> str:
        """Return libcrypto's name, version and date."""
        text: bytes = self.library.call("OpenSSL_version", 0)
        return text.decode("ascii", "replace")

    def release(self) -> tuple[int, ...]:
        """Return libcrypto's major and minor version; nothing if it is not OpenSSL's own."""
        found = self.version()
        told = found.split(" ")[1].split(".") if found.startswith("OpenSSL ") else []
        return tuple(int(part) for part in told[:2] if part.isdigit())

    def hasher(self, algorithm: str) -> "RunningHash":
        """Return a fresh hash. Raises AlgorithmNotApprovedError, CryptoError."""
        self.require_usable()
        return RunningHash(self._hashing, self.digest(algorithm), _DIGEST_BYTES[algorithm])

    def hmac(self, algorithm: str, key: bytes, message: bytes) -> bytes:
        """Return the HMAC (FIPS 198-1). Raises AlgorithmNotApprovedError, CryptoError."""
        self.require_usable()
        library, rows = self.library, parameters(("digest", digest_name(algorithm).decode()))
        method = library.made("EVP_MAC_fetch", self.context, b"HMAC", self.properties)
        context = library.made("EVP_MAC_CTX_new", method)
        try:
            out, length = create_string_buffer(_MOST_BYTES), c_size_t()
            library.done("EVP_MAC_init", context, key, len(key), rows)
            library.done("EVP_MAC_update", context, message, len(message))
            library.done("EVP_MAC_final", context, out, byref(length), _MOST_BYTES)
            self.require_approved(indicator.MAC, context, "HMAC")
            return out.raw[: length.value]
        finally:
            library.call("EVP_MAC_CTX_free", context)
            library.call("EVP_MAC_free", method)

    def require_usable(self) -> None:
        """Return if the module is what it was when it was loaded; only FIPS modules ask. Before every service."""

    def require_approved(self, getter: str, context: object, service: str) -> None:
        """Return if the module calls what the context did approved; only FIPS modules say so. See `indicator`."""

    def random(self, count: int) -> bytes:
        """Return bytes of the module's own generator (SP 800-90A). Raises CryptoError."""
        self.require_usable()
        out = create_string_buffer(max(count, 1))
        self.library.done("RAND_bytes_ex", self.context, out, count, _ANY_STRENGTH)
        return out.raw[:count]

    def digest(self, algorithm: str) -> int:
        """Return the digest's method, fetched once. Raises AlgorithmNotApprovedError, CryptoError."""
        found = self._digests.get(algorithm)
        if found is None:
            found = self.library.made("EVP_MD_fetch", self.context, digest_name(algorithm), self.properties)
            self._digests[algorithm] = found
        return found


class HashFunctions:
    """The five functions of running hashes, looked up once."""

    __slots__ = ("copy", "final", "free", "init", "library", "new", "update")

    def __init__(self, library: Library) -> None:
        """Look them up."""
        self.library = library
        self.new = library.function("EVP_MD_CTX_new")
        self.init = library.function("EVP_DigestInit_ex2")
        self.update = library.function("EVP_DigestUpdate")
        self.copy = library.function("EVP_MD_CTX_copy_ex")
        self.final = library.function("EVP_DigestFinal_ex")
        self.free = library.function("EVP_MD_CTX_free")


class RunningHash:
    """A hash whose value may be taken more than once."""

    __slots__ = ("_context", "_functions", "_size")

    def __init__(self, functions: HashFunctions, method: int, size_bytes: int) -> None:
        """Begin."""
        self._functions, self._size = functions, size_bytes
        self._context = functions.new()
        if not self._context or functions.init(self._context, method, None) != 1:
            raise functions.library.failure("EVP_DigestInit_ex2")

    def update(self, data: bytes | memoryview, /) -> None:
        """Add data."""
        content = data if isinstance(data, bytes) else bytes(data)
        if self._functions.update(self._context, content, len(content)) != 1:
            raise self._functions.library.failure("EVP_DigestUpdate")

    def digest(self) -> bytes:
        """Return the hash of what was added so far."""
        functions = self._functions
        copy = functions.new()
        try:
            out = create_string_buffer(self._size)
            if functions.copy(copy, self._context) != 1 or functions.final(copy, out, None) != 1:
                raise functions.library.failure("EVP_DigestFinal_ex")
            return out.raw
        finally:
            functions.free(copy)

    def __del__(self) -> None:
        """Free the context."""
        self._functions.free(self._context)


def digest_name(algorithm: str) -> bytes:
    """Return OpenSSL's name of a digest. Raises AlgorithmNotApprovedError."""
    name = DIGESTS.get(algorithm)
    if name is None:
        raise AlgorithmNotApprovedError(f"hash {algorithm!r} is not used here")
    return name
