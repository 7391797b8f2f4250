"""What is not approved, brought to the commands in FIPS mode as a user would bring it, made by the real `openssl`."""

import base64
import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from peers.fips import inside
from peers.processes import Process
from peers.registry import Tls
from peers.tools import Ran
from peers.trustkit import Trustkit

PASSPHRASE = {"TRUSTKIT_PASSWORD": "a passphrase"}
# What `openssl genpkey` is told, and what the refusal names.
FORBIDDEN_KEYS = {
    "rsa-1024": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"),
    "rsa-1536": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1536"),
    "rsa-e3": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:3"),
    "p-192": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-192"),
    "p-224": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"),
    "secp256k1": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"),
    "brainpool": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"),
    "x25519": ("-algorithm", "X25519"),
    "ed448": ("-algorithm", "ED448"),
}
# How `openssl pkcs8` encrypts a key.
FORBIDDEN_FILES = {
    "scrypt": ("-scrypt",),
    "md5": ("-v1", "PBE-MD5-DES"),
    "sha-1": ("-v1", "PBE-SHA1-3DES"),
    "pbkdf2 with sha-1": ("-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1"),
    "triple des": ("-v2", "des3"),
}


def openssl(*words: str | Path) -> None:
    legacy = ["-provider", "legacy", "-provider", "default"] if words[0] == "pkcs8" else []
    subprocess.run(["openssl", *map(str, words), *legacy], check=True, capture_output=True)


def generated(folder: Path, *words: str) -> tuple[Path, Path]:
    """Return a private and its public key."""
    private, public = folder / "private.pem", folder / "public.pem"
    openssl("genpkey", *words, "-out", private)
    openssl("pkey", "-in", private, "-pubout", "-out", public)
    return private, public


def bundle(folder: Path, content: bytes, signature: bytes) -> Path:
    """Return the file of a sigstore bundle over the content."""
    written = folder / f"{hashlib.sha256(signature).hexdigest()}.json"
    digest, signed = (base64.b64encode(part).decode() for part in (hashlib.sha256(content).digest(), signature))
    members = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": ""}},
        "messageSignature": {"messageDigest": {"algorithm": "SHA2_256", "digest": digest}, "signature": signed},
    }
    written.write_text(json.dumps(members))
    return written


def refused(done: Ran) -> None:
    """With a reason, and not by an accident of ours."""
    assert done.status in {1, 2, 4}, done.said
    assert "fault of ours" not in done.stderr
    assert "does cryptography outside" not in done.stderr


@pytest.mark.parametrize("kind", FORBIDDEN_KEYS)
def test_a_private_key_of_a_kind_that_is_not_approved_is_not_taken(fips: Trustkit, tmp_path: Path, kind: str) -> None:
    private, _ = generated(tmp_path, *FORBIDDEN_KEYS[kind])
    refused(fips.run("key", "import", "k", private, "--insecure-allow-plain", env=PASSPHRASE))
    assert list((fips.home / "keys").glob("k.*")) == []


@pytest.mark.parametrize("kind", FORBIDDEN_KEYS)
def test_nothing_is_verified_by_a_public_key_that_is_not_approved(fips: Trustkit, tmp_path: Path, kind: str) -> None:
    _, public = generated(tmp_path, *FORBIDDEN_KEYS[kind])
    (blob := tmp_path / "blob").write_bytes(b"content")
    refused(fips.run("verify-blob", "--key", public, "--bundle", bundle(tmp_path, b"content", b"signature"), blob))
    refused(fips.run("key", "import", "k", public))


@pytest.mark.parametrize("kind", ["rsa-1024", "ecdsa-p192", "secp256k1", "brainpoolP256r1", "x25519", "ecdsa-p224"])
def test_no_key_of_another_kind_is_made(fips: Trustkit, kind: str) -> None:
    assert fips.run("key", "generate", "k", "--kind", kind, env=PASSPHRASE).status == 2
    done = inside(fips, f"from trustkit.fips.select import provider; provider().generate({kind!r})")
    assert "AlgorithmNotApprovedError" in done.stderr


