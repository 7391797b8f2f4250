"""The real notary 0.7.0 against our trust server, kept in SQLite and in PostgreSQL."""

import base64
import json
import shutil
import ssl
import urllib.request

import pytest

from peers.postgres import postgres
from peers.processes import PeerError
from peers.tools import run
from peers.trust import Notary, trust_server
from peers.trustkit import Trustkit
from peers.workspace import short_folder

GUN = "registry.example/team/app"
ONE, TWO = "1" * 64, "2" * 64


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request, tls):
    with short_folder("trust") as folder:
        (folder / "state").mkdir(mode=0o700)
        trustkit = Trustkit(folder / "state")
        if request.param == "sqlite":
            with trust_server(trustkit, tls=tls) as running:
                yield running
        else:
            with postgres() as cluster, trust_server(trustkit, "--database", cluster.database(), tls=tls) as running:
                yield running


@pytest.fixture
def notary(server, tmp_path):
    return Notary(server, tmp_path / "alice")


@pytest.fixture
def other(server, tmp_path):
    return Notary(server, tmp_path / "other")


@pytest.fixture
def gun(repository):
    return f"registry.example/{repository}"


@pytest.fixture
def published(notary, gun):
    notary.must("init", "-p", gun)
    notary.sign(gun, "v1", ONE)
    return gun


def test_what_was_published_is_listed_by_others(published, other):
    assert other.tags(published) == {"v1": (ONE, "targets")}


def test_a_tag_is_removed(notary, published, other):
    notary.must("remove", "-p", published, "v1")
    assert other.tags(published) == {}


@pytest.mark.parametrize("role", ["snapshot", "timestamp"])
def test_a_key_of_the_servers_is_rotated(notary, published, other, role):
    notary.must("key", "rotate", published, role, "-r")
    notary.sign(published, "v2", TWO)
    assert set(other.tags(published)) == {"v1", "v2"}


@pytest.mark.parametrize("role", ["targets", "snapshot"])
def test_a_key_of_the_users_is_rotated(notary, published, other, role):
    notary.must("key", "rotate", published, role)
    notary.sign(published, "v2", TWO)
    assert set(other.tags(published)) == {"v1", "v2"}


def test_a_client_that_knows_the_repository_follows_a_rotated_root(notary, published, other):
    other.tags(published)
    notary.must("key", "rotate", published, "targets")
    notary.sign(published, "v2", TWO)
    assert set(other.tags(published)) == {"v1", "v2"}


def _delegate(notary, gun, folder):
    key, certificate = folder / "delegate.key", folder / "delegate.crt"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    made = run([*words, "-keyout", key, "-out", certificate, "-days", "90", "-subj", "/CN=delegate"])
    assert made.status == 0, made.said
    notary.must("delegation", "add", "-p", gun, "targets/releases", certificate, "--all-paths")
    return key


def test_a_delegate_publishes(notary, published, other, tmp_path):
    notary.must("key", "rotate", published, "snapshot", "-r")
    other.must("key", "import", "--role", "delegation", "--gun", published, _delegate(notary, published, tmp_path))
    other.sign(published, "v2", TWO, "--roles", "targets/releases")
    assert notary.tags(published)["v2"] == (TWO, "targets/releases")


def test_a_removed_delegate_publishes_no_more(notary, published, other, tmp_path):
    notary.must("key", "rotate", published, "snapshot", "-r")
    other.must("key", "import", "--role", "delegation", "--gun", published, _delegate(notary, published, tmp_path))
    other.sign(published, "v2", TWO, "--roles", "targets/releases")
    notary.must("delegation", "remove", "-p", "-y", published, "targets/releases")
    with pytest.raises(PeerError):
        other.sign(published, "v3", TWO, "--roles", "targets/releases")
    assert set(notary.tags(published)) == {"v1"}


