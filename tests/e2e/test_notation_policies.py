"""A policy that trusts certificate holders, on images that notation 1.3 signed (vectors of the conformance tests)."""

import json
import lzma
import tarfile
from pathlib import Path

import pytest

from peers.trustkit import Trustkit

ARCHIVE = Path(__file__).resolve().parents[1] / "conformance" / "vectors" / "notation.tar.xz"
POLICY = """apiVersion: trustkit.dev/v1
kind: Policy
metadata: {{name: notation}}
spec:
  trust:
    roots:
      x509:
        acme: {{pem: {root}, kind: {kind}}}
{tsa}
    certificates:
      release: {{root: acme, subjects: ["{subject}"]}}
  verify:
    signatures: {{x509: release}}
"""
SUBJECT = "O=acme,ST=WA,C=US"


@pytest.fixture(name="cases", scope="module")
def cases_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notation")
    with lzma.open(ARCHIVE) as packed, tarfile.open(fileobj=packed) as members:
        members.extractall(folder, filter="data")
    return folder


def judged(trustkit: Trustkit, case: Path, *, kind: str = "ca", subject: str = SUBJECT) -> dict[str, object]:
    store = case / "notation" / "truststore" / "x509"
    tsa = f"      tsa: {store / 'tsa' / 'acme' / 'tsaroot.crt'}" if "tsa" in case.name else ""
    (root,) = (
        (store / kind / "acme").glob("*.crt") if (store / kind).is_dir() else (store / "ca" / "acme").glob("*.crt")
    )
    file = trustkit.home.parent / "policy.yaml"
    file.write_text(POLICY.format(root=root, kind=kind, tsa=tsa, subject=subject))
    digest = json.loads((case / "expected.json").read_text())["reference"].partition("@")[2]
    found = trustkit.json("verify", "--policy", file, f"oci:{case / 'layout'}@{digest}")
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    "name",
    ["notation-jws-rsa2048", "notation-jws-p384", "notation-cose-p256", "notation-cose-rsa4096",
     "notation-cose-multiarch", "notation-jws-tsa", "notation-cose-tsa", "notation-junk-and-good",
     "notation-two-signatures"],
)  # fmt: skip
def test_what_notation_signed_is_admitted(trustkit: Trustkit, cases: Path, name: str) -> None:
    found = judged(trustkit, cases / name)
    assert found["verdict"] == "allow", found


def test_a_signing_authority_is_trusted_as_one(trustkit: Trustkit, cases: Path) -> None:
    found = judged(trustkit, cases / "notation-jws-signing-authority", kind="signingAuthority")
    assert found["verdict"] == "allow", found


def test_the_proven_time_is_in_the_evidence(trustkit: Trustkit, cases: Path) -> None:
    assert '"time_source": "tsa"' in json.dumps(judged(trustkit, cases / "notation-jws-tsa"))


@pytest.mark.parametrize(
    "name",
    [
        "notation-jws-neg-untrusted-root", "notation-jws-neg-expired-cert", "notation-jws-neg-tsa-evil",
        "notation-jws-notsa-policy-tsa", "notation-cose-neg-expired-sig", "notation-crl-neg-revoked",
        "notation-crl-neg-unreachable", "notation-neg-two-layers", "notation-jws-neg-payload-edited",
        "notation-jws-neg-size", "notation-jws-neg-crit-unknown", "notation-short-neg-expired",
    ],
)  # fmt: skip
def test_what_does_not_hold_is_refused(trustkit: Trustkit, cases: Path, name: str) -> None:
    found = judged(trustkit, cases / name)
    assert found["verdict"] == "deny", found


def test_another_subject_is_refused(trustkit: Trustkit, cases: Path) -> None:
    found = judged(trustkit, cases / "notation-jws-rsa2048", subject="O=other-org,ST=WA,C=US")
    assert found["verdict"] == "deny"


def test_a_root_trusted_as_authority_does_not_vouch_for_the_other_kind(trustkit: Trustkit, cases: Path) -> None:
    found = judged(trustkit, cases / "notation-jws-rsa2048", kind="signingAuthority")
    assert found["verdict"] == "deny"
