"""A fake of sigstore's cloud services: Fulcio, a certificate log, Rekor v1 and v2, witnesses, a timestamp authority.

It stands in for services that need the internet. Its answers are real in form and signature, made with the
`cryptography` package and OpenSSL's `ts` command; it does not check identity tokens. cosign and the `sigstore`
package accept what it makes, which tests hold it to.
"""

import base64
import hashlib
import json
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Json = dict[str, Any]
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
_ISSUER_V2 = "1.3.6.1.4.1.57264.1.8"
_ISSUER_V1 = "1.3.6.1.4.1.57264.1.1"
_UUID = "ab" * 40
_SCTS = "1.3.6.1.4.1.11129.2.4.2"
BEGINNING = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2044, 1, 1, tzinfo=UTC)
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def b64(content: bytes) -> str:
    """Return base64."""
    return base64.b64encode(content).decode()


def spki(key: PublicKey) -> bytes:
    """Return the key's DER."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def canonical(value: object) -> bytes:
    """Return JSON as Rekor signs it; the members here are ASCII, where this is RFC 8785."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def name(common: str) -> x509.Name:
    """Return a distinguished name."""
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "fake"), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )


class Authority(NamedTuple):
    """A certificate authority of two levels; `key` is the lower one's."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    root: x509.Certificate

    @property
    def chain(self) -> list[x509.Certificate]:
        """The lower certificate, then the root."""
        return [self.certificate, self.root]


def authority(label: str, usage: x509.ObjectIdentifier, *, leaf: bool = False) -> Authority:
    """Make a root and what it issued: an authority, or with `leaf` the certificate that signs."""
    keys = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _issue(name(f"{label} root"), keys[0], name(f"{label} root"), keys[0], path_length=1)
    if leaf:
        lower = _issue(name(label), keys[1], root.subject, keys[0], path_length=None, usage=usage)
    else:
        lower = _issue(name(label), keys[1], root.subject, keys[0], path_length=0, usage=usage, critical=False)
    return Authority(keys[1], lower, root)


def _issue(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    signer: ec.EllipticCurvePrivateKey,
    *,
    path_length: int | None,
    usage: x509.ObjectIdentifier | None = None,
    critical: bool = True,
) -> x509.Certificate:
    issuing = path_length is not None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGINNING)
        .not_valid_after(END)
        .add_extension(x509.BasicConstraints(issuing, path_length), critical=True)
        .add_extension(_key_usage(signs=not issuing), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=critical)
    return builder.sign(signer, hashes.SHA256())


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signs,
        crl_sign=not signs,
        encipher_only=False,
        decipher_only=False,
    )


class Tree:
    """A Merkle tree of RFC 6962, written down as the RFC defines it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.leaves: list[bytes] = []

    def append(self, entry: bytes) -> int:
        """Add an entry and return its number."""
        self.leaves.append(hashlib.sha256(b"\0" + entry).digest())
        return len(self.leaves) - 1

    def root(self, leaves: list[bytes] | None = None) -> bytes:
        """Return the Merkle tree hash."""
        leaves = self.leaves if leaves is None else leaves
        if len(leaves) == 1:
            return leaves[0]
        half = 1 << ((len(leaves) - 1).bit_length() - 1)
        return hashlib.sha256(b"\x01" + self.root(leaves[:half]) + self.root(leaves[half:])).digest()

    def path(self, number: int, leaves: list[bytes] | None = None) -> list[bytes]:
        """Return the audit path."""
        leaves = self.leaves if leaves is None else leaves
        if len(leaves) == 1:
            return []
        half = 1 << ((len(leaves) - 1).bit_length() - 1)
        if number < half:
            return [*self.path(number, leaves[:half]), self.root(leaves[half:])]
        return [*self.path(number - half, leaves[half:]), self.root(leaves[:half])]


