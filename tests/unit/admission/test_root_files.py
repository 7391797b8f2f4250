"""Root files of policies: whether a certificate may do without a transparency log is the policy's to say."""

import json
import lzma
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trustkit.admission.policies import read_policy, trust_roots
from trustkit.errors import LogMissingError
from trustkit.fips.select import provider
from trustkit.model.digest import Digest
from trustkit.signing.blob import Blob, verify_blob
from trustkit.signing.format import Check

VECTORS = Path(__file__).parents[2] / "conformance" / "vectors" / "sigstore.tar.xz"
CASE = "keyless-cosign31-bundle-tsaonly"
DOCUMENT = """apiVersion: trustkit.dev/v1
kind: Policy
metadata: {{name: {name}}}
spec:
  trust:
    roots: {{sigstore: trusted_root.json}}
    identities: {{dev: {{issuer: "http://127.0.0.1:5597/oidc", subject: dev@acme.example}}}}
    {transparency}
  verify: {{signatures: {{identity: dev}}}}
"""
WITHOUT = "transparency: {required: false}"


@pytest.fixture(scope="module")
def case() -> dict[str, bytes]:
    """The files of a signature with a timestamp and no log entry, made by cosign."""
    with lzma.open(VECTORS) as packed, tarfile.open(fileobj=packed) as members:
        found = {}
        for name in ("bundle.sigstore.json", "trusted_root.json", "expected.json"):
            stream = members.extractfile(f"{CASE}/{name}")
            assert stream is not None
            found[name] = stream.read()
    return found


def verified(folder: Path, case: dict[str, bytes], *transparency: str) -> str:
    """Verify under one document for each text, and return who signed."""
    (folder / "trusted_root.json").write_bytes(case["trusted_root.json"])
    for number, text in enumerate(transparency):
        document = DOCUMENT.format(name=f"p{number}", transparency=text)
        (folder / f"{number}.yaml").write_text(document, encoding="utf-8")
    expected = json.loads(case["expected.json"])
    digest = Digest.parse(expected["reference"].partition("@")[2])
    now = datetime.fromisoformat(expected["verify_at"]).astimezone(UTC)
    check = Check(digest, trust_roots(read_policy(folder)), provider(), now)
    return verify_blob(Blob((digest,)), case["bundle.sigstore.json"], check).identified.signer.subject


def test_a_policy_may_let_certificates_go_without_a_log(tmp_path: Path, case: dict[str, bytes]) -> None:
    assert verified(tmp_path, case, WITHOUT) == "dev@acme.example"


@pytest.mark.parametrize("said", ["", "transparency: {required: true}", "transparency: {required: true, minLogs: 1}"])
def test_silence_wants_a_log(tmp_path: Path, case: dict[str, bytes], said: str) -> None:
    with pytest.raises(LogMissingError):
        verified(tmp_path, case, said)


@pytest.mark.parametrize("other", ["", "transparency: {required: true}"])
def test_one_document_does_not_loosen_a_root_for_another(tmp_path: Path, case: dict[str, bytes], other: str) -> None:
    with pytest.raises(LogMissingError):
        verified(tmp_path, case, WITHOUT, other)