@pytest.mark.parametrize("how", FORBIDDEN_FILES)
def test_a_key_file_that_is_encrypted_by_something_else_is_not_opened(fips: Trustkit, tmp_path: Path, how: str) -> None:
    private, _ = generated(tmp_path, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    encrypted = tmp_path / "encrypted.pem"
    words = ("-topk8", "-in", private, "-out", encrypted, "-passout", "pass:a passphrase")
    openssl("pkcs8", *words, *FORBIDDEN_FILES[how])
    refused(fips.run("key", "import", "k", encrypted, env=PASSPHRASE))


@pytest.mark.parametrize("digest", ["md5", "sha1", "sha224"])
@pytest.mark.parametrize(
    "kind",
    [
        ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
        ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
    ],
    ids=["rsa", "ecdsa"],
)
def test_a_signature_over_another_digest_does_not_verify(
    fips: Trustkit, tmp_path: Path, digest: str, kind: tuple[str, ...]
) -> None:
    private, public = generated(tmp_path, *kind)
    (blob := tmp_path / "blob").write_bytes(b"content")
    signed = {}
    for name in ("sha256", digest):
        openssl("dgst", f"-{name}", "-sign", private, "-out", tmp_path / name, blob)
        signed[name] = bundle(tmp_path, b"content", (tmp_path / name).read_bytes())
    assert fips.must("verify-blob", "--key", public, "--bundle", signed["sha256"], blob)
    assert fips.run("verify-blob", "--key", public, "--bundle", signed[digest], blob).status == 1


@pytest.mark.parametrize(("salt", "fits"), [("32", True), ("64", False), ("max", False)])
def test_a_pss_salt_longer_than_its_digest_is_refused(fips: Trustkit, tmp_path: Path, salt: str, fits: bool) -> None:
    private, public = generated(tmp_path, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
    (blob := tmp_path / "blob").write_bytes(b"content")
    signature = tmp_path / "signature"
    words = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", f"rsa_pss_saltlen:{salt}")
    openssl("dgst", "-sha256", *words, "-sign", private, "-out", signature, blob)
    done = inside(fips, f"""
        from trustkit.fips.parse import public_key_from_pem
        from trustkit.fips.select import provider
        def read(path):
            with open(path, "rb") as file:
                return file.read()
        key = public_key_from_pem(read({str(public)!r}))
        provider().verify(key, "rsa-pss-sha256", read({str(signature)!r}), b"content")
    """)  # fmt: skip
    assert (done.returncode == 0) == fits, done.stderr
    assert fits or "SignatureMismatchError" in done.stderr


@pytest.mark.parametrize(("length", "fits"), [(0, False), (8, False), (13, False), (14, True)])
def test_an_hmac_key_below_112_bits_is_refused(fips: Trustkit, length: int, fits: bool) -> None:
    done = inside(fips, f"from trustkit.fips.select import provider; provider().hmac('sha256', bytes({length}), b'')")
    assert (done.returncode == 0) == fits, done.stderr
    assert fits or "SP 800-131A" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-groups", "X25519"), "handshake failure"),
        (("-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"), "handshake failure"),
        (("-tls1_2", "-cipher", "ECDHE+AES:!AESGCM"), "handshake failure"),
        (("-groups", "P-256"), "its certificate does not verify"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
def test_a_registry_that_offers_nothing_approved_is_not_spoken_to(
    fips: Trustkit, tls: Tls, netns: str, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """Not on loopback, where a registry may do without TLS; of one that offers enough the certificate is looked at."""
    subprocess.run(["ip", "-n", netns, "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "-n", netns, "address", "add", "10.9.8.7/32", "dev", "lo"], check=True)
    fips.netns = netns
    args = ["nsenter", f"--net=/run/netns/{netns}", "openssl", "s_server", "-accept", "10.9.8.7:5000", "-www", *words]
    args += ["-cert", str(tls.certificate_file), "-key", str(tls.key_file)]
    server = Process(args, log=tmp_path / "log", env={"PATH": os.environ["PATH"]})
    try:
        server.wait_until(lambda: "ACCEPT" in (tmp_path / "log").read_text())
        done = fips.run("verify", "10.9.8.7:5000/app:1", env={"TRUSTKIT_REGISTRY_CA_FILE": str(tls.ca_file)})
    finally:
        server.stop()
    assert (done.status, said in done.stderr.lower()) == (3, True), done.said
