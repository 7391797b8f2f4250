"""Keys come, overlap, end and are lost: what each state lets sign and verify, by the command alone."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.images import Image
from peers.registry import Registry
from peers.softhsm import PIN, SoftToken, make_token
from peers.tools import Ran
from peers.trustkit import Trustkit
from peers.workspace import short_folder


@pytest.fixture
def ring(trustkit: Trustkit) -> Trustkit:
    """The command with one key, called release."""
    trustkit.env["TRUSTKIT_PASSWORD"] = "correct horse"
    trustkit.must("key", "generate", "release")
    return trustkit


@pytest.fixture
def reference(registry: Registry, image: Image, repository: str) -> str:
    """An image nobody signed."""
    return registry.reference(repository, registry.push(image, repository))


@pytest.fixture
def signed(ring: Trustkit, reference: str) -> str:
    """The image, signed with release."""
    ring.must("sign", "--key", "release", reference)
    return reference


def refused_as(done: Ran, code: str) -> bool:
    """Whether a verification was refused, and this code is told."""
    return done.status == 1 and code in done.stdout


def policy(folder: Path, key: Path, more: str = "") -> Path:
    """Write a policy that trusts a public key."""
    file = folder / "policy.yaml"
    file.write_text(
        "apiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {name: p}\n"
        f"spec:\n  trust: {{keys: {{one: {{pem: {key}{more}}}}}}}\n  verify: {{signatures: {{key: one}}}}\n"
    )
    return file


def verify(ring: Trustkit, *args: str | Path) -> Ran:
    return ring.run("verify", "--output", "json", *args)


def test_after_a_rotation_both_keys_verify_and_the_new_one_signs(ring: Trustkit, signed: str) -> None:
    old = json.loads(ring.must("key", "show", "release", "--output", "json").stdout)
    made = ring.json("key", "rotate", "release", "--overlap", "7")
    assert isinstance(made, dict)
    assert made["old"]["name"] == "release.1"
    assert made["old"]["fingerprint"] == old["fingerprint"]
    assert made["old"]["replaced_by"] == made["new"]["fingerprint"] != old["fingerprint"]
    assert verify(ring, signed).status == 0
    assert refused_as(verify(ring, "--key", "release", signed), "verification.signer")
    ring.must("sign", "--key", "release", signed)
    assert verify(ring, "--key", "release", signed).status == 0
    listed = ring.must("key", "list").stdout
    assert re.search(r"release +ecdsa-p256.* active", listed)
    assert re.search(r"release\.1 +ecdsa-p256.* until ", listed)


def test_after_the_overlap_the_old_key_no_longer_verifies_or_signs(ring: Trustkit, signed: str) -> None:
    ring.must("key", "rotate", "release", "--overlap", "0")
    assert refused_as(verify(ring, signed), "verification.key_expired")
    again = ring.run("sign", "--key", "release.1", signed)
    assert (again.status, "may not be used after" in again.stderr) == (1, True), again.said


def test_a_key_that_ended_and_is_revoked_is_called_revoked(ring: Trustkit, signed: str) -> None:
    ring.must("key", "rotate", "release", "--overlap", "0")
    ring.must("key", "revoke", "release.1", "--reason", "stolen after all")
    assert refused_as(verify(ring, signed), "verification.key_revoked")


def test_a_rotation_may_be_repeated(ring: Trustkit, signed: str) -> None:
    for _ in range(2):
        ring.must("key", "rotate", "release")
    names = [one["name"] for one in json.loads(ring.must("key", "list", "--output", "json").stdout)]
    assert names == ["release", "release.1", "release.2"]
    assert verify(ring, signed).status == 0


def test_what_a_revoked_key_signed_is_refused_in_every_way_it_can_be_named(
    ring: Trustkit, signed: str, tmp_path: Path
) -> None:
    file = tmp_path / "copy.pub"
    file.write_text(ring.must("key", "export", "release").stdout)
    ring.must("key", "revoke", "release", "--reason", "laptop stolen", "--at", "2026-01-01")
    code = "verification.key_revoked"
    assert refused_as(verify(ring, signed), code)
    assert refused_as(verify(ring, "--key", "release", signed), code)
    assert refused_as(verify(ring, "--key", file, signed), code)
    done = verify(ring, "--policy", policy(tmp_path, file), signed)
    assert refused_as(done, code)
    assert "laptop stolen" in done.stdout


def test_nothing_is_rotated_or_revoked_beside_a_damaged_log(ring: Trustkit) -> None:
    before = ring.must("key", "list").stdout
    for file in (ring.home / "audit").glob("log.db-*"):
        file.unlink()
    (ring.home / "audit/log.db").write_bytes(b"noise" * 4096)
    for words in (("rotate", "release"), ("revoke", "release", "--reason", "lost")):
        done = ring.run("key", *words)
        assert (done.status, "the database is damaged" in done.stderr) == (1, True), done.said
    assert ring.must("key", "list").stdout == before


def test_a_revoked_key_does_not_sign_rotate_or_come_back(ring: Trustkit, reference: str) -> None:
    ring.must("key", "revoke", "release", "--reason", "lost")
    for args in (("sign", "--key", "release", reference), ("key", "rotate", "release")):
        done = ring.run(*args)
        assert (done.status, "revoked" in done.stderr) == (1, True), done.said
    assert ring.run("key", "revoke", "release", "--reason", "again").status == os.EX_OK + 2


def test_a_revocation_outlives_its_key(ring: Trustkit, signed: str, tmp_path: Path) -> None:
    file = tmp_path / "copy.pub"
    file.write_text(ring.must("key", "export", "release").stdout)
    ring.must("key", "revoke", "release", "--reason", "lost")
    ring.must("key", "remove", "release")
    assert ring.must("key", "list", "--output", "json").stdout.strip() == "[]"
    assert refused_as(verify(ring, "--key", file, signed), "verification.key_revoked")
    ring.must("key", "import", "again", file)
    assert refused_as(verify(ring, signed), "verification.key_revoked")


def test_the_policys_own_revocation_is_enough(ring: Trustkit, signed: str, tmp_path: Path) -> None:
    public = ring.home / "keys" / "release.pub"
    assert verify(ring, "--policy", policy(tmp_path, public), signed).status == 0
    lost = ", revoked: {at: 2026-01-01T00:00:00Z, reason: stolen, olderSignatures: accept}"
    # nothing proves the time of this signature, so sparing older ones does not help it
    assert refused_as(verify(ring, "--policy", policy(tmp_path, public, lost), signed), "verification.key_revoked")


@pytest.mark.parametrize("bounds", [("--not-before", "2099-01-01"), ("--not-after", "2020-01-01")])
def test_outside_its_time_a_key_neither_signs_nor_verifies(
    bounds: tuple[str, str], ring: Trustkit, signed: str, tmp_path: Path
) -> None:
    file = tmp_path / "copy.pub"
    file.write_text(ring.must("key", "export", "release").stdout)
    ring.must("key", "remove", "release")
    ring.must("key", "import", "bounded", file, *bounds)
    assert refused_as(verify(ring, "--key", "bounded", signed), "verification.key_expired")
    done = ring.run("sign", "--key", "bounded", signed)
    assert (done.status, "may not be used" in done.stderr) == (1, True), done.said


@pytest.mark.parametrize(
    "args",
    [
        ("revoke", "release"),
        ("revoke", "release", "--reason", " "),
        ("revoke", "release", "--reason", "r", "--at", "tomorrow"),
        ("revoke", "release", "--reason", "r", "--at", "2099-01-01"),
        ("revoke", "nobody", "--reason", "r"),
        ("rotate", "nobody"),
        ("rotate", "release", "--overlap", "-1"),
        ("rotate", "release", "--overlap", "nan"),
        ("rotate", "release", "--to", "file.pem"),
        ("generate", "new", "--not-before", "2027-01-01", "--not-after", "2026-01-01"),
    ],
)
def test_what_makes_no_sense_changes_nothing(args: tuple[str, ...], ring: Trustkit) -> None:
    before = {file.name: file.read_bytes() for file in (ring.home / "keys").iterdir()}
    done = ring.run("key", *args)
    assert done.status == os.EX_OK + 2, done.said
    assert {file.name: file.read_bytes() for file in (ring.home / "keys").iterdir()} == before


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", '{"fingerprint": "00"}', '{"fingerprint": 1}', '{"a": 1, "a": 2}', "\x00" * 10],
)
def test_a_broken_record_is_not_overlooked(content: str, ring: Trustkit, signed: str) -> None:
    (ring.home / "keys" / "release.json").write_text(content)
    for args in (("verify", signed), ("sign", "--key", "release", signed), ("key", "list")):
        done = ring.run(*args)
        assert (done.status, "release.json" in done.stderr) == (2, True), done.said


def test_rotation_and_revocation_are_on_record(ring: Trustkit) -> None:
    ring.must("key", "rotate", "release")
    ring.must("key", "revoke", "release.1", "--reason", "no longer needed")
    shown = ring.must("audit", "log", "--output", "json").stdout
    assert "key.rotated" in shown
    assert "key.revoked" in shown


@pytest.fixture(scope="module")
def token() -> Iterator[SoftToken]:
    """A token with two keys, one and two."""
    with short_folder("hsm") as folder:
        made = make_token(folder)
        made.add("ecdsa-p256", "one", "01")
        made.add("ecdsa-p384", "two", "02")
        yield made


def test_a_tokens_key_is_imported_used_and_rotated_by_name(ring: Trustkit, token: SoftToken, reference: str) -> None:
    ring.env.update(token.env, TRUSTKIT_PIN=PIN)
    shown = ring.json("key", "import", "hsm", token.uri("one"))
    assert isinstance(shown, dict)
    assert shown["private"].startswith("pkcs11:token=signing;object=one?module-path=")
    assert shown["place"]["model"] == "SoftHSM v2"
    ring.must("sign", "--key", "hsm", reference)
    assert verify(ring, "--key", "hsm", reference).status == 0
    ring.must("key", "rotate", "hsm", "--to", token.uri("two"))
    ring.must("sign", "--key", "hsm.1", reference)
    ring.must("sign", "--key", "hsm", reference)
    assert verify(ring, "--key", "hsm", reference).status == 0


def test_no_pin_is_kept_with_an_imported_key(ring: Trustkit, token: SoftToken) -> None:
    ring.env.update(token.env)
    ring.must("key", "import", "hsm", token.uri("one", {"pin-value": PIN}))
    kept = [file.read_bytes() for file in ring.home.rglob("*") if file.is_file()]
    assert kept
    assert not [content for content in kept if PIN.encode() in content]


def test_another_key_in_the_imported_ones_place_does_not_sign(ring: Trustkit, token: SoftToken, reference: str) -> None:
    ring.env.update(token.env, TRUSTKIT_PIN=PIN)
    ring.must("key", "import", "hsm", token.uri("one"))
    record = ring.home / "keys" / "hsm.json"
    record.write_text(record.read_text().replace("object=one", "object=two"))
    done = ring.run("sign", "--key", "hsm", reference)
    assert (done.status, "is not the key that was imported" in done.stderr) == (2, True), done.said
