"""What a policy says of a revoked key reaches verification, and the strictest word of several documents counts."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from trustkit.admission.event import trust_digest
from trustkit.admission.policies import read_policy, trust_roots
from trustkit.errors import PolicySyntaxError
from trustkit.fips.parse import public_key_to_pem
from trustkit.fips.select import provider
from trustkit.model.keys import KeyRevocation

KEY = provider().generate("ecdsa-p256").public
AT = datetime(2026, 11, 1, tzinfo=UTC)


def write(folder: Path, name: str, revoked: str) -> Path:
    """Write a policy that trusts the key, with what it says of its revocation."""
    (folder / "one.pub").write_bytes(public_key_to_pem(KEY))
    more = f", revoked: {revoked}" if revoked else ""
    (folder / f"{name}.yaml").write_text(
        f"apiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {{name: {name}}}\n"
        f"spec:\n  trust: {{keys: {{one: {{pem: one.pub{more}}}}}}}\n  verify: {{signatures: {{key: one}}}}\n"
    )
    return folder


def revocation(folder: Path) -> KeyRevocation | None:
    (found,) = trust_roots(read_policy(folder)).keys
    return found.revoked


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", None),
        ("{at: 2026-11-01T00:00:00Z, reason: laptop stolen}", KeyRevocation(AT, "laptop stolen")),
        ("{at: 2026-11-01T00:00:00Z, reason: r, olderSignatures: refuse}", KeyRevocation(AT, "r")),
        ("{at: 2026-11-01T00:00:00Z, reason: r, olderSignatures: accept}", KeyRevocation(AT, "r", allow_before=True)),
    ],
)
def test_a_revocation_reaches_verification(written: str, expected: KeyRevocation | None, tmp_path: Path) -> None:
    assert revocation(write(tmp_path, "a", written)) == expected


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("true", "must be a mapping"),
        ("{reason: r}", "'at' is missing"),
        ("{at: 2026-11-01T00:00:00Z}", "'reason' is missing"),
        ("{at: yesterday, reason: r}", "time"),
        ("{at: 2026-11-01T00:00:00Z, reason: ''}", "empty"),
        ("{at: 2026-11-01T00:00:00Z, reason: r, olderSignatures: yes}", "not one of refuse, accept"),
        ("{at: 2026-11-01T00:00:00Z, reason: r, until: 2027-01-01T00:00:00Z}", "unknown field"),
    ],
)
def test_a_revocation_without_time_or_reason_is_refused(written: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(PolicySyntaxError, match=reason):
        read_policy(write(tmp_path, "a", written))


def test_a_key_that_one_document_revokes_is_revoked_for_all(tmp_path: Path) -> None:
    write(tmp_path, "a", "{at: 2026-11-01T00:00:00Z, reason: stolen}")
    assert revocation(write(tmp_path, "b", "")) == KeyRevocation(AT, "stolen")


def test_of_two_revocations_the_earlier_counts_and_older_signatures_only_by_both(tmp_path: Path) -> None:
    write(tmp_path, "a", "{at: 2026-11-01T00:00:00Z, reason: first, olderSignatures: accept}")
    write(tmp_path, "b", "{at: 2026-11-02T00:00:00Z, reason: second}")
    assert revocation(tmp_path) == KeyRevocation(AT, "first")


def test_the_digest_of_what_was_trusted_tells_a_revoked_key_from_a_good_one(tmp_path: Path) -> None:
    good = trust_roots(read_policy(write(tmp_path, "a", "")))
    lost = trust_roots(read_policy(write(tmp_path, "a", "{at: 2026-11-01T00:00:00Z, reason: stolen}")))
    assert trust_digest(good) != trust_digest(lost)
