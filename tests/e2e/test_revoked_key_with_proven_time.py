"""A signature that a real cosign made with a key and logged: what a revocation spares, and what it does not."""

import json
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from peers.tools import Ran
from peers.trustkit import Trustkit

VECTORS = Path(__file__).parents[1] / "conformance" / "vectors" / "cosign.tar.xz"
CASE = "key-rekor-cosign25-sig"
# integratedTime of the entry, which the log's key signed
LOGGED = datetime.fromtimestamp(1795456856, UTC)
LATER, EARLIER = LOGGED + timedelta(seconds=1), LOGGED - timedelta(seconds=1)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The vector's folder."""
    folder = tmp_path_factory.mktemp("vector")
    with tarfile.open(VECTORS) as archive:
        wanted = [one for one in archive.getmembers() if one.name.startswith(f"{CASE}/")]
        archive.extractall(folder, members=wanted, filter="data")
    return folder / CASE


def image(case: Path) -> str:
    reference = json.loads((case / "expected.json").read_text())["reference"]
    return f"oci:{case / 'layout'}@{reference.partition('@')[2]}"


def policy(case: Path, revoked: str = "", *, root: bool = True) -> Path:
    """Write a policy that trusts the key, with or without the log's root."""
    file = case / "policy.yaml"
    roots = ", roots: {sigstore: trusted_root.json}" if root else ""
    file.write_text(
        "apiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {name: p}\n"
        f"spec:\n  trust: {{keys: {{one: {{pem: cosign-p256.pub{revoked}}}}}{roots}}}\n"
        "  verify: {signatures: {key: one}}\n"
    )
    return file


def lost(at: datetime, older: str) -> str:
    return f", revoked: {{at: '{at.isoformat()}', reason: stolen, olderSignatures: {older}}}"


def verify(trustkit: Trustkit, case: Path, file: Path) -> Ran:
    return trustkit.run("verify", "--output", "json", "--policy", file, image(case))


def test_a_key_in_force_and_a_loss_after_the_logged_time_if_the_policy_says_so(trustkit: Trustkit, case: Path) -> None:
    for revoked in ("", lost(LATER, "accept")):
        done = verify(trustkit, case, policy(case, revoked))
        assert done.status == 0, done.said


@pytest.mark.parametrize(
    ("at", "older", "root"),
    [
        (LATER, "refuse", True),
        (EARLIER, "accept", True),
        (LOGGED, "accept", True),
        (LATER, "accept", False),
    ],
    ids=["not spared", "lost before", "lost in that second", "no log is trusted"],
)
def test_all_else_a_revoked_key_signed_is_refused(
    at: datetime, older: str, root: bool, trustkit: Trustkit, case: Path
) -> None:
    done = verify(trustkit, case, policy(case, lost(at, older), root=root))
    assert (done.status, "verification.key_revoked" in done.stdout) == (1, True), done.said


@pytest.mark.parametrize(("more", "status"), [(("--accept-older",), 0), ((), 1)])
def test_the_rings_revocation_is_as_good(more: tuple[str, ...], status: int, trustkit: Trustkit, case: Path) -> None:
    trustkit.must("key", "import", "theirs", case / "cosign-p256.pub")
    trustkit.must("key", "revoke", "theirs", "--reason", "stolen", "--at", LATER.isoformat(), *more)
    done = verify(trustkit, case, policy(case))
    assert done.status == status, done.said
