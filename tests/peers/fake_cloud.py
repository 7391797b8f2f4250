"""FAKE key services on loopback: AWS KMS and HashiCorp Vault, as far as their real client libraries ask.

They call themselves fake in every answer, hold throw-away keys, and can be told to misbehave.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

TOKEN = "fake-token"
Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384()}
_AWS_ALGORITHMS = {
    "ecdsa-p256": ["ECDSA_SHA_256"],
    "ecdsa-p384": ["ECDSA_SHA_384"],
    "rsa": ["RSASSA_PSS_SHA_256", "RSASSA_PKCS1_V1_5_SHA_256"],
    "pss-only": ["RSASSA_PSS_SHA_256"],
}


def make_key(kind: str) -> Private:
    """Make a throw-away key."""
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind in ("rsa", "pss-only"):
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP384R1() if kind == "ecdsa-p384" else ec.SECP256R1())


def spki(key: Private, encoding: serialization.Encoding = serialization.Encoding.DER) -> bytes:
    """Return the public half."""
    return key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)


class FakeCloud:
    """What the fake knows and what it was asked; `behaviour` is `well`, `other-key`, `garbage` or `denied`."""

    def __init__(self) -> None:
        """Make one key of each kind."""
        self.keys = {kind: make_key(kind) for kind in ("ecdsa-p256", "ecdsa-p384", "rsa", "ed25519", "pss-only")}
        self.behaviour = "well"
        self.asked: list[str] = []
        self.address = ""

    @property
    def env(self) -> dict[str, str]:
        """What the real client libraries need to find the fake."""
        return {
            "AWS_ENDPOINT_URL_KMS": self.address,
            "AWS_ACCESS_KEY_ID": "fake",
            "AWS_SECRET_ACCESS_KEY": "fake",
            "AWS_DEFAULT_REGION": "us-fake-1",
            "AWS_MAX_ATTEMPTS": "1",
            "VAULT_ADDR": self.address,
            "VAULT_TOKEN": TOKEN,
        }

    def signed(self, kind: str, algorithm: str, content: bytes, *, hashed: bool) -> bytes:
        """Sign, or misbehave."""
        if self.behaviour == "garbage":
            return b"fake garbage"
        key = make_key(kind) if self.behaviour == "other-key" else self.keys[kind]
        digest = _HASHES["384" if algorithm.endswith("384") else "256"]
        how = Prehashed(digest) if hashed else digest
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(content)
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(content, padding.PKCS1v15(), how)
        return key.sign(content, ec.ECDSA(how))


class _Server(ThreadingHTTPServer):
    """The fake's front."""

    cloud: FakeCloud


class _Handler(BaseHTTPRequestHandler):
    """Answers as the services do, as far as it goes."""

    server: "_Server"
    server_version = "FAKE-cloud-for-tests"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, value: object) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _body(self) -> dict[str, str]:
        found = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}")
        assert isinstance(found, dict)
        return found

    def do_GET(self) -> None:
        """Vault: read a key."""
        self.server.cloud.asked.append(f"GET {self.path}")
        kind = self.path.rpartition("/")[2]
        key = self.server.cloud.keys.get(kind)
        if self.server.cloud.behaviour == "denied" or self.headers.get("X-Vault-Token") != TOKEN:
            self._answer(403, {"errors": ["FAKE: permission denied"]})
        elif key is None or not self.path.startswith("/v1/transit/keys/"):
            self._answer(404, {"errors": []})
        elif isinstance(key, ed25519.Ed25519PrivateKey):
            self._answer(200, {"data": {"keys": {"1": {"public_key": base64.b64encode(spki(key)[-32:]).decode()}}}})
        else:
            pem = spki(key, serialization.Encoding.PEM).decode()
            self._answer(200, {"data": {"keys": {"1": {"public_key": pem}}}})

    def do_POST(self) -> None:
        """Vault: sign; AWS: everything."""
        target = self.headers.get("X-Amz-Target", "")
        self.server.cloud.asked.append(target or f"POST {self.path}")
        body = self._body()
        if self.server.cloud.behaviour == "denied":
            self._answer(400, {"__type": "AccessDeniedException", "message": "FAKE: denied"})
        elif target:
            self._aws(target.rpartition(".")[2], body)
        else:
            kind = self.path.rpartition("/")[2]
            made = self.server.cloud.signed(kind, "256", base64.b64decode(body["input"]), hashed=False)
            self._answer(200, {"data": {"signature": f"vault:v1:{base64.b64encode(made).decode()}"}})

    def do_PUT(self) -> None:
        """Vault takes both."""
        self.do_POST()

    def _aws(self, action: str, body: dict[str, str]) -> None:
        kind = body["KeyId"].rpartition("/")[2]
        if kind not in _AWS_ALGORITHMS:
            self._answer(400, {"__type": "NotFoundException", "message": f"FAKE: no key {kind}"})
        elif action == "GetPublicKey":
            public = base64.b64encode(spki(self.server.cloud.keys[kind])).decode()
            self._answer(200, {"KeyId": kind, "PublicKey": public, "SigningAlgorithms": _AWS_ALGORITHMS[kind]})
        else:
            digest = base64.b64decode(body["Message"])
            made = self.server.cloud.signed(
                kind, body["SigningAlgorithm"], digest, hashed=body["MessageType"] == "DIGEST"
            )
            self._answer(200, {"KeyId": kind, "Signature": base64.b64encode(made).decode()})


@contextmanager
def fake_cloud() -> Iterator[FakeCloud]:
    """Serve the fake until the block ends."""
    cloud = FakeCloud()
    server = _Server(("127.0.0.1", 0), _Handler)
    server.cloud = cloud
    cloud.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield cloud
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
