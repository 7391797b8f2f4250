"""Keys inside a module: loaded, made, and written out again."""

from ctypes import byref, c_char_p, c_size_t, c_void_p, create_string_buffer, string_at

from trustkit.codec import der
from trustkit.errors import AlgorithmNotApprovedError, CryptoError, MalformedError
from trustkit.fips import algorithms, spki
from trustkit.fips.libcrypto import ml_dsa
from trustkit.fips.libcrypto.library import parameters
from trustkit.fips.libcrypto.module import Module
from trustkit.model.keys import PublicKey

_WHAT = "private key"
_USED = "make one that is: trustkit key generate --help lists the kinds"
# openssl/evp.h: which parts EVP_PKEY_fromdata(3) is given.
_PUBLIC_PARTS, _PRIVATE_PARTS = 0x86, 0x87
# RFC 5480 2.1.1: id-ecPublicKey and the named curve.
_EC_ALGORITHMS = {
    bytes.fromhex("06072a8648ce3d020106082a8648ce3d030107"): "ecdsa-p256",
    bytes.fromhex("06072a8648ce3d020106052b81040022"): "ecdsa-p384",
    bytes.fromhex("06072a8648ce3d020106052b81040023"): "ecdsa-p521",
}
_ED25519_ALGORITHM = bytes.fromhex("06032b6570")
# RFC 5915 section 3: context tags of ECPrivateKey; SEC 1 2.3.3: how an uncompressed point begins.
_PARAMETERS, _PUBLIC_KEY = 0xA0, 0xA1
_UNCOMPRESSED = 4
_GROUPS = {"ecdsa-p256": "P-256", "ecdsa-p384": "P-384", "ecdsa-p521": "P-521"}
# EVP_PKEY_get_group_name(3) answers with the name the key came with.
_KINDS = {
    b"prime256v1": "ecdsa-p256",
    b"P-256": "ecdsa-p256",
    b"secp384r1": "ecdsa-p384",
    b"P-384": "ecdsa-p384",
    b"secp521r1": "ecdsa-p521",
    b"P-521": "ecdsa-p521",
}
_EXPONENT = 65537
_NAME_CHARS = 64
_POINT_BYTES = 133
_ED25519_BYTES = 32
# Keys that are kept so that one who verifies many signatures loads and checks a key once.
_KEPT = 64


class Pkey:
    """An EVP_PKEY, freed with its last user."""

    __slots__ = ("_free", "pointer")

    def __init__(self, module: Module, pointer: int) -> None:
        """Own the pointer."""
        # looked up now: when the interpreter ends, the table of functions may be gone before the last key
        self._free = module.library.function("EVP_PKEY_free")
        self.pointer = pointer

    def __del__(self) -> None:
        """Free it."""
        self._free(self.pointer)


class PublicKeys:
    """Public keys in a module, each loaded once."""

    def __init__(self, module: Module, *, fully_checked: bool = False) -> None:
        """Nothing is loaded yet. `fully_checked`: by the module too (SP 800-56A 5.6.2.3.3, SP 800-56B 6.4.2), once."""
        self._module = module
        self._fully_checked = fully_checked
        self._kept: dict[bytes, Pkey] = {}

    def load(self, key: PublicKey) -> Pkey:
        """Return the key. Raises MalformedError, CryptoError."""
        found = self._kept.get(key.spki_der)
        if found is None:
            found = self._loaded(key)
            if self._fully_checked and key.kind != "ed25519" and key.kind not in spki.ML_DSA:
                _require(self._module, found, "EVP_PKEY_public_check", "public key fails the module's full check")
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[key.spki_der] = found
        return found

    def _loaded(self, key: PublicKey) -> Pkey:
        module, library = self._module, self._module.library
        if key.kind == "ed25519":
            raw = spki.ed25519_bytes(key)
            made = (module.context, b"ED25519", module.properties, raw, len(raw))
            return Pkey(module, library.made("EVP_PKEY_new_raw_public_key_ex", *made))
        if key.kind in spki.ML_DSA:
            return Pkey(module, ml_dsa.public(module, key.kind, spki.ml_dsa_bytes(key)))
        if key.kind == "rsa":
            modulus, exponent = spki.rsa_numbers(key)
            return _from_data(module, b"RSA", _PUBLIC_PARTS, parameters(("n", modulus), ("e", exponent)))
        point = b"\4" + key.spki_der[-2 * algorithms.CURVES[key.kind].field_bytes :]
        return _from_data(module, b"EC", _PUBLIC_PARTS, parameters(("group", _GROUPS[key.kind]), ("pub", point)))