class Witness:
    """Cosigns checkpoints (C2SP tlog-cosignature)."""

    def __init__(self, label: str) -> None:
        """Make a key."""
        self.name, self.key = label, ed25519.Ed25519PrivateKey.generate()
        self.raw = self.key.public_key().public_bytes_raw()
        self.key_id = hashlib.sha256(f"{label}\n".encode() + b"\x04" + self.raw).digest()[:4]

    @property
    def vkey(self) -> str:
        """The line by which it is trusted."""
        material = b64(b"\x04" + self.raw)
        return f"{self.name}+{self.key_id.hex()}+{material}"

    def line(self, text: str, at: int) -> str:
        """Return the signature line under a checkpoint."""
        signature = self.key.sign(f"cosignature/v1\ntime {at}\n{text}".encode())
        return f"— {self.name} {b64(self.key_id + struct.pack('>Q', at) + signature)}\n"


class FakeSigstore:
    """All services in one, without a network; `url` is what they call themselves."""

    def __init__(self, url: str = "http://fake.sigstore.test") -> None:
        """Make every key."""
        self.url = url
        self.origin = url.partition("//")[2].partition(":")[0]
        self.fulcio = authority("fake fulcio", ExtendedKeyUsageOID.CODE_SIGNING)
        self.tsa = authority("fake tsa", ExtendedKeyUsageOID.TIME_STAMPING, leaf=True)
        self.ct_key, self.log_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self.log2_key = ed25519.Ed25519PrivateKey.generate()
        self.log_id = hashlib.sha256(spki(self.log_key.public_key())).digest()
        raw = self.log2_key.public_key().public_bytes_raw()
        self.log2_id = hashlib.sha256(f"{self.origin}\n".encode() + b"\x01" + raw).digest()
        self.witnesses: list[Witness] = []
        self.tree, self.tree2 = Tree(), Tree()
        self._lock = Lock()
        for tree in (self.tree, self.tree2):
            for filler in range(5):
                tree.append(b"another entry %d" % filler)

    # --- Fulcio and its certificate log

    def certificate(
        self, key: PublicKey, identity: str, issuer: str, *, at: datetime, logged: bool = True
    ) -> x509.Certificate:
        """Return a certificate of ten minutes for an e-mail address or URI."""
        alternative = x509.RFC822Name(identity) if "@" in identity else x509.UniformResourceIdentifier(identity)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.fulcio.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(at)
            .not_valid_after(at + timedelta(minutes=10))
            .add_extension(_key_usage(signs=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.fulcio.key.public_key()), critical=False
            )
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=True)
        )
        text = issuer.encode()
        for oid, value in ((_ISSUER_V1, text), (_ISSUER_V2, b"\x0c" + bytes((len(text),)) + text)):
            builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), False)
        if not logged:
            return builder.sign(self.fulcio.key, hashes.SHA256())
        before = builder.sign(self.fulcio.key, hashes.SHA256())
        scts = self._sct_list(before.tbs_certificate_bytes, at)
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(_SCTS), scts)
        return builder.add_extension(extension, critical=False).sign(self.fulcio.key, hashes.SHA256())

    def _sct_list(self, tbs: bytes, at: datetime) -> bytes:
        milliseconds = int(at.timestamp() * 1000)
        issuer = hashlib.sha256(spki(self.fulcio.key.public_key())).digest()
        signed = struct.pack(">BBQH", 0, 0, milliseconds, 1) + issuer + len(tbs).to_bytes(3, "big") + tbs + b"\0\0"
        signature = self.ct_key.sign(signed, ec.ECDSA(hashes.SHA256()))
        log_id = hashlib.sha256(spki(self.ct_key.public_key())).digest()
        sct = b"\0" + log_id + struct.pack(">Q", milliseconds) + b"\0\0\x04\x03" + _vector(signature)
        listed = _vector(_vector(sct))
        return b"\x04" + (bytes((len(listed),)) if len(listed) < 128 else b"\x81" + bytes((len(listed),))) + listed

    # --- Rekor

    def log(self, body: bytes, *, at: int) -> Json:
        """Record a body in the first log; return it as a bundle's entry."""
        with self._lock:
            number = self.tree.append(body)
            text = f"{self.origin} - 4711\n{len(self.tree.leaves)}\n{b64(self.tree.root())}\n"
            signature = self.log_key.sign(text.encode(), ec.ECDSA(hashes.SHA256()))
            proof = self._proof(self.tree, number, f"{text}\n— {self.origin} {b64(self.log_id[:4] + signature)}\n")
        promised = canonical(
            {"body": b64(body), "integratedTime": at, "logID": self.log_id.hex(), "logIndex": number + 1000}
        )
        promise = self.log_key.sign(promised, ec.ECDSA(hashes.SHA256()))
        return {
            "logIndex": str(number + 1000),
            "logId": {"keyId": b64(self.log_id)},
            "kindVersion": _kind_version(body),
            "integratedTime": str(at),
            "inclusionPromise": {"signedEntryTimestamp": b64(promise)},
            "inclusionProof": proof,
            "canonicalizedBody": b64(body),
        }

    def log2(self, body: bytes, *, at: int) -> Json:
        """Record a body in the second log, whose entries have no time; witnesses cosign its checkpoint."""
        with self._lock:
            number = self.tree2.append(body)
            text = f"{self.origin}\n{len(self.tree2.leaves)}\n{b64(self.tree2.root())}\n"
            note = f"{text}\n— {self.origin} {b64(self.log2_id[:4] + self.log2_key.sign(text.encode()))}\n"
            note += "".join(witness.line(text, at) for witness in self.witnesses)
            proof = self._proof(self.tree2, number, note)
        return {
            "logIndex": str(number),
            "logId": {"keyId": b64(self.log2_id)},
            "kindVersion": _kind_version(body),
            "inclusionProof": proof,
            "canonicalizedBody": b64(body),
        }

    def _proof(self, tree: Tree, number: int, checkpoint: str) -> Json:
        return {
            "logIndex": str(number),
            "rootHash": b64(tree.root()),
            "treeSize": str(len(tree.leaves)),
            "hashes": [b64(one) for one in tree.path(number)],
            "checkpoint": {"envelope": checkpoint},
        }

    # --- timestamps and trust

    def timestamp(self, request: bytes) -> bytes:
        """Answer an RFC 3161 request with OpenSSL; its time is the machine's."""
        with tempfile.TemporaryDirectory() as folder:
            at = Path(folder)
            (at / "serial").write_text("01", encoding="ascii")
            (at / "request").write_bytes(request)
            key = self.tsa.key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            (at / "key").write_bytes(key)
            (at / "leaf").write_bytes(pem(self.tsa.certificate))
            (at / "config").write_text(
                "[t]\nserial=serial\nsigner_digest=sha256\ndefault_policy=1.2.3.4.1\ndigests=sha256,sha384,sha512\n"
                "ess_cert_id_alg=sha256\nordering=no\ntsa_name=no\n",
                encoding="ascii",
            )
            command = "openssl ts -reply -config config -section t -queryfile request -inkey key -signer leaf"
            subprocess.run([*command.split(), "-out", "answer"], cwd=at, check=True, capture_output=True)
            return (at / "answer").read_bytes()

    def timestamp_of(self, content: bytes) -> bytes:
        """Return a timestamp of some bytes."""
        digest = hashlib.sha256(content).hexdigest()
        asked = subprocess.run(
            ["openssl", "ts", "-query", "-digest", digest, "-sha256", "-cert"], check=True, capture_output=True
        )
        return self.timestamp(asked.stdout)

    def trusted_root(self) -> Json:
        """Return the trusted_root.json of these services."""
        window = {"start": "2024-01-01T00:00:00Z"}
        keys: tuple[tuple[PublicKey, str, bytes], ...] = (
            (self.log_key.public_key(), "PKIX_ECDSA_P256_SHA_256", self.log_id),
            (self.log2_key.public_key(), "PKIX_ED25519", self.log2_id),
        )
        ct = self.ct_key.public_key()
        ct_id = hashlib.sha256(spki(ct)).digest()
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [_log(self.url, key, details, log_id, window) for key, details, log_id in keys],
            "certificateAuthorities": [_authority(self.url, self.fulcio, window)],
            "ctlogs": [_log(self.url, ct, "PKIX_ECDSA_P256_SHA_256", ct_id, window)],
            "timestampAuthorities": [_authority(self.url, self.tsa, window)],
        }


