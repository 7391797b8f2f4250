"""Docker Content Trust beyond the vectors: what is trusted to begin with, and what a hostile server may send."""

import lzma
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustkit.errors import (
    MalformedError,
    NotFoundError,
    RollbackError,
    SignatureExpiredError,
    TrustkitError,
)
from trustkit.fips.select import provider
from trustkit.signing.content_trust.errors import NotSignedError, RootChainError
from trustkit.signing.content_trust.values import Trusted, VerifiedRepository
from trustkit.signing.content_trust.verify import verify_repository

ARCHIVE = Path(__file__).resolve().parents[2] / "conformance" / "vectors" / "tuf.tar.xz"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
APP, ROTATED = "127.0.0.1:5591/acme/app", "127.0.0.1:5591/acme/rot"
ANYHOW = Trusted(first_use=True)
Files = dict[str, bytes]


@pytest.fixture(name="stored", scope="module")
def stored_() -> Files:
    """Every file of the vectors, by its path."""
    with lzma.open(ARCHIVE) as packed, tarfile.open(fileobj=packed) as members:
        found = {member.name: members.extractfile(member) for member in members if member.isfile()}
        return {name: file.read() for name, file in found.items() if file}


def case(stored: Files, name: str, folder: str = "tuf") -> Files:
    start = f"{name}/{folder}/"
    return {path[len(start) : -len(".json")]: content for path, content in stored.items() if path.startswith(start)}


def verified(files: Files, trusted: Trusted, gun: str = APP, now: datetime = NOW) -> VerifiedRepository:
    return verify_repository(files, gun, trusted, now=now, crypto=provider())


def test_without_a_root_nothing_is_believed(stored: Files) -> None:
    with pytest.raises(RootChainError, match="is trusted yet"):
        verified(case(stored, "tuf-crafted-valid"), Trusted())


def test_what_is_believed_at_first_sight_says_so(stored: Files) -> None:
    assert verified(case(stored, "tuf-crafted-valid"), ANYHOW).first_use


def test_a_pinned_root_is_no_first_sight(stored: Files) -> None:
    files = case(stored, "tuf-crafted-valid")
    found = verified(files, Trusted(pinned_root=files["root"]))
    assert not found.first_use
    assert found.tag("v1").digest.hex.startswith("7a811e19")


def test_the_first_pinned_root_proves_the_fourth_through_all_between(stored: Files) -> None:
    files = case(stored, "tuf-notary-rotated")
    assert verified(files, Trusted(pinned_root=files["1.root"]), ROTATED).root_version == 4


@pytest.mark.parametrize("missing", ["2.root", "3.root"])
def test_a_root_that_is_missing_between_proves_nothing_after_it(stored: Files, missing: str) -> None:
    files = case(stored, "tuf-notary-rotated")
    first = files["1.root"]
    del files[missing]
    with pytest.raises(RootChainError, match="is missing"):
        verified(files, Trusted(pinned_root=first), ROTATED)


def test_a_root_between_may_not_stand_for_another(stored: Files) -> None:
    files = case(stored, "tuf-notary-rotated")
    files["2.root"] = files["3.root"]
    with pytest.raises(RootChainError):
        verified(files, Trusted(pinned_root=files["1.root"]), ROTATED)


def test_a_root_older_than_the_trusted_one_is_a_rollback(stored: Files) -> None:
    files = case(stored, "tuf-notary-rotated")
    newest = files["root"]
    files["root"] = files["1.root"]
    with pytest.raises(RollbackError):
        verified(files, Trusted(pinned_root=newest), ROTATED)


def test_another_root_of_the_trusted_version_is_refused(stored: Files) -> None:
    other = case(stored, "tuf-crafted-rsa")["root"]
    with pytest.raises(RootChainError, match="another than the trusted one"):
        verified(case(stored, "tuf-crafted-valid"), Trusted(pinned_root=other))


