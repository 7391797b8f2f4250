"""The real notation signs, trustkit verifies; what one refuses the other refuses."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from peers.fake_sigstore import FakeSigstore, pem
from peers.images import Image
from peers.registry import Registry, openssl
from peers.tools import Ran, clean_environment, peer, run
from peers.trustkit import Trustkit

NAMES = "/C=US/ST=WA/O=acme/CN="
LEAF = "basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n"
CURVES = {"p256": ("ec", "ec_paramgen_curve:P-256"), "p384": ("ec", "ec_paramgen_curve:P-384"),
          "rsa3072": ("rsa", "rsa_keygen_bits:3072")}  # fmt: skip


class Notation:
    """The command with a configuration of its own: one authority, one signing key, and the policy that trusts it."""

    def __init__(self, folder: Path, kind: str = "p256", *, days: int = 30) -> None:
        """Make authority, key and chain."""
        self.folder = folder / "notation"
        self.folder.mkdir()
        self.root = self.folder / "root.pem"
        algorithm, option = CURVES[kind]
        new = ["-newkey", algorithm, "-pkeyopt", option, "-nodes"]
        root_key, key, request, leaf, chain, usage = (
            self.folder / name for name in ("root.key", "leaf.key", "leaf.csr", "leaf.pem", "chain.pem", "usage")
        )
        authority = ["-addext", "basicConstraints=critical,CA:true", "-addext", "keyUsage=critical,keyCertSign"]
        openssl("req", "-x509", *new, "-keyout", root_key, "-out", self.root, "-days", 30,
                "-subj", f"{NAMES}root", *authority)  # fmt: skip
        openssl("req", *new, "-keyout", key, "-out", request, "-subj", f"{NAMES}signer")
        usage.write_text(LEAF)
        signing = ["-CA", self.root, "-CAkey", root_key, "-CAcreateserial", "-extfile", usage]
        openssl("x509", "-req", "-in", request, "-out", leaf, "-days", days, *signing)
        chain.write_text(leaf.read_text() + self.root.read_text())
        rows = [{"name": "k", "keyPath": str(key), "certPath": str(chain)}]
        (self.folder / "signingkeys.json").write_text(json.dumps({"default": "k", "keys": rows}))

    def sign(self, reference: str, *arguments: str) -> Ran:
        """Sign an image."""
        env = clean_environment(HOME=str(self.folder), XDG_CONFIG_HOME=str(self.folder.parent))
        command: list[str | Path] = [peer("notation"), "sign", "--insecure-registry", *arguments, reference]
        done = run(command, env=env)
        assert done.status == 0, done.said
        return done


@pytest.fixture(name="reference")
def reference_(registry: Registry, repository: str, image: Image) -> str:
    return registry.reference(repository, registry.push(image, repository, "v1"))


def verdict(trustkit: Trustkit, reference: str, root: Path, subject: str = "C=US,ST=WA,O=acme") -> str:
    policy = trustkit.home.parent / "policy.yaml"
    policy.write_text(f"""apiVersion: trustkit.dev/v1
kind: Policy
metadata: {{name: notation}}
spec:
  trust:
    roots: {{x509: {{acme: {root}}}}}
    certificates:
      release: {{root: acme, subjects: ["{subject}"]}}
  verify:
    signatures: {{x509: release}}
