"""Certificates of notation signatures that a real `openssl ocsp` and `openssl ca` speak about."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peers.images import Image
from peers.processes import Process, free_port
from peers.registry import Registry, openssl
from peers.tools import clean_environment
from peers.trustkit import Trustkit
from peers.web import serving
from trustkit.codec.ocsp import parse_answer
from trustkit.errors import TrustkitError

NAME = "/C=US/ST=WA/O=acme/CN="
USAGE = "basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n"


class Authority:
    """A certificate authority with a signer whose certificate names a responder on a port of this machine."""

    def __init__(self, folder: Path, lists_at: str = "") -> None:
        self.folder = folder
        self.port = free_port()
        self.root, self.chain, self.key = (folder / name for name in ("root.pem", "chain.pem", "leaf.key"))
        self.root_key, self.leaf, self.index = (folder / name for name in ("root.key", "leaf.pem", "index.txt"))
        request, usage = folder / "leaf.csr", folder / "usage"
        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        uses = ["-addext", "basicConstraints=critical,CA:true", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        openssl("req", "-x509", *new, "-keyout", self.root_key, "-out", self.root, "-days", 30,
                "-subj", f"{NAME}root", *uses)  # fmt: skip
        openssl("req", *new, "-keyout", self.key, "-out", request, "-subj", f"{NAME}signer")
        asked = f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:{self.port}/\n"
        usage.write_text(USAGE + (f"crlDistributionPoints=URI:{lists_at}/root.crl.der\n" if lists_at else asked))
        openssl("x509", "-req", "-in", request, "-out", self.leaf, "-days", 20, "-CA", self.root,
                "-CAkey", self.root_key, "-set_serial", "0x1234", "-extfile", usage)  # fmt: skip
        self.chain.write_text(self.leaf.read_text() + self.root.read_text())
        self.say("V")

    def say(self, status: str) -> None:
        """Put the signer into the authority's books: V for good, R for revoked, nothing for unknown."""
        revoked = "250101000000Z" if status == "R" else ""
        line = f"{status}\t401231000000Z\t{revoked}\t1234\tunknown\t{NAME}signer\n"
        self.index.write_text(line if status else "")

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Run the responder."""
        command = ["openssl", "ocsp", "-index", self.index, "-port", self.port, "-rsigner", self.root,
                   "-rkey", self.root_key, "-CA", self.root, "-nmin", "60"]  # fmt: skip
        log = self.folder / "ocsp.log"
        process = Process(list(map(str, command)), log=log, env=clean_environment())
        try:
            # no probe: it answers one connection after the other, and waits for the probe to ask
            process.wait_until(lambda: b"waiting for OCSP" in log.read_bytes())
            yield
        finally:
            process.stop()

    def revocation_list(self) -> Path:
        """Return the authority's list as its books say."""
        config, file = self.folder / "ca.conf", self.folder / "root.crl"
        config.write_text(f"[ca]\ndefault_ca=one\n[one]\ndatabase={self.index}\ndefault_md=sha256\n")
        openssl("ca", "-config", config, "-gencrl", "-keyfile", self.root_key, "-cert", self.root,
                "-crldays", 7, "-out", file)  # fmt: skip
        return file


@pytest.fixture(name="authority")
def authority_(tmp_path: Path) -> Authority:
    folder = tmp_path / "authority"
    folder.mkdir()
    return Authority(folder)


@pytest.fixture(name="signed")
def signed_(trustkit: Trustkit, authority: Authority, registry: Registry, repository: str, image: Image) -> str:
    return sign(trustkit, authority, registry, repository, image)


def sign(trustkit: Trustkit, authority: Authority, registry: Registry, repository: str, image: Image) -> str:
    """Push and sign an image, and return its reference."""
    reference = registry.reference(repository, registry.push(image, repository, "v1"))
    env = {"TRUSTKIT_PASSWORD": "secret"}
    trustkit.must("key", "import", "k", authority.key, "--insecure-allow-plain", env=env)
    trustkit.must("sign", "--format", "notation", "--key", "k", "--certificate-chain", authority.chain, reference,
                  env=env)  # fmt: skip
    return reference


