"""Both storages keep whole publications or none; PostgreSQL is a real cluster run by an unprivileged user."""

from datetime import UTC, datetime

import pytest

from peers.postgres import postgres as cluster
from trustkit.errors import PublishConflictError, StorageError
from trustkit.trust_server.postgres_storage import open_postgres
from trustkit.trust_server.sqlite_storage import open_sqlite
from trustkit.trust_server.storage import Change, Publication, ServerKey, Stored

NOW = datetime(2026, 11, 24, tzinfo=UTC)
GUN = "registry.example/team/app"
CHANGE = Change(NOW, GUN, "publish", "alice", "root 1")
ROOT = Stored("root", 1, "a" * 64, b"one")
KEY = ServerKey("timestamp", "b" * 64, b"public", b"encrypted", NOW)


@pytest.fixture(scope="module")
def postgres():
    with cluster() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgres"])
def reopen(request, tmp_path):
    if request.param == "sqlite":
        yield lambda: open_sqlite(tmp_path / "trust.db")
        return
    url = request.getfixturevalue("postgres").database()
    yield lambda: open_postgres(url)


@pytest.fixture
def storage(reopen):
    opened = reopen()
    yield opened
    opened.close()


def test_a_repository_nobody_published_has_no_files(storage):
    assert storage.state(GUN) == (0, {})


def test_what_was_published_is_there_after_a_restart(storage, reopen):
    storage.publish(GUN, Publication(0, (ROOT,)), CHANGE)
    again = reopen()
    assert again.state(GUN) == (1, {"root": ROOT})
    again.close()


def test_a_publication_prepared_for_an_older_state_is_refused(storage):
    storage.publish(GUN, Publication(0, (ROOT,)), CHANGE)
    with pytest.raises(PublishConflictError):
        storage.publish(GUN, Publication(0, (ROOT._replace(version=2),)), CHANGE)


def test_a_publication_that_fails_half_way_leaves_the_old_state(storage):
    storage.publish(GUN, Publication(0, (ROOT,)), CHANGE)
    with pytest.raises(StorageError):
        storage.publish(GUN, Publication(1, (Stored("targets", 1, "c" * 64, b"t"), ROOT)), CHANGE)
    assert (storage.state(GUN), len(storage.changes(0, 9))) == ((1, {"root": ROOT}), 1)


def test_files_are_found_by_digest_and_by_version(storage):
    newer = Stored("root", 2, "d" * 64, b"two")
    storage.publish(GUN, Publication(0, (ROOT, newer)), CHANGE)
    found = (storage.current(GUN, "root"), storage.by_version(GUN, "root", 1), storage.by_digest(GUN, "root", "d" * 64))
    assert found == (newer, ROOT, newer)


def test_a_deleted_repository_takes_its_keys_along(storage):
    storage.publish(GUN, Publication(0, (ROOT,)), CHANGE)
    storage.add_key(GUN, KEY, 2)
    storage.delete(GUN, CHANGE)
    assert (storage.current(GUN, "root"), storage.keys(GUN, "timestamp")) == (None, ())


def test_a_publication_prepared_before_a_deletion_is_refused(storage):
    storage.publish(GUN, Publication(0, (ROOT,)), CHANGE)
    storage.delete(GUN, CHANGE)
    with pytest.raises(PublishConflictError):
        storage.publish(GUN, Publication(1, (ROOT._replace(version=2),)), CHANGE)


def test_a_role_has_no_more_keys_than_allowed(storage):
    assert (storage.add_key(GUN, KEY, 1), storage.add_key(GUN, KEY._replace(key_id="e" * 64), 1)) == (True, False)


def test_keys_that_a_new_root_does_not_name_are_forgotten(storage):
    storage.add_key(GUN, KEY, 2)
    storage.publish(GUN, Publication(0, (ROOT,), frozenset()), CHANGE)
    assert storage.keys(GUN, "timestamp") == ()


def test_files_of_dropped_delegations_are_forgotten(storage):
    alice = Stored("targets/alice", 3, "c" * 64, b"alice")
    storage.publish(GUN, Publication(0, (ROOT, alice)), CHANGE)
    storage.publish(GUN, Publication(1, (), dropped=frozenset({"targets/alice"})), CHANGE)
    assert set(storage.state(GUN).files) == {"root"}


def test_any_key_is_found_again(storage):
    before = storage.any_key()
    storage.add_key(GUN, KEY, 2)
    assert (before, storage.any_key()) == (None, KEY)


def test_the_changelog_of_one_repository_has_no_others(storage):
    storage.publish(GUN, Publication(0, (ROOT,)), CHANGE)
    assert (len(storage.changes(0, 9, GUN)), storage.changes(0, 9, "else")) == (1, ())


def test_the_changelog_keeps_its_lines(storage):
    storage.publish(GUN, Publication(0, (ROOT,)), CHANGE)
    assert [line for _, line in storage.changes(0, 9)] == [CHANGE]


def test_the_sqlite_file_is_its_owners_alone(tmp_path):
    open_sqlite(tmp_path / "trust.db").close()
    assert (tmp_path / "trust.db").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "trust.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StorageError):
        open_sqlite(tmp_path / "trust.db")
