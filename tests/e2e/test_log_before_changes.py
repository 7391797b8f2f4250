"""Keys come into the ring only beside a log that takes it down; if it fails then, the command says what is done."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.logs import BROKEN, broken, held, records, taken_away
from peers.softhsm import PIN, make_token
from peers.trustkit import Trustkit
from peers.workspace import short_folder

NOT_ON_RECORD = "key second is in the ring, and is not on record: "


@pytest.fixture
def ring(trustkit: Trustkit) -> Trustkit:
    """The command with one key, and so with a log."""
    trustkit.env["TRUSTKIT_PASSWORD"] = "correct horse"
    trustkit.must("key", "generate", "first")
    return trustkit


@pytest.fixture
def private(ring: Trustkit) -> Path:
    """A private key's file."""
    file = ring.home / "exported.key"
    ring.must("key", "export", "first", "--format", "pkcs8", "--to", file)
    return file


@pytest.fixture
def public(ring: Trustkit) -> Path:
    """A public key's file."""
    return ring.home / "keys" / "first.pub"


@pytest.fixture
def token() -> Iterator[tuple[str, dict[str, str]]]:
    """The URI of a key in a token, and the environment that it needs."""
    with short_folder("hsm") as folder:
        made = make_token(folder)
        made.add("ecdsa-p256", "image", "01")
        yield made.uri("image"), {**made.env, "TRUSTKIT_PIN": PIN}


def names(ring: Trustkit) -> set[str]:
    return {file.stem for file in (ring.home / "keys").iterdir()}


def names_on_record(ring: Trustkit) -> list[object]:
    bodies = [one["body"] for one in records(ring, "key")]
    return [body["name"] for body in bodies if isinstance(body, dict)]


@pytest.mark.parametrize("how", BROKEN)
def test_no_key_is_made_beside_a_broken_log(ring: Trustkit, how: str) -> None:
    said, status = BROKEN[how]
    with broken(ring.home, how):
        done = ring.run("key", "generate", "second")
    assert (done.status, said in done.stderr.lower()) == (status, True), done.said
    assert names(ring) == {"first"}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("kind", ["private", "public"])
def test_no_key_is_imported_beside_a_broken_log(
    ring: Trustkit, request: pytest.FixtureRequest, kind: str, how: str
) -> None:
    file, (said, status) = request.getfixturevalue(kind), BROKEN[how]
    with broken(ring.home, how):
        done = ring.run("key", "import", "second", file)
    assert (done.status, said in done.stderr.lower()) == (status, True), done.said
    assert names(ring) == {"first"}


def test_no_key_of_a_token_is_imported_beside_a_damaged_log(ring: Trustkit, token: tuple[str, dict[str, str]]) -> None:
    uri, env = token
    with broken(ring.home, "damaged"):
        done = ring.run("key", "import", "second", uri, env=env)
    assert (done.status, "the database is damaged" in done.said) == (1, True), done.said
    assert names(ring) == {"first"}


def test_a_key_that_is_made_and_not_on_record_is_called_so(ring: Trustkit) -> None:
    status, said = taken_away(ring, ring.home / "keys" / "second.pub", "key", "generate", "second")
    assert (status, NOT_ON_RECORD in said, "refused" in said) == (4, True, False), said
    assert "trustkit key remove second" in said


@pytest.mark.parametrize("kind", ["private", "public"])
def test_a_key_that_is_imported_and_not_on_record_is_called_so(
    ring: Trustkit, request: pytest.FixtureRequest, kind: str
) -> None:
    file = request.getfixturevalue(kind)
    status, said = taken_away(ring, ring.home / "keys" / "second.pub", "key", "import", "second", file)
    assert (status, NOT_ON_RECORD in said) == (4, True), said


def test_a_key_that_is_rotated_and_not_on_record_is_called_so(ring: Trustkit) -> None:
    status, said = taken_away(ring, ring.home / "keys" / "first.1.pub", "key", "rotate", "first")
    assert (status, "key first is rotated, and is not on record: " in said) == (4, True), said


def test_a_key_that_is_revoked_and_not_on_record_is_called_so(ring: Trustkit) -> None:
    status, said = taken_away(ring, ring.home / "keys" / "first.json", "key", "revoke", "first", "--reason", "lost")
    assert (status, "key first is revoked on this machine, and is not on record: " in said) == (4, True), said


@pytest.mark.parametrize("how", BROKEN)
def test_no_key_is_removed_beside_a_broken_log(ring: Trustkit, how: str) -> None:
    said, status = BROKEN[how]
    with broken(ring.home, how):
        done = ring.run("key", "remove", "first")
    assert (done.status, said in done.stderr.lower()) == (status, True), done.said
    assert names(ring) == {"first"}


def test_a_key_that_is_removed_and_not_on_record_is_called_so(ring: Trustkit) -> None:
    ring.must("key", "generate", "second")
    with held(ring.home):
        running = ring.start("key", "remove", "second")
        running.wait_until(lambda: names(ring) == {"first"})
        (ring.home / "audit" / "log.db").unlink()
    said = (running.status(), running.log.read_text())
    assert (said[0], "key second is removed, and is not on record: " in said[1]) == (4, True), said


def test_a_key_that_is_removed_is_on_record(ring: Trustkit) -> None:
    fingerprint = records(ring, "key.generated")[0]["body"]["fingerprint"]  # type: ignore[index]
    ring.must("key", "remove", "first")
    (removed,) = records(ring, "key.removed")
    assert removed["body"]["fingerprint"] == fingerprint  # type: ignore[index]


def test_a_key_that_is_not_there_leaves_no_record(ring: Trustkit) -> None:
    assert ring.run("key", "remove", "nobody").status == 2
    assert records(ring, "key.removed") == []


def test_a_key_whose_limits_cannot_be_kept_is_on_record(ring: Trustkit) -> None:
    """It is in the ring without them, and the command fails."""
    with held(ring.home):
        running = ring.start("key", "generate", "second", "--not-after", "2030-01-01")
        running.wait_until((ring.home / "keys" / "second.pub").exists)
        (ring.home / "keys" / "second.json").mkdir()
    assert running.status() != 0, running.log.read_text()
    assert names_on_record(ring) == ["first", "second"]


def test_what_is_made_and_imported_is_on_record(ring: Trustkit, public: Path) -> None:
    ring.must("key", "generate", "second")
    ring.must("key", "import", "third", public)
    assert names_on_record(ring) == ["first", "second", "third"]
    assert [one["kind"] for one in records(ring, "key")] == ["key.generated", "key.generated", "key.imported"]
