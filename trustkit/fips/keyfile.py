"""Private key files: bytes to keys and back. Files and permissions are the caller's."""

from collections.abc import Mapping

from trustkit import limits
from trustkit.codec import pem
from trustkit.errors import KeyFileError, MalformedError
from trustkit.fips import cosign_key, pbes2, select
from trustkit.fips.provider import CryptoProvider, PrivateKey

ENCRYPTED = "ENCRYPTED PRIVATE KEY"
PLAIN = "PRIVATE KEY"
SIGSTORE = "ENCRYPTED SIGSTORE PRIVATE KEY"
COSIGN = "ENCRYPTED COSIGN PRIVATE KEY"
# What notary and docker say of a key in its file (theupdateframework/notary, trustmanager).
_NOTARY_HEADERS = {"role", "gun", "path"}
LABELS = (ENCRYPTED, PLAIN, SIGSTORE, COSIGN)


def label_of(content: bytes) -> str:
    """Return which of `LABELS` the file is, to know whether a passphrase is needed.

    Raises KeyFileError.
    """
    return _block(content)[0]


def read(
    content: bytes,
    passphrase: bytes,
    provider: CryptoProvider,
    *,
    insecure_allow_plain: bool = False,
) -> PrivateKey:
    """Return the key in a PEM file: encrypted PKCS#8, cosign's two labels, notary's, or plain if allowed.

    Raises KeyFileError, and AlgorithmNotApprovedError for kinds and ciphers not used here.
    """
    label, body = _block(content)
    notary = _is_notary(content)
    if label == PLAIN and not insecure_allow_plain:
        raise KeyFileError(
            "private key file is not encrypted",
            next_step="encrypt it with trustkit key import, or allow plain keys explicitly",
        )
    try:
        pkcs8 = _opened(label, body, passphrase, allow_sha1=notary)
    except MalformedError as error:
        raise KeyFileError(f"private key file is broken: {error.message}") from error
    try:
        return provider.load_pkcs8(pkcs8)
    except MalformedError as error:
        # CBC has no tag: one wrong passphrase in 256 leaves a sound padding around nonsense.
        if label == ENCRYPTED:
            raise pbes2.wrong_passphrase() from error
        raise KeyFileError(f"private key file is broken: {error.message}") from error


def write(key: PrivateKey, passphrase: bytes) -> bytes:
    """Return the key as encrypted PKCS#8 in PEM. Raises KeyFileError for an empty passphrase."""
    return pem.encode(ENCRYPTED, pbes2.encrypt(key.to_pkcs8(), _required(passphrase)))


def write_cosign(key: PrivateKey, passphrase: bytes) -> bytes:
    """Return the key as cosign 2 and 3 read it; cosign allows an empty passphrase."""
    return pem.encode(SIGSTORE, cosign_key.encrypt(key.to_pkcs8(), passphrase))


def write_notary(key: PrivateKey, passphrase: bytes, headers: Mapping[str, str]) -> bytes:
    """Return the key as notary and docker keep it: `role`, and `gun` for keys of one repository, in front.

    They read keys derived by SHA-1 only. In FIPS mode it is SHA-256, and only trustkit reads the file.
    Raises KeyFileError for an empty passphrase.
    """
    by_sha1 = select.provider().status().mode == "off"
    content = pem.encode(ENCRYPTED, pbes2.encrypt(key.to_pkcs8(), _required(passphrase), by_sha1=by_sha1))
    return pem.with_headers(content, headers)


def headers_of(content: bytes) -> dict[str, str]:
    """Return what notary says of a key in front of it: `role`, `gun`. Raises KeyFileError."""
    _block(content)
    return pem.split_headers(content)[0]


def _opened(label: str, body: bytes, passphrase: bytes, *, allow_sha1: bool) -> bytes:
    if label == ENCRYPTED:
        return pbes2.decrypt(body, passphrase, allow_sha1=allow_sha1)
    if label in (SIGSTORE, COSIGN):
        return cosign_key.decrypt(body, passphrase)
    return body


def _block(content: bytes) -> tuple[str, bytes]:
    if len(content) > limits.KEY_FILE_BYTES:
        raise KeyFileError(f"private key file is larger than {limits.KEY_FILE_BYTES} bytes")
    try:
        headers, block = pem.split_headers(content)
        if not set(headers) <= _NOTARY_HEADERS:
            raise KeyFileError("private key file has headers that only old encryption has: convert it to PKCS#8")
        return pem.decode(block, LABELS)
    except MalformedError as error:
        raise KeyFileError(f"no private key file: {error.message}") from error


def _is_notary(content: bytes) -> bool:
    return "role" in pem.split_headers(content)[0]


def _required(passphrase: bytes) -> bytes:
    if not passphrase:
        raise KeyFileError("an empty passphrase protects nothing")
    return passphrase