def test_a_root_that_was_seen_does_not_stand_in_for_the_pinned_one(stored: Files) -> None:
    """Nothing is wrong with what was seen, but that somebody believed it at first sight."""
    files = case(stored, "tuf-crafted-valid")
    seen = verified(files, ANYHOW).files
    with pytest.raises(RootChainError, match="another than the trusted one"):
        verified(files, Trusted(seen, pinned_root=case(stored, "tuf-crafted-rsa")["root"]))
    found = verified(files, Trusted(seen, pinned_root=files["root"]))
    assert not found.first_use


def test_the_chain_begins_at_the_pinned_root_though_a_newer_one_was_seen(stored: Files) -> None:
    files = case(stored, "tuf-notary-rotated")
    trusted = Trusted({"root": files["3.root"]}, pinned_root=files["1.root"])
    assert verified(files, trusted, ROTATED).root_version == 4
    del files["2.root"]
    with pytest.raises(RootChainError, match="root 2 is missing"):
        verified(files, trusted, ROTATED)


@pytest.mark.parametrize(("seen", "pinned"), [("root", "1.root"), ("1.root", "root")])
def test_a_root_older_than_either_the_seen_or_the_pinned_one_is_a_rollback(
    stored: Files, seen: str, pinned: str
) -> None:
    files = case(stored, "tuf-notary-rotated")
    trusted = Trusted({"root": files[seen]}, pinned_root=files[pinned])
    with pytest.raises(RollbackError, match="root 2 is older than 4"):
        verified({**files, "root": files["2.root"]}, trusted, ROTATED)


def test_the_same_state_again_is_no_rollback(stored: Files) -> None:
    files = case(stored, "tuf-crafted-valid")
    assert verified(files, Trusted(verified(files, ANYHOW).files)).versions


def test_another_state_under_a_version_seen_before_is_refused(stored: Files) -> None:
    """Both are signed by the right keys: the server shows two faces."""
    before = case(stored, "tuf-neg-target-digest")
    files = case(stored, "tuf-crafted-valid")
    with pytest.raises((RollbackError, RootChainError)):
        verified(files, Trusted({"root": files["root"], "targets": before["targets"]}))


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets", "targets/releases"])
def test_a_file_that_the_server_does_not_have_is_named(stored: Files, role: str) -> None:
    files = case(stored, "tuf-deleg")
    del files[role]
    with pytest.raises(NotFoundError, match=f"no {role} "):
        verified(files, ANYHOW)


def test_metadata_is_good_until_its_first_file_ends(stored: Files) -> None:
    files = case(stored, "tuf-crafted-valid")
    ends = verified(files, ANYHOW).expires
    with pytest.raises(SignatureExpiredError):
        verified(files, ANYHOW, now=ends)


def test_a_tag_differs_by_its_letters_case(stored: Files) -> None:
    with pytest.raises(NotSignedError, match="signed tags: v1"):
        verified(case(stored, "tuf-crafted-valid"), ANYHOW).tag("V1")


def test_each_role_names_the_keys_that_signed_it(stored: Files) -> None:
    roles = {role.name: role for role in verified(case(stored, "tuf-threshold-2of2"), ANYHOW).roles}
    assert len(set(roles["targets"].signers)) == roles["targets"].threshold == 2


def test_a_deeply_nested_file_is_malformed(stored: Files) -> None:
    files = case(stored, "tuf-crafted-valid")
    files["timestamp"] = b'{"signed":' + b"[" * 5000
    with pytest.raises(MalformedError):
        verified(files, ANYHOW)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_changed_bytes_raise_nothing_but_our_errors_or_change_nothing(stored: Files, data: st.DataObject) -> None:
    files = case(stored, "tuf-deleg")
    whole = verified(files, ANYHOW)
    role = data.draw(st.sampled_from(["timestamp", "snapshot", "targets", "targets/releases"]))
    content = bytearray(files[role])
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    files[role] = bytes(content)
    try:
        found = verified(files, ANYHOW)
    except TrustkitError:
        return
    assert (found.tags, found.tag("v1").digest) == (whole.tags, whole.tag("v1").digest)
