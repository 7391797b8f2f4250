import json
from datetime import UTC, datetime

import pytest

from trustkit.codec import notary_build, notary_tuf
from trustkit.codec.notary_tuf import FileMeta, Key, Listing, Role, Root, Signature, Targets
from trustkit.errors import LimitExceededError, MalformedError

ID = "ab" * 32
OTHER = "cd" * 32
EXPIRES = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
META = FileMeta((("sha256", b"x" * 32), ("sha512", b"y" * 64)), 7)
KEY = Key("ecdsa", b"public")


def root(**changes):
    value = notary_build.root_value(
        Root(1, EXPIRES, {ID: KEY}, {name: Role(name, (ID,), 1) for name in notary_tuf.BASE_ROLES})
    )
    return value | changes


def targets(**changes):
    body = Targets(3, EXPIRES, {"v1": META}, {ID: KEY}, (Role("targets/releases", (ID,), 1, ("",)),))
    return notary_build.targets_value(body) | changes


def envelope(signed, *signatures):
    return notary_tuf.parse(notary_build.to_bytes(signed, signatures))


def test_reads_what_it_writes():
    assert notary_build.root_value(notary_tuf.read_root(envelope(root()))) == root()
    assert notary_build.targets_value(notary_tuf.read_targets(envelope(targets()))) == targets()
    listing = Listing(2, EXPIRES, {"root": META, "targets": META})
    assert (
        notary_tuf.read_listing(envelope(notary_build.listing_value(listing, "snapshot")), "snapshot").meta
        == listing.meta
    )
    signature = Signature(ID, "eddsa", b"1234")
    assert envelope(root(), signature).signatures == (signature,)


def test_what_is_signed_does_not_depend_on_the_layout():
    pretty = json.dumps({"signatures": [], "signed": root()}, indent=4).encode()
    assert notary_tuf.parse(pretty).signed == envelope(root()).signed


def test_keeps_what_publishers_add_to_a_target():
    body = notary_tuf.read_targets(envelope(targets(targets={"v1": notary_build.meta_value(META) | {"custom": [1]}})))
    assert notary_build.targets_value(body)["targets"]["v1"]["custom"] == [1]


def test_tags_that_differ_by_case_are_two_tags():
    meta = notary_build.meta_value(META)
    assert set(notary_tuf.read_targets(envelope(targets(targets={"v1": meta, "V1": meta}))).targets) == {"v1", "V1"}


@pytest.mark.parametrize(
    ("written", "seconds", "micro"),
    [("2029-11-22T18:14:31.175060259Z", 31, 175060), ("2029-11-22T20:14:31+02:00", 31, 0)],
)
def test_reads_times_as_go_writes_them(written, seconds, micro):
    at = notary_tuf.read_targets(envelope(targets(expires=written))).expires
    assert at == datetime(2029, 11, 22, 18, 14, seconds, micro, tzinfo=UTC)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b'{"signed":{},"signatures":[]}',
        b'{"signed":{"_type":"Root"},"signatures":{}}',
        b'{"signed":{"_type":"Root","a":1.5},"signatures":[]}',
        b'{"signed":{"_type":"Root","_type":"Root"},"signatures":[]}',
        b'{"Signed":{"_type":"Root"},"signed":{"_type":"Root"},"signatures":[]}',
        b'{"signed":{"_type":"Root"},"signatures":[{"keyid":"XY","method":"ecdsa","sig":""}]}',
        b'{"signed":{"_type":"Root"},"signatures":[{"keyid":"' + b"a" * 64 + b'","method":"ecdsa","sig":"%%"}]}',
        b'{"signed":{"_type":"Root"},"signatures":[{"keyid":"' + b"a" * 64 + b'","sig":"AAAA"}]}',
    ],
)
def test_refuses_a_broken_envelope(content):
    with pytest.raises(MalformedError):
        notary_tuf.parse(content)


def without(value, name):
    return {key: item for key, item in value.items() if key != name}


ROLES = root()["roles"]
GOOD_KEY = notary_build.key_value(KEY)


@pytest.mark.parametrize(
    "signed",
    [
        root(_type="Targets"),
        root(version=0),
        root(version=-1),
        root(version=True),
        root(version=1 << 31),
        root(expires="tomorrow"),
        root(expires="2029-02-30T00:00:00Z"),
        root(expires="2029-02-03T00:00:00"),
        root(expires="2029-02-03"),
        without(root(), "keys"),
        root(Version=9),
        root(consistent_snapshot="no"),
        root(roles=without(ROLES, "timestamp")),
        root(roles=ROLES | {"root": {"keyids": [ID], "threshold": 0}}),
        root(roles=ROLES | {"root": {"keyids": [ID, ID], "threshold": 2}}),
        root(roles=ROLES | {"root": {"keyids": ID, "threshold": 1}}),
        root(keys={"no id": GOOD_KEY}),
        root(keys={ID: {"keytype": "ecdsa", "keyval": {"private": "AAAA", "public": "AAAA"}}}),
        root(keys={ID: {"keytype": "ecdsa", "keyval": {"private": None, "public": "A"}}}),
        root(keys={ID: {"keytype": 1, "keyval": {"private": None, "public": "AAAA"}}}),
    ],
)
def test_refuses_a_broken_root(signed):
    with pytest.raises(MalformedError):
        notary_tuf.read_root(envelope(signed))


def delegating(**changes):
    role = {"name": "targets/releases", "keyids": [ID], "threshold": 1, "paths": [""]} | changes
    return targets(delegations={"keys": {ID: GOOD_KEY}, "roles": [role]})


@pytest.mark.parametrize(
    "signed",
    [
        targets(_type="Snapshot"),
        targets(targets={"v1": {"hashes": {"sha256": "AAAA"}, "length": 1}}),
        targets(targets={"v1": {"hashes": {"sha512": "y" * 86 + "=="}, "length": 1}}),
        targets(targets={"v1": {"hashes": {}, "length": 1}}),
        targets(targets={"v1": notary_build.meta_value(META) | {"length": -1}}),
        targets(targets={"v1": notary_build.meta_value(META) | {"length": "1"}}),
        targets(targets=["v1"]),
        delegating(name="root"),
        delegating(name="targets"),
        delegating(name="targets/../root"),
        delegating(name="targets/a/b"),
        delegating(name="targets/Upper"),
        delegating(name="targets/" + "a" * 300),
        delegating(threshold=0),
        delegating(paths="v"),
        delegating(paths=[1]),
        targets(delegations={"keys": {}, "roles": delegating()["delegations"]["roles"] * 2}),
    ],
)
def test_refuses_a_broken_targets_file(signed):
    with pytest.raises(MalformedError):
        notary_tuf.read_targets(envelope(signed))


@pytest.mark.parametrize(("role", "names"), [("snapshot", ["root"]), ("snapshot", ["targets"]), ("timestamp", [])])
def test_refuses_a_listing_without_what_it_is_for(role, names):
    listing = Listing(2, EXPIRES, dict.fromkeys(names, META))
    with pytest.raises(MalformedError):
        notary_tuf.read_listing(envelope(notary_build.listing_value(listing, role)), role)


def test_refuses_a_flood_of_signatures():
    with pytest.raises(LimitExceededError):
        envelope(root(), *(Signature(ID, "ecdsa", b"1234") for _ in range(257)))


def test_refuses_a_flood_of_bytes():
    with pytest.raises(LimitExceededError):
        notary_tuf.parse(b" " * (8 * 1024 * 1024 + 1))