def judged(trustkit: Trustkit, authority: Authority, reference: str, more: str = "") -> tuple[str, str]:
    """Return the verdict, and everything that was said."""
    policy = authority.folder / "policy.yaml"
    policy.write_text(f"""apiVersion: trustkit.dev/v1
kind: Policy
metadata: {{name: notation}}
spec:
  trust:
    roots: {{x509: {{acme: {{pem: {authority.root}{more}}}}}}}
    certificates: {{release: {{root: acme, subjects: ["C=US,ST=WA,O=acme"]}}}}
  verify: {{signatures: {{x509: release}}}}
""")
    found = trustkit.json("verify", "--policy", policy, reference)
    assert isinstance(found, dict)
    return str(found["verdict"]), json.dumps(found)


@pytest.mark.parametrize(("books", "verdict"), [("V", "allow"), ("R", "deny"), ("", "deny")])
def test_the_responder_decides(trustkit: Trustkit, authority: Authority, signed: str, books: str, verdict: str) -> None:
    authority.say(books)
    with authority.answering():
        assert judged(trustkit, authority, signed)[0] == verdict


def test_while_the_responder_is_down_nobody_knows(trustkit: Trustkit, authority: Authority, signed: str) -> None:
    verdict, said = judged(trustkit, authority, signed)
    assert (verdict, "is unknown" in said) == ("deny", True), said


def test_a_permissive_store_lets_the_unknown_pass(trustkit: Trustkit, authority: Authority, signed: str) -> None:
    assert judged(trustkit, authority, signed, ", revocation: permissive")[0] == "allow"


def test_a_permissive_store_lets_no_revoked_one_pass(trustkit: Trustkit, authority: Authority, signed: str) -> None:
    authority.say("R")
    with authority.answering():
        assert judged(trustkit, authority, signed, ", revocation: permissive")[0] == "deny"


def test_what_was_kept_is_good_without_network(trustkit: Trustkit, authority: Authority, signed: str) -> None:
    with authority.answering():
        assert judged(trustkit, authority, signed)[0] == "allow"
    trustkit.env["TRUSTKIT_REVOCATION_OFFLINE"] = "true"
    assert judged(trustkit, authority, signed)[0] == "allow"


@pytest.mark.parametrize(("books", "verdict"), [("V", "allow"), ("R", "deny")])
def test_a_list_given_to_the_policy_decides(
    trustkit: Trustkit, authority: Authority, signed: str, books: str, verdict: str
) -> None:
    authority.say(books)
    assert judged(trustkit, authority, signed, f", crl: {authority.revocation_list()}")[0] == verdict


def test_a_list_of_another_authority_says_nothing(
    trustkit: Trustkit, authority: Authority, signed: str, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    assert judged(trustkit, authority, signed, f", crl: {other.revocation_list()}")[0] == "deny"


@pytest.mark.parametrize(("books", "verdict"), [("V", "allow"), ("R", "deny")])
def test_a_list_is_fetched_from_where_the_certificate_says(
    trustkit: Trustkit, registry: Registry, repository: str, image: Image, tmp_path: Path, books: str, verdict: str
) -> None:
    folder = tmp_path / "lists"
    folder.mkdir()
    with serving(folder) as url:
        authority = Authority(folder, url)
        authority.say(books)
        openssl("crl", "-in", authority.revocation_list(), "-outform", "DER", "-out", folder / "root.crl.der")
        assert judged(trustkit, authority, sign(trustkit, authority, registry, repository, image))[0] == verdict


@given(st.binary(max_size=300))
def test_any_bytes_are_an_answer_or_our_error(content: bytes) -> None:
    try:
        parse_answer(content)
    except TrustkitError:
        return