def load_pkcs8(module: Module, content: bytes) -> tuple[Pkey, PublicKey]:
    """Take a key from PKCS#8 DER. Raises MalformedError, AlgorithmNotApprovedError. RFC 5958, 5915, 8410."""
    module.require_usable()
    outer = der.Reader(content, _WHAT)
    fields = outer.nested()
    outer.require_end()
    fields.unsigned()
    algorithm = fields.value(der.SEQUENCE)
    pkey = _raw(module, algorithm, fields.value(der.OCTET_STRING)) or _decoded(module, content)
    public = public_of(module, pkey)
    if public.kind != "ed25519" and public.kind not in spki.ML_DSA:
        otherwise = "private key and the public key in its file do not belong together"
        _require(module, pkey, "EVP_PKEY_pairwise_check", otherwise)
    return pkey, public


def _raw(module: Module, algorithm: bytes, secret: bytes) -> Pkey | None:
    """Return a key whose numbers lie open; None for one that OpenSSL's decoders, slow at first, must take apart."""
    inner = der.Reader(secret, _WHAT)
    if algorithm == _ED25519_ALGORITHM:
        raw = inner.value(der.OCTET_STRING)
        inner.require_end()
        if len(raw) != _ED25519_BYTES:
            raise MalformedError("private key is cut off or too long")
        made = (module.context, b"ED25519", module.properties, raw, len(raw))
        return Pkey(module, module.library.made("EVP_PKEY_new_raw_private_key_ex", *made))
    if lattice := spki.ml_dsa_kind(algorithm):
        return Pkey(module, ml_dsa.of_private(module, lattice, secret))
    kind = _EC_ALGORITHMS.get(algorithm)
    if kind is None:
        return None
    fields = inner.nested()
    inner.require_end()
    version, scalar = fields.unsigned(), fields.value(der.OCTET_STRING)
    if version != 1 or len(scalar) != algorithms.CURVES[kind].field_bytes:
        raise MalformedError("private key is not a sound elliptic curve key")
    if fields.peek() == _PARAMETERS:
        fields.value(_PARAMETERS)
    if fields.peek() != _PUBLIC_KEY:
        return None
    point = fields.nested(_PUBLIC_KEY).bits()
    fields.require_end()
    if len(point) != 1 + 2 * len(scalar) or point[0] != _UNCOMPRESSED:
        return None
    rows = parameters(("group", _GROUPS[kind]), ("pub", point), ("priv", int.from_bytes(scalar, "big")))
    return _from_data(module, b"EC", _PRIVATE_PARTS, rows)


def _decoded(module: Module, content: bytes) -> Pkey:
    library = module.library
    position = c_char_p(content)
    try:
        info = library.made("d2i_PKCS8_PRIV_KEY_INFO", None, byref(position), len(content))
        try:
            return Pkey(module, library.made("EVP_PKCS82PKEY_ex", info, module.context, module.decoding))
        finally:
            library.call("PKCS8_PRIV_KEY_INFO_free", info)
    except CryptoError as error:
        raise MalformedError("private key is not a sound PKCS#8 key") from error


def generate(module: Module, kind: str) -> tuple[Pkey, PublicKey]:
    """Make a key. Raises AlgorithmNotApprovedError, CryptoError. FIPS 186-5."""
    if kind not in algorithms.GENERATED_KINDS:
        known = ", ".join(algorithms.GENERATED_KINDS)
        raise AlgorithmNotApprovedError(f"keys of kind {kind!r} are not made (known: {known})")
    module.require_usable()
    if kind in spki.ML_DSA:
        pkey = Pkey(module, ml_dsa.generate(module, kind))
        return pkey, public_of(module, pkey)
    library = module.library
    if kind == "ed25519":
        name, rows = b"ED25519", None
    elif kind in _GROUPS:
        name, rows = b"EC", parameters(("group", _GROUPS[kind]))
    else:
        name, rows = b"RSA", parameters(("bits", int(kind.removeprefix("rsa-"))), ("e", _EXPONENT))
    context = library.made("EVP_PKEY_CTX_new_from_name", module.context, name, module.properties)
    try:
        library.done("EVP_PKEY_keygen_init", context)
        if rows is not None:
            library.done("EVP_PKEY_CTX_set_params", context, rows)
        pointer = c_void_p()
        library.done("EVP_PKEY_generate", context, byref(pointer))
    finally:
        library.call("EVP_PKEY_CTX_free", context)
    pkey = Pkey(module, pointer.value or 0)
    return pkey, public_of(module, pkey)