""")
    found = trustkit.json("verify", "--policy", policy, reference)
    assert isinstance(found, dict)
    return str(found["verdict"])


@pytest.mark.parametrize("media", ["jws", "cose"])
@pytest.mark.parametrize("kind", CURVES)
def test_what_notation_signs_is_verified(
    trustkit: Trustkit, tmp_path: Path, reference: str, kind: str, media: str
) -> None:
    notation = Notation(tmp_path, kind)
    notation.sign(reference, "--signature-format", media, "--user-metadata", "build=7")
    assert verdict(trustkit, reference, notation.root) == "allow"


def test_another_root_is_refused(trustkit: Trustkit, tmp_path: Path, reference: str) -> None:
    Notation(tmp_path).sign(reference)
    (tmp_path / "other").mkdir()
    assert verdict(trustkit, reference, Notation(tmp_path / "other").root) == "deny"


def test_another_subject_is_refused(trustkit: Trustkit, tmp_path: Path, reference: str) -> None:
    notation = Notation(tmp_path)
    notation.sign(reference)
    assert verdict(trustkit, reference, notation.root, "C=US,ST=WA,O=other") == "deny"


def test_an_unsigned_image_is_refused(trustkit: Trustkit, tmp_path: Path, reference: str) -> None:
    assert verdict(trustkit, reference, Notation(tmp_path).root) == "deny"


def test_a_signature_of_another_image_is_refused(
    trustkit: Trustkit, tmp_path: Path, reference: str, registry: Registry, repository: str
) -> None:
    from peers import images

    notation = Notation(tmp_path)
    notation.sign(reference)
    other = registry.push(images.build(files={"other": b"1"}), repository, "other")
    assert verdict(trustkit, registry.reference(repository, other), notation.root) == "deny"


def trusting(notation: Notation, reference: str) -> None:
    """Have notation trust the authority for this repository."""
    store = notation.folder / "truststore" / "x509" / "ca" / "acme"
    store.mkdir(parents=True)
    (store / "root.crt").write_bytes(notation.root.read_bytes())
    policy = {
        "name": "acme", "registryScopes": [reference.partition("@")[0]], "signatureVerification": {"level": "strict"},
        "trustStores": ["ca:acme"], "trustedIdentities": ["x509.subject: C=US, ST=WA, O=acme"],
    }  # fmt: skip
    (notation.folder / "trustpolicy.json").write_text(json.dumps({"version": "1.0", "trustPolicies": [policy]}))


def notation_verifies(notation: Notation, reference: str) -> Ran:
    env = clean_environment(HOME=str(notation.folder), XDG_CONFIG_HOME=str(notation.folder.parent))
    return run([peer("notation"), "verify", "--insecure-registry", reference], env=env)


def sign_ours(trustkit: Trustkit, notation: Notation, reference: str, *more: str | Path) -> Ran:
    """Sign with notation's own key and chain, the key taken into the key ring."""
    passphrase = {"TRUSTKIT_PASSWORD": "secret"}
    trustkit.must("key", "import", "k", notation.folder / "leaf.key", "--insecure-allow-plain", env=passphrase)
    chain = notation.folder / "chain.pem"
    return trustkit.run(
        "sign", "--format", "notation", "--key", "k", "--certificate-chain", chain, *more, reference, env=passphrase
    )


@pytest.mark.parametrize("kind", CURVES)
def test_notation_verifies_what_trustkit_signs(trustkit: Trustkit, tmp_path: Path, reference: str, kind: str) -> None:
    notation = Notation(tmp_path, kind)
    trusting(notation, reference)
    done = sign_ours(trustkit, notation, reference, "-a", "build=7")
    assert done.status == 0, done.said
    verified = notation_verifies(notation, reference)
    assert verified.status == 0, verified.said
    assert "build" in verified.said
    assert verdict(trustkit, reference, notation.root) == "allow"


def test_a_chain_of_another_key_signs_nothing(trustkit: Trustkit, tmp_path: Path, reference: str) -> None:
    notation = Notation(tmp_path)
    trusting(notation, reference)
    (tmp_path / "other").mkdir()
    other = Notation(tmp_path / "other")
    (notation.folder / "chain.pem").write_bytes((other.folder / "chain.pem").read_bytes())
    done = sign_ours(trustkit, notation, reference)
    assert done.status == 2, done.said
    assert notation_verifies(notation, reference).status != 0


@pytest.mark.parametrize("cut", ["leaf", "root"])
def test_a_chain_that_is_not_whole_signs_nothing(trustkit: Trustkit, tmp_path: Path, reference: str, cut: str) -> None:
    notation = Notation(tmp_path)
    chain = notation.folder / "chain.pem"
    chain.write_text((notation.folder / "leaf.pem").read_text() if cut == "root" else notation.root.read_text())
    done = sign_ours(trustkit, notation, reference)
    assert done.status in (1, 2), done.said
    assert verdict(trustkit, reference, notation.root) == "deny"


def test_without_a_chain_there_is_nothing_to_sign_with(trustkit: Trustkit, reference: str) -> None:
    done = trustkit.run("sign", "--format", "notation", "--key", "k", reference)
    assert done.status == 2
    assert "--certificate-chain" in done.stderr


@contextmanager
def stamping(fake: FakeSigstore) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = fake.timestamp(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def test_the_time_is_asked_for_and_has_to_hold(trustkit: Trustkit, tmp_path: Path, reference: str) -> None:
    notation, fake = Notation(tmp_path), FakeSigstore()
    trusting(notation, reference)
    store = notation.folder / "truststore" / "x509" / "tsa" / "stamps"
    store.mkdir(parents=True)
    (store / "root.crt").write_bytes(pem(fake.tsa.chain[-1]))
    policy = notation.folder / "trustpolicy.json"
    policy.write_text(policy.read_text().replace('"ca:acme"', '"ca:acme", "tsa:stamps"'))
    with stamping(fake) as url:
        done = sign_ours(trustkit, notation, reference, "--timestamp-url", url, "--timestamp-root", store / "root.crt")
    assert done.status == 0, done.said
    verified = notation_verifies(notation, reference)
    assert verified.status == 0, verified.said


def test_a_time_of_an_authority_that_is_not_trusted_signs_nothing(
    trustkit: Trustkit, tmp_path: Path, reference: str
) -> None:
    notation = Notation(tmp_path)
    with stamping(FakeSigstore()) as url:
        done = sign_ours(trustkit, notation, reference, "--timestamp-url", url, "--timestamp-root", notation.root)
    assert done.status == 1, done.said