def test_a_delegation_made_again_starts_anew(notary, published, other, tmp_path):
    notary.must("key", "rotate", published, "snapshot", "-r")
    other.must("key", "import", "--role", "delegation", "--gun", published, _delegate(notary, published, tmp_path))
    other.sign(published, "v2", TWO, "--roles", "targets/releases")
    notary.must("delegation", "remove", "-p", "-y", published, "targets/releases")
    key = _delegate(notary, published, tmp_path)
    other.must("key", "import", "--role", "delegation", "--gun", published, key)
    other.sign(published, "v3", ONE, "--roles", "targets/releases")
    assert {tag: role for tag, (_, role) in notary.tags(published).items()} == {
        "v1": "targets",
        "v3": "targets/releases",
    }


def test_a_repository_is_deleted(notary, published, other):
    notary.must("delete", "--remote", published)
    assert "does not have trust data" in other.run("list", published).said


def test_a_stranger_cannot_publish_to_a_repository(published, other):
    other.tags(published)
    other.run("addhash", published, "v9", "401", "--sha256", TWO)
    assert other.run("publish", published).status != 0
    assert set(other.tags(published)) == {"v1"}


def test_a_stranger_cannot_begin_a_repository_anew(notary, published, other):
    assert other.run("init", "-p", published).status != 0
    assert set(notary.tags(published)) == {"v1"}


def test_who_lost_the_newest_state_cannot_publish_over_it(server, notary, published, tmp_path):
    # Two machines of one user: the second signs with what it saw last, and may not undo the first's.
    shutil.copytree(notary.folder, tmp_path / "second")
    second = Notary(server, tmp_path / "second")
    notary.sign(published, "v2", TWO)
    second.sign(published, "v3", TWO)
    assert set(notary.tags(published)) == {"v1", "v2", "v3"}


def _login(user, password):
    return base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def guarded(trustkit, tls):
    hashed = trustkit.must(
        "trust", "serve", "--hash-password", env={"TRUSTKIT_PASSWORD": "a long secret"}
    ).stdout.strip()
    users = trustkit.home / "users.toml"
    users.write_text(
        f'[[user]]\nname = "alice"\npassword = "{hashed}"\nrepositories = ["{GUN}"]\nactions = ["push", "pull"]\n'
        f'[[user]]\nname = "bob"\npassword = "{hashed}"\nrepositories = ["*"]\nactions = ["pull"]\n'
    )
    with trust_server(trustkit, "--users", users, tls=tls) as running:
        yield running


def test_a_user_publishes_what_she_may(guarded, tmp_path):
    alice = Notary(guarded, tmp_path / "alice", _login("alice", "a long secret"))
    alice.must("init", "-p", GUN)
    alice.sign(GUN, "v1", ONE)
    # notary never sends a password to read
    assert list(_targets(guarded, _login("bob", "a long secret"))) == ["v1"]


def _targets(server, login):
    url = f"{server.url}/v2/{GUN}/_trust/tuf/targets.json"
    asked = urllib.request.Request(url, headers={"Authorization": f"Basic {login}"})
    with urllib.request.urlopen(asked, context=ssl.create_default_context(cafile=server.tls.ca_file)) as answer:
        return json.load(answer)["signed"]["targets"]


@pytest.mark.parametrize(
    ("user", "password", "gun"),
    [
        ("alice", "wrong", GUN),
        ("nobody", "a long secret", GUN),
        ("alice", "a long secret", "registry.example/else"),
        ("bob", "a long secret", GUN),
    ],
    ids=["password", "unknown", "repository", "right"],
)
def test_who_may_not_publish_does_not(guarded, tmp_path, user, password, gun):
    assert Notary(guarded, tmp_path / "alice", _login(user, password)).run("init", "-p", gun).status != 0


def test_without_a_login_nothing_is_shown(guarded, tmp_path):
    assert Notary(guarded, tmp_path / "alice").run("list", GUN).status != 0


def test_the_servers_keys_need_the_passphrase_they_were_stored_with(trustkit, tls, tmp_path):
    with trust_server(trustkit, tls=tls) as first:
        Notary(first, tmp_path / "alice").must("init", "-p", GUN)
    trustkit.env["TRUSTKIT_PASSWORD"] = "another"
    trustkit_words = trustkit.command("trust", "serve", "--listen", "127.0.0.1:0")
    done = run(["timeout", "20", *trustkit_words], env=trustkit.env)
    assert (done.status, "passphrase" in done.stderr) == (4, True)