def to_pkcs8(module: Module, pkey: Pkey) -> bytes:
    """Return the private key as PKCS#8 DER, unencrypted. Raises CryptoError."""
    library = module.library
    if lattice := ml_dsa.kind_of(module, pkey.pointer):
        return ml_dsa.to_pkcs8(module, pkey.pointer, lattice)
    info = library.made("EVP_PKEY2PKCS8", pkey.pointer)
    try:
        size = library.call("i2d_PKCS8_PRIV_KEY_INFO", info, None)
        if size <= 0:
            raise library.failure("i2d_PKCS8_PRIV_KEY_INFO")
        content = create_string_buffer(size)
        position = c_char_p.from_buffer(c_void_p(_address(content)))
        library.call("i2d_PKCS8_PRIV_KEY_INFO", info, byref(position))
        return content.raw
    finally:
        library.call("PKCS8_PRIV_KEY_INFO_free", info)


def public_of(module: Module, pkey: Pkey) -> PublicKey:
    """Return the public half, checked. Raises AlgorithmNotApprovedError, MalformedError, CryptoError."""
    library = module.library
    if library.call("EVP_PKEY_is_a", pkey.pointer, b"EC") == 1:
        kind = _kind_of(module, pkey)
        point = _octets(module, pkey, _POINT_BYTES)
        size = algorithms.CURVES[kind].field_bytes
        if len(point) != 1 + 2 * size or point[0] != _UNCOMPRESSED:
            raise MalformedError("private key has no uncompressed public point")
        x, y = point[1 : 1 + size], point[1 + size :]
        content = spki.ec_spki(kind, int.from_bytes(x, "big"), int.from_bytes(y, "big"))
    elif library.call("EVP_PKEY_is_a", pkey.pointer, b"ED25519") == 1:
        content = spki.ed25519_spki(_octets(module, pkey, _ED25519_BYTES))
    elif library.call("EVP_PKEY_is_a", pkey.pointer, b"RSA") == 1:
        content = spki.rsa_spki(_number(module, pkey, b"n"), _number(module, pkey, b"e"))
    elif lattice := ml_dsa.kind_of(module, pkey.pointer):
        content = spki.ml_dsa_spki(lattice, ml_dsa.public_bytes(module, pkey.pointer))
    else:
        raise AlgorithmNotApprovedError("private key is of a kind not used here", next_step=_USED)

    def sha256(data: bytes) -> bytes:
        running = module.hasher("sha256")
        running.update(data)
        return running.digest()

    return spki.public_key(content, sha256)


def _from_data(module: Module, name: bytes, parts: int, rows: object) -> Pkey:
    library = module.library
    context = library.made("EVP_PKEY_CTX_new_from_name", module.context, name, module.properties)
    try:
        pointer = c_void_p()
        library.done("EVP_PKEY_fromdata_init", context)
        library.done("EVP_PKEY_fromdata", context, byref(pointer), parts, rows)
    except CryptoError as error:
        raise MalformedError(f"key is unusable: {error.message}") from error
    finally:
        library.call("EVP_PKEY_CTX_free", context)
    return Pkey(module, pointer.value or 0)


def _require(module: Module, pkey: Pkey, check: str, otherwise: str) -> None:
    library = module.library
    context = library.made("EVP_PKEY_CTX_new_from_pkey", module.context, pkey.pointer, module.properties)
    try:
        library.done(check, context)
    except CryptoError as error:
        raise MalformedError(otherwise) from error
    finally:
        library.call("EVP_PKEY_CTX_free", context)


def _kind_of(module: Module, pkey: Pkey) -> str:
    name, length = create_string_buffer(_NAME_CHARS), c_size_t()
    module.library.call("EVP_PKEY_get_group_name", pkey.pointer, name, _NAME_CHARS, byref(length))
    kind = _KINDS.get(name.value)
    if kind is None:
        told = name.value.decode("latin-1")
        raise AlgorithmNotApprovedError(f"private key is of a curve not used here: {told!r}", next_step=_USED)
    return kind


def _octets(module: Module, pkey: Pkey, most: int) -> bytes:
    out, length = create_string_buffer(most), c_size_t()
    module.library.done("EVP_PKEY_get_octet_string_param", pkey.pointer, b"pub", out, most, byref(length))
    return out.raw[: length.value]


def _number(module: Module, pkey: Pkey, name: bytes) -> int:
    library, pointer = module.library, c_void_p()
    library.done("EVP_PKEY_get_bn_param", pkey.pointer, name, byref(pointer))
    try:
        size = (library.call("BN_num_bits", pointer) + 7) // 8
        out = create_string_buffer(max(size, 1))
        library.call("BN_bn2binpad", pointer, out, size)
        return int.from_bytes(string_at(out, size), "big")
    finally:
        library.call("BN_clear_free", pointer)


def _address(buffer: object) -> int:
    from ctypes import addressof

    return addressof(buffer)  # type: ignore[arg-type]
