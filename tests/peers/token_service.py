"""A token service beside a real registry (Distribution token authentication): signs what the registry then checks."""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from peers.registry import LOGIN

SERVICE, ISSUER = "registry.test", "tokens.test"
_LIFE_SECONDS = 300


class TokenService:
    """Gives alice what she asks for and everybody else nothing; `asked` keeps the scopes, `grants` may narrow them."""

    def __init__(self, folder: Path) -> None:
        """Make the signing key and the certificate the registry trusts."""
        self.asked: list[str] = []
        self.grants: list[str] = ["pull", "push"]
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(self._key, hashes.SHA256())
        )
        self._der = certificate.public_bytes(serialization.Encoding.DER)
        self.bundle = folder / "tokens.pem"
        self.bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.public_pem = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.realm = ""

    def configuration(self) -> str:
        """Return the registry's YAML."""
        rows = f"realm: '{self.realm}', service: {SERVICE}, issuer: {ISSUER}, rootcertbundle: {self.bundle}"
        return f"auth: {{token: {{{rows}}}}}\n"

    def token(self, scopes: list[str]) -> str:
        """Return a signed token for the scopes (`repository:NAME:ACTIONS`), as far as they are granted."""
        access = []
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            # names of repositories may have a port in them
            name, _, actions = rest.rpartition(":")
            allowed = [action for action in actions.split(",") if action in self.grants]
            access.append({"type": kind, "name": name, "actions": allowed})
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": SERVICE, "sub": "alice", "iat": now, "nbf": now - 10, "exp": now + _LIFE_SECONDS,
            "jti": str(time.monotonic_ns()), "access": access,
        }  # fmt: skip
        header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(self._der).decode()]}
        signed = f"{_encoded(header)}.{_encoded(claims)}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_text(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


@contextmanager
def token_service(folder: Path) -> Iterator[TokenService]:
    """Run the service on a free port."""
    service = TokenService(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            scopes = query.get("scope", [])
            service.asked += scopes
            known = self.headers.get("Authorization") == "Basic " + base64.b64encode(LOGIN.encode()).decode()
            body = json.dumps({"token": service.token(scopes)} if known else {"details": "who are you?"}).encode()
            self.send_response(200 if known else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.realm = f"http://127.0.0.1:{server.server_address[1]}/token"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _encoded(value: object) -> str:
    return _text(json.dumps(value).encode())


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
