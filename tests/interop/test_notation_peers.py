"""The real notation signs, trustkit verifies; what one refuses the other refuses."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from forgeries.notation import DAY, issued, revocation_list
from peers.fake_sigstore import Authority, FakeSigstore, pem
from peers.images import Image
from peers.notation import KINDS, Notation
from peers.processes import wait_until
from peers.registry import Registry
from peers.tools import Ran
from peers.trustkit import Trustkit
from peers.web import serving

ENVELOPES = ("jws", "cose")


@pytest.fixture(scope="module")
def having(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Notation]:
    """Give the notation that trusts and signs with a key of a kind."""
    made: dict[str, Notation] = {}

    def give(kind: str) -> Notation:
        if kind not in made:
            made[kind] = Notation(tmp_path_factory.mktemp(kind), kind)
            made[kind].trust()
        return made[kind]

    return give


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


@pytest.mark.parametrize("media", ENVELOPES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_notation_signs_is_verified(
    trustkit: Trustkit, having: Callable[[str], Notation], reference: str, kind: str, media: str
) -> None:
    notation = having(kind)
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


def sign_ours(trustkit: Trustkit, notation: Notation, reference: str, *more: str | Path) -> Ran:
    """Sign with notation's own key and chain, the key taken into the key ring."""
    passphrase = {"TRUSTKIT_PASSWORD": "secret"}
    if not (trustkit.home / "keys" / "k.pub").exists():
        trustkit.must("key", "import", "k", notation.key, "--insecure-allow-plain", env=passphrase)
    given = ("--format", "notation", "--key", "k", "--certificate-chain", notation.chain)
    return trustkit.run("sign", *given, *more, reference, env=passphrase)


@pytest.mark.parametrize("media", ENVELOPES)
@pytest.mark.parametrize("kind", KINDS)
def test_notation_verifies_what_trustkit_signs(
    trustkit: Trustkit, having: Callable[[str], Notation], reference: str, kind: str, media: str
) -> None:
    notation = having(kind)
    done = sign_ours(trustkit, notation, reference, "-a", "build=7", "--signature-format", media, "--expiry", "1h30m")
    assert done.status == 0, done.said
    verified = notation.verify(reference)
    assert verified.status == 0, verified.said
    assert "build" in verified.said
    assert verdict(trustkit, reference, notation.root) == "allow"


@pytest.mark.parametrize("media", ENVELOPES)
def test_after_its_expiry_a_signature_is_refused_by_both(
    trustkit: Trustkit, having: Callable[[str], Notation], reference: str, media: str
) -> None:
    notation = having("p256")
    done = sign_ours(trustkit, notation, reference, "--signature-format", media, "--expiry", "1s")
    assert done.status == 0, done.said
    wait_until(lambda: notation.verify(reference).status != 0, "the end of the signature")
    assert "expired" in notation.verify(reference, "-v").said
    assert verdict(trustkit, reference, notation.root) == "deny"


@pytest.mark.parametrize("media", ENVELOPES)
def test_notation_reads_the_time_of_the_signature_and_its_end(
    trustkit: Trustkit, having: Callable[[str], Notation], reference: str, media: str
) -> None:
    notation = having("p256")
    sign_ours(trustkit, notation, reference, "--signature-format", media, "--expiry", "24h")
    (signature,) = notation.inspect(reference)
    begin, end = (datetime.fromisoformat(signature["signedAttributes"][name]) for name in ("signingTime", "expiry"))
    assert end - begin == timedelta(hours=24)
    assert str(signature["mediaType"]) == {"jws": "application/jose+json", "cose": "application/cose"}[media]


@pytest.mark.parametrize("expiry", ["", "0s", "1", "1d", "-1h", "h", "1m1h", "999999999h"])
def test_a_duration_that_is_none_signs_nothing(
    trustkit: Trustkit, having: Callable[[str], Notation], reference: str, expiry: str
) -> None:
    done = sign_ours(trustkit, having("p256"), reference, f"--expiry={expiry}")
    assert done.status == 2 or not expiry, done.said


@pytest.mark.parametrize("option", [("--expiry", "1h"), ("--signature-format", "cose")])
def test_options_of_notation_go_with_its_format_only(
    trustkit: Trustkit, reference: str, option: tuple[str, str]
) -> None:
    done = trustkit.run("sign", "--key", "k", *option, reference)
    assert done.status == 2
    assert "about notation signatures" in done.stderr