def pem(certificate: x509.Certificate) -> bytes:
    """Return the certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def der(certificate: x509.Certificate) -> bytes:
    """Return the certificate as DER."""
    return certificate.public_bytes(serialization.Encoding.DER)


def hashedrekord_1(digest: bytes, signature: bytes, verifier: bytes) -> bytes:
    """Return the first log's body for a signature on content; `verifier` is PEM."""
    spec = {
        "data": {"hash": {"algorithm": "sha256", "value": digest.hex()}},
        "signature": {"content": b64(signature), "publicKey": {"content": b64(verifier)}},
    }
    return canonical({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec})


def dsse_1(payload: bytes, signature: bytes, verifier: bytes, uploaded: bytes = b"") -> bytes:
    """Return the first log's body for an envelope, `uploaded` in this spelling; `verifier` is PEM."""
    spec = {
        "envelopeHash": {"algorithm": "sha256", "value": hashlib.sha256(uploaded or payload + signature).hexdigest()},
        "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
        "signatures": [{"signature": b64(signature), "verifier": b64(verifier)}],
    }
    return canonical({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec})


def intoto_1(envelope: bytes, verifier: str) -> bytes:
    """Return the first log's older body for an envelope, of which it keeps hashes; `verifier` is base64 of PEM."""
    payload = base64.b64decode(json.loads(envelope)["payload"])
    hashed = {"algorithm": "sha256", "value": hashlib.sha256(envelope).hexdigest()}
    inner = {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()}
    spec = {"content": {"hash": hashed, "payloadHash": inner}, "publicKey": verifier}
    return canonical({"apiVersion": "0.0.1", "kind": "intoto", "spec": spec})


