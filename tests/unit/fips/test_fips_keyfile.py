"""Private key files: they come back, and everything else is one clear error."""

import pytest

from trustkit.codec import base64, pem
from trustkit.codec.canonical_json import canonical
from trustkit.errors import AlgorithmNotApprovedError, KeyFileError
from trustkit.fips import keyfile
from trustkit.fips.provider import PrivateKey
from trustkit.fips.select import provider

_CRYPTO = provider()


@pytest.fixture(scope="module")
def private_key() -> PrivateKey:
    return _CRYPTO.generate("ecdsa-p256")


@pytest.fixture(scope="module")
def encrypted(private_key: PrivateKey) -> bytes:
    return keyfile.write(private_key, b"right")


@pytest.fixture(scope="module")
def cosign_file(private_key: PrivateKey) -> bytes:
    return keyfile.write_cosign(private_key, b"right")


def test_an_encrypted_key_comes_back(private_key: PrivateKey, encrypted: bytes) -> None:
    assert keyfile.read(encrypted, b"right", _CRYPTO).public == private_key.public


def test_a_cosign_key_comes_back_under_both_labels(private_key: PrivateKey, cosign_file: bytes) -> None:
    for content in (cosign_file, cosign_file.replace(b"SIGSTORE", b"COSIGN")):
        assert keyfile.read(content, b"right", _CRYPTO).public == private_key.public


def test_a_wrong_passphrase_is_named_so(encrypted: bytes) -> None:
    with pytest.raises(KeyFileError, match="wrong passphrase"):
        keyfile.read(encrypted, b"wrong", _CRYPTO)


def test_a_wrong_passphrase_for_a_cosign_key_is_named_so(cosign_file: bytes) -> None:
    with pytest.raises(KeyFileError, match="wrong passphrase"):
        keyfile.read(cosign_file, b"wrong", _CRYPTO)


def test_a_plain_key_needs_permission(private_key: PrivateKey) -> None:
    content = pem.encode(keyfile.PLAIN, private_key.to_pkcs8())
    with pytest.raises(KeyFileError, match="not encrypted"):
        keyfile.read(content, b"", _CRYPTO)
    assert keyfile.read(content, b"", _CRYPTO, insecure_allow_plain=True)


def test_an_empty_passphrase_is_refused(private_key: PrivateKey) -> None:
    with pytest.raises(KeyFileError):
        keyfile.write(private_key, b"")


@pytest.mark.parametrize("content", [b"", b"x", bytes(70_000), pem.encode("RSA PRIVATE KEY", b"x")])
def test_other_files_are_no_key_files(content: bytes) -> None:
    with pytest.raises(KeyFileError):
        keyfile.read(content, b"right", _CRYPTO)


def test_a_cut_key_file_is_broken(encrypted: bytes) -> None:
    _, body = pem.decode(encrypted, keyfile.LABELS)
    with pytest.raises(KeyFileError, match="broken"):
        keyfile.read(pem.encode(keyfile.ENCRYPTED, body[:-1]), b"right", _CRYPTO)


def _cosign(**params: object) -> bytes:
    text = base64.encode(bytes(24))
    params = {"N": 65536, "r": 8, "p": 1, **params}
    return pem.encode(
        keyfile.SIGSTORE,
        canonical(
            {
                "kdf": {"name": "scrypt", "params": params, "salt": text},
                "cipher": {"name": "nacl/secretbox", "nonce": text},
                "ciphertext": text,
            }
        ),
    )


@pytest.mark.parametrize(
    "params", [{"N": 1 << 30}, {"r": 1 << 20}, {"p": 100}, {"N": 3}, {"N": 0}, {"r": -1}, {"p": "1"}]
)
def test_costly_or_impossible_scrypt_is_refused_before_it_runs(params: dict[str, object]) -> None:
    with pytest.raises(KeyFileError, match=r"scrypt|must be"):
        keyfile.read(_cosign(**params), b"right", _CRYPTO)


def test_another_cipher_is_refused() -> None:
    label, body = pem.decode(_cosign(), keyfile.LABELS)
    content = pem.encode(label, body.replace(b"nacl/secretbox", b"rot13"))
    with pytest.raises(AlgorithmNotApprovedError):
        keyfile.read(content, b"right", _CRYPTO)