def test_a_chain_of_another_key_signs_nothing(trustkit: Trustkit, tmp_path: Path, reference: str) -> None:
    notation = Notation(tmp_path)
    notation.trust()
    (tmp_path / "other").mkdir()
    other = Notation(tmp_path / "other")
    notation.chain.write_bytes(other.chain.read_bytes())
    done = sign_ours(trustkit, notation, reference)
    assert done.status == 2, done.said
    assert notation.verify(reference).status != 0


@pytest.mark.parametrize("cut", ["leaf", "root"])
def test_a_chain_that_is_not_whole_signs_nothing(trustkit: Trustkit, tmp_path: Path, reference: str, cut: str) -> None:
    notation = Notation(tmp_path)
    leaf = (notation.folder / "leaf.pem").read_text()
    notation.chain.write_text(leaf if cut == "root" else notation.root.read_text())
    done = sign_ours(trustkit, notation, reference)
    assert done.status in (1, 2), done.said
    assert verdict(trustkit, reference, notation.root) == "deny"


def test_without_a_chain_there_is_nothing_to_sign_with(trustkit: Trustkit, reference: str) -> None:
    done = trustkit.run("sign", "--format", "notation", "--key", "k", reference)
    assert done.status == 2
    assert "--certificate-chain" in done.stderr


def test_a_key_that_the_ring_revoked_is_refused_behind_its_certificate(
    trustkit: Trustkit, having: Callable[[str], Notation], reference: str
) -> None:
    notation = having("p256")
    assert sign_ours(trustkit, notation, reference).status == 0
    notation.sign(reference)
    assert verdict(trustkit, reference, notation.root) == "allow"
    trustkit.must("key", "revoke", "k", "--reason", "laptop stolen")
    assert verdict(trustkit, reference, notation.root) == "deny"
    done = trustkit.run("verify", "--trust-policy", notation.policy_file, "--output", "json", reference)
    assert (done.status, done.stdout.count("by the key ring: laptop stolen") >= 2) == (1, True), done.said


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


@pytest.mark.parametrize("media", ENVELOPES)
def test_the_time_is_asked_for_and_has_to_hold(trustkit: Trustkit, tmp_path: Path, reference: str, media: str) -> None:
    notation, fake = Notation(tmp_path), FakeSigstore()
    notation.trust(trustStores=["ca:acme", "tsa:stamps"])
    root = notation.put("tsa", "stamps", pem(fake.tsa.chain[-1]))
    given = ("--signature-format", media, "--timestamp-root", root)
    with stamping(fake) as url:
        done = sign_ours(trustkit, notation, reference, "--timestamp-url", url, *given)
    assert done.status == 0, done.said
    verified = notation.verify(reference)
    assert verified.status == 0, verified.said


@pytest.mark.parametrize(("standing", "status"), [("good", 0), ("revoked", 1), ("unknown", 1)])
def test_a_time_counts_for_both_while_its_authority_stands(
    trustkit: Trustkit, tmp_path: Path, reference: str, standing: str, status: int
) -> None:
    now = datetime.now(UTC)
    notation, fake = Notation(tmp_path), FakeSigstore()
    notation.trust(trustStores=["ca:acme", "tsa:stamps"])
    (tmp_path / "lists").mkdir()
    with serving(tmp_path / "lists") as lists, stamping(fake) as url:
        life = {"start": now - DAY, "end": now + DAY}
        root = issued("stamps", authority=True, **life)
        usage = ExtendedKeyUsageOID.TIME_STAMPING
        authority = issued("tsa", root, usage=usage, lists_at=(f"{lists}/tsa.crl",), **life)
        fake.tsa = Authority(authority.key, authority.certificate, root.certificate)
        if standing != "unknown":
            lost = (authority,) if standing == "revoked" else ()
            (tmp_path / "lists" / "tsa.crl").write_bytes(revocation_list(root, *lost, at=now))
        file = notation.put("tsa", "stamps", root.pem)
        done = sign_ours(trustkit, notation, reference, "--timestamp-url", url, "--timestamp-root", file)
        assert done.status == 0, done.said
        theirs = notation.verify(reference, "-v")
        ours = trustkit.run("verify", "--trust-policy", notation.policy_file, reference)
    assert (min(theirs.status, 1), ours.status) == (status, status), theirs.said + ours.said


def test_a_time_of_an_authority_that_is_not_trusted_signs_nothing(
    trustkit: Trustkit, tmp_path: Path, reference: str
) -> None:
    notation = Notation(tmp_path)
    with stamping(FakeSigstore()) as url:
        done = sign_ours(trustkit, notation, reference, "--timestamp-url", url, "--timestamp-root", notation.root)
    assert done.status == 1, done.said