def hashedrekord_2(digest: bytes, signature: bytes, certificate: bytes) -> bytes:
    """Return the second log's body; `certificate` is DER."""
    verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": b64(certificate)}}
    inner = {
        "data": {"algorithm": "SHA2_256", "digest": b64(digest)},
        "signature": {"content": b64(signature), "verifier": verifier},
    }
    return canonical({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": inner}})


def _vector(content: bytes) -> bytes:
    return len(content).to_bytes(2, "big") + content


def _kind_version(body: bytes) -> Json:
    value = json.loads(body)
    return {"kind": value["kind"], "version": value["apiVersion"]}


def _log(url: str, key: PublicKey, details: str, log_id: bytes, window: Json) -> Json:
    public = {"rawBytes": b64(spki(key)), "keyDetails": details, "validFor": window}
    return {"baseUrl": url, "hashAlgorithm": "SHA2_256", "publicKey": public, "logId": {"keyId": b64(log_id)}}


def _authority(url: str, made: Authority, window: Json) -> Json:
    chain = {"certificates": [{"rawBytes": b64(der(one))} for one in made.chain]}
    subject = {"organization": "fake", "commonName": "fake"}
    return {"subject": subject, "uri": url, "certChain": chain, "validFor": window}


def _asked_key(asked: Json) -> object:
    """Return the key a certificate is asked for, in one of the three ways of Fulcio's two APIs."""
    if asked.get("certificateSigningRequest"):
        return x509.load_pem_x509_csr(base64.b64decode(asked["certificateSigningRequest"])).public_key()
    if asked.get("publicKeyRequest"):
        return serialization.load_pem_public_key(asked["publicKeyRequest"]["publicKey"]["content"].encode())
    content = base64.b64decode(asked["publicKey"]["content"])
    if content.startswith(b"-----"):
        return serialization.load_pem_public_key(content)
    return serialization.load_der_public_key(content)


@contextmanager
def serve() -> Iterator[FakeSigstore]:
    """Serve all of it on a free port of loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.fake = fake = FakeSigstore(f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """The few requests that signing makes."""

    def do_POST(self) -> None:
        """Answer one of them."""
        fake: FakeSigstore = self.server.fake  # type: ignore[attr-defined]
        content = self.rfile.read(int(self.headers["Content-Length"]))
        answer = {
            "/api/v2/signingCert": self._certificate,
            "/api/v1/log/entries": self._log,
            "/api/v2/log/entries": self._log2,
        }.get(self.path)
        if self.path == "/api/v1/timestamp":
            self._send(201, fake.timestamp(content), "application/timestamp-reply")
        elif self.path == "/api/v1/signingCert":
            self._send(
                201, "".join(self._chain(fake, json.loads(content))).encode(), "application/pem-certificate-chain"
            )
        elif answer is None:
            self._send(404, b"{}", "application/json")
        else:
            status = 200 if self.path == "/api/v2/signingCert" else 201
            self._send(status, json.dumps(answer(fake, json.loads(content))).encode(), "application/json")

    def _certificate(self, fake: FakeSigstore, asked: Json) -> Json:
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": self._chain(fake, asked)}}}

    def _chain(self, fake: FakeSigstore, asked: Json) -> list[str]:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        token = token or asked["credentials"]["oidcIdentityToken"]
        middle = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        key = _asked_key(asked)
        assert isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey)
        at = datetime.now(UTC).replace(microsecond=0)
        leaf = fake.certificate(key, claims.get("email") or claims["sub"], claims["iss"], at=at)
        return [pem(one).decode() for one in (leaf, *fake.fulcio.chain)]

    def _log(self, fake: FakeSigstore, asked: Json) -> Json:
        if asked["kind"] == "dsse":
            content = asked["spec"]["proposedContent"]
            envelope = json.loads(content["envelope"])
            (signature,), (verifier,) = envelope["signatures"], content["verifiers"]
            body = dsse_1(
                base64.b64decode(envelope["payload"]),
                base64.b64decode(signature["sig"]),
                base64.b64decode(verifier),
                content["envelope"].encode(),
            )
        elif asked["kind"] == "intoto":
            body = intoto_1(asked["spec"]["content"]["envelope"].encode(), asked["spec"]["publicKey"])
        else:
            body = canonical(asked)
        entry = fake.log(body, at=int(datetime.now(UTC).timestamp()))
        proof = entry["inclusionProof"]
        return {
            _UUID: {
                "body": entry["canonicalizedBody"],
                "integratedTime": int(entry["integratedTime"]),
                "logID": fake.log_id.hex(),
                "logIndex": int(entry["logIndex"]),
                "verification": {
                    "inclusionProof": {
                        "checkpoint": proof["checkpoint"]["envelope"],
                        "hashes": [base64.b64decode(one).hex() for one in proof["hashes"]],
                        "logIndex": int(proof["logIndex"]),
                        "rootHash": base64.b64decode(proof["rootHash"]).hex(),
                        "treeSize": int(proof["treeSize"]),
                    },
                    "signedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
                },
            }
        }

    def _log2(self, fake: FakeSigstore, asked: Json) -> Json:
        request = asked["hashedRekordRequestV002"]
        inner = {"data": {"algorithm": "SHA2_256", "digest": request["digest"]}, "signature": request["signature"]}
        body = canonical({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": inner}})
        return fake.log2(body, at=int(datetime.now(UTC).timestamp()))

    def _send(self, status: int, content: bytes, media_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("ETag", _UUID)
        self.send_header("Location", f"/api/v1/log/entries/{_UUID}")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
        """Stay silent."""


def identity_token(identity: str, issuer: str) -> str:
    """Return an identity token as a provider would sign it; nobody here checks its signature."""
    now = int(datetime.now(UTC).timestamp())
    claims = {"iss": issuer, "sub": identity, "email": identity, "aud": "sigstore", "iat": now, "nbf": now}
    parts = ({"alg": "RS256", "typ": "JWT"}, {**claims, "exp": now + 600, "email_verified": True})
    encoded = [base64.urlsafe_b64encode(canonical(one)).rstrip(b"=").decode() for one in parts]
    return ".".join((*encoded, base64.urlsafe_b64encode(b"nobody checks this").rstrip(b"=").decode()))
