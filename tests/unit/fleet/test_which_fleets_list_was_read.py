"""A node's file says when which fleet's list was read; nothing else counts as having read it."""

from datetime import UTC, datetime, timedelta

import pytest

from trustkit.errors import StorageError
from trustkit.fips.select import provider
from trustkit.fleet.errors import RevocationsUnreadError, SharedStoreError
from trustkit.fleet.revocations import FILE, KnownRevocations, Sharing
from trustkit.fleet.sealed import Seal
from trustkit.model.keys import KeyRevocation
from trustkit.model.revocations import IMAGE, Revocation

NOW = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
GRACE = 300.0
OURS, THEIRS = b"o" * 32, b"t" * 32


class Store:
    """A store in memory that can fall silent."""

    place = "memory"

    def __init__(self):
        self.values, self.silent = {}, False

    def get(self, name, limit):
        if self.silent:
            raise SharedStoreError("memory: silent")
        return self.values.get(name)

    def swap(self, name, old, new):
        if self.get(name, 0) != old:
            return False
        self.values[name] = new
        return True


def revoked(digit):
    return Revocation(IMAGE, f"sha256:{digit * 64}", "", "alice", KeyRevocation(NOW, "stolen"))


def later(seconds):
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def node(tmp_path, store):
    """Open the node anew, as the next command does."""
    return lambda key=OURS: KnownRevocations(tmp_path, Sharing(store, Seal(key, provider()), GRACE))


@pytest.fixture
def alone(tmp_path):
    """The node without cache.url."""
    return lambda: KnownRevocations(tmp_path)


def test_what_was_read_counts_until_grace_ends(node, store):
    node().publish((revoked("1"),), NOW)
    store.silent = True
    assert "read at" in node().current(later(GRACE - 1)).note
    with pytest.raises(RevocationsUnreadError, match="last read at"):
        node().current(later(GRACE + 1))


def test_a_local_revocation_is_no_reading_of_the_list(node, alone, store):
    alone().publish((revoked("1"),), NOW)
    store.silent = True
    with pytest.raises(RevocationsUnreadError, match="never read"):
        node().current(later(1))


def test_a_node_that_only_revoked_locally_does_not_take_an_absent_list_for_an_empty_one(node, alone):
    alone().publish((revoked("1"),), NOW)
    with pytest.raises(RevocationsUnreadError, match="there is no list"):
        node().current(later(1))


def test_a_local_revocation_is_kept_and_does_not_begin_grace_anew(node, alone, store):
    node().publish((revoked("1"),), NOW)
    store.silent = True
    alone().publish((revoked("2"),), later(GRACE - 1))
    known = node().current(later(GRACE - 1)).revocations
    assert {one.what[-1] for one in known.items} == {"1", "2"}
    with pytest.raises(RevocationsUnreadError, match="last read at 2026-11-23T21:00:00"):
        node().current(later(GRACE + 1))


def test_the_list_of_a_fleet_with_another_key_is_not_this_ones(node, store):
    node(THEIRS).publish((revoked("1"),), NOW)
    store.silent = True
    assert "read at" in node(THEIRS).current(later(1)).note
    with pytest.raises(RevocationsUnreadError, match="never read"):
        node(OURS).current(later(1))


def test_a_file_that_names_no_fleet_counts_as_never_read(node, store, tmp_path):
    node().publish((revoked("1"),), NOW)
    file = tmp_path / FILE
    head, _, rest = file.read_bytes().partition(b"\n")
    file.write_bytes(head.partition(b" ")[0] + b"\n" + rest)
    store.silent = True
    with pytest.raises(RevocationsUnreadError, match="never read"):
        node().current(later(1))
    store.silent = False
    assert len(node().current(later(2)).revocations.items) == 1
    store.silent = True
    assert "read at" in node().current(later(3)).note


@pytest.mark.parametrize("head", [b"", b" name", b"soon name", b"2026-11-23T21:00:00 name", b"\xff name"])
def test_a_broken_first_line_is_not_overlooked(alone, tmp_path, head):
    (tmp_path / FILE).write_bytes(head + b'\n{"revoked":[]}')
    with pytest.raises(StorageError, match="revocations"):
        alone().current(NOW)
