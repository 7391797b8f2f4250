"""What `trustkit trust init, sign, revoke, delegate, rotate` make on both servers, to the real notary and docker."""

import json

import pytest

from peers.processes import wait_until
from peers.trust import SERVERS, DockerTrust, Notary, any_trust_server
from peers.trust_author import Author, new_signer, notary_keys, other_author

ONE, TWO = "1" * 64, "2" * 64


@pytest.fixture(scope="module", params=SERVERS)
def server(request, tls):
    with any_trust_server(request.param, tls) as running:
        yield running


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return notary_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def gun(repository):
    return f"registry.example/{repository}"


@pytest.fixture
def author(trustkit_home, server, gun):
    return Author(trustkit_home, server, gun)


@pytest.fixture
def begun(author, keys):
    """A repository that trustkit began, with one signed tag."""
    return author.keyed(keys).begun()


@pytest.fixture
def notary(server, tmp_path):
    return Notary(server, tmp_path / "notary")


@pytest.fixture
def docker(request, server, tmp_path):
    """docker 28, or the client that a test asks for."""
    client = getattr(request, "param", "docker28")
    home = tmp_path / client
    home.mkdir()
    return DockerTrust(server, home, client)


def test_what_trustkit_signs_notary_lists_and_looks_up(begun, notary):
    assert notary.tags(begun.gun) == {"v1": (ONE, "targets")}
    assert ONE in notary.must("lookup", begun.gun, "v1")


@pytest.mark.parametrize("docker", ["docker", "docker28"], indirect=True)
def test_what_trustkit_signs_docker_believes(begun, docker):
    assert docker.tags(begun.gun) == {"v1": (ONE, ("Repo Admin",))}


def test_a_tag_of_a_repository_that_notary_began_is_signed(author, notary, gun):
    notary.must("init", "-p", gun)
    notary.sign(gun, "v1", ONE)
    author.trustkit.env["TRUSTKIT_TRUST_FOLDER"] = str(notary.folder)
    assert author.sign("v2", TWO).status == 0
    assert notary.tags(gun) == {"v1": (ONE, "targets"), "v2": (TWO, "targets")}


def test_notary_continues_in_the_folder_that_trustkit_made(server, author):
    begun, again = author.begun(), Notary(server, author.folder)
    again.sign(begun.gun, "v2", TWO)
    again.must("key", "rotate", begun.gun, "targets")
    assert begun.tags() == {"v1": (ONE, "targets"), "v2": (TWO, "targets")}
    assert begun.root_version() == 2


def test_docker_and_trustkit_take_turns_in_dockers_folder(author, docker, gun):
    """The repository is docker's, its keys and what it saw last are in its folder, and no root is believed at sight."""
    docker.must("trust", "signer", "add", "--key", str(docker.new_signer("alice")), "alice", gun)
    author.trustkit.env["TRUSTKIT_TRUST_FOLDER"] = str(docker.folder)
    assert author.sign("v1", ONE).status == 0
    assert docker.tags(gun) == {"v1": (ONE, ("alice",))}
    docker.must("trust", "signer", "add", "--key", str(docker.new_signer("bob")), "bob", gun)
    assert author.sign("v2", TWO).status == 0
    assert docker.tags(gun) == {"v1": (ONE, ("alice",)), "v2": (TWO, ("alice", "bob"))}
    docker.must("trust", "revoke", "--yes", f"{gun}:v1")
    assert author.tags() == {"v2": (TWO, "targets/releases")}


def test_docker_adds_a_signer_in_the_folder_that_trustkit_made(begun, docker):
    docker.folder.parent.mkdir(exist_ok=True)
    docker.folder.symlink_to(begun.folder)
    docker.must("trust", "signer", "add", "--key", str(docker.new_signer("alice")), "alice", begun.gun)
    assert begun.sign("v2", TWO).status == 0
    # docker sees what all delegations name, and v1 was signed before there were any
    assert docker.tags(begun.gun)["v2"] == (TWO, ("alice",))


def test_a_revoked_tag_is_signed_no_more(begun, notary):
    begun.must("revoke", f"{begun.gun}:v1")
    assert notary.tags(begun.gun) == {}
    done = begun.run("revoke", f"{begun.gun}:v1")
    assert (done.status, "nothing to revoke" in done.said) == (1, True)


def test_all_tags_are_revoked_at_once(begun, notary):
    begun.sign("v2", TWO)
    begun.must("revoke", begun.gun, "--all")
    assert notary.tags(begun.gun) == {}


def test_a_repository_is_deleted_and_can_begin_anew(begun, notary):
    begun.must("revoke", begun.gun, "--delete-repository")
    assert "does not have trust data" in notary.run("list", begun.gun).said
    newest = json.loads(begun.trustkit.must("audit", "log", "--tail", "1", "--output", "json").stdout)[0]
    told = {name: newest["body"][name] for name in ("repository", "what", "versions", "signers")}
    assert newest["kind"] == "content_trust.published"
    assert told == {"repository": begun.gun, "what": "delete", "versions": {}, "signers": {}}
    begun.must("init", begun.gun)
    assert begun.tags() == {}


def test_a_delegate_signs_with_a_key_of_her_own(begun, server, notary, tmp_path):
    private, public = new_signer(tmp_path, "alice")
    begun.must("delegate", begun.gun, "alice", "--signer-key", public)
    with other_author(server, begun.gun) as alice:
        assert alice.sign("v2", TWO, "--first-use", "--key", private).status == 0
    assert notary.tags(begun.gun)["v2"][0] == TWO
    assert begun.tags()["v2"] == (TWO, "targets/releases")


def test_a_signer_follows_one_who_ended(begun, server, notary, tmp_path):
    """Signers' file is there again with another's keys: to those who knew it, on both servers, and who never saw it."""
    (alices, alice), (bobs, bob) = new_signer(tmp_path, "alice"), new_signer(tmp_path, "bob")
    begun.must("delegate", begun.gun, "alice", "--signer-key", alice)
    for tag in ("v2", "v3", "v4"):
        assert begun.sign(tag, TWO, "--key", alices).status == 0
    with other_author(server, begun.gun) as looker, other_author(server, begun.gun) as stranger:
        assert set(looker.tags("--first-use")) == {"v1", "v2", "v3", "v4"}
        begun.must("delegate", begun.gun, "alice", "--remove")
        begun.must("delegate", begun.gun, "bob", "--signer-key", bob)
        assert stranger.sign("v5", TWO, "--first-use", "--key", bobs).status == 0
        assert looker.tags() == begun.tags() == {"v1": (ONE, "targets"), "v5": (TWO, "targets/releases")}
        begun.must("delegate", begun.gun, "bob", "--remove")
        begun.must("delegate", begun.gun, "alice", "--signer-key", alice)
        assert begun.sign("v6", TWO, "--key", alices).status == 0
        assert set(looker.tags()) == set(stranger.tags()) == {"v1", "v6"}
    assert notary.tags(begun.gun)["v6"][0] == TWO


def test_a_delegate_who_is_limited_to_some_tags_signs_no_others(begun, server, notary, tmp_path):
    """notary looks her tags up in her own role; docker and policies do not look there."""
    private, public = new_signer(tmp_path, "alice")
    limited = ("delegate", begun.gun, "alice", "--signer-key", public, "--path", "dev-")
    done = begun.run(*limited)
    assert (done.status, "--no-releases" in done.said) == (2, True)
    begun.must(*limited, "--no-releases")
    with other_author(server, begun.gun) as alice:
        hers = ("--first-use", "--key", private, "--role", "alice")
        assert alice.sign("dev-1", TWO, *hers).status == 0
        assert "may not name v1" in alice.sign("v1", TWO, *hers).said
        assert alice.sign("v1", TWO, *hers[:3]).status != 0
    assert notary.tags(begun.gun) == {"v1": (ONE, "targets"), "dev-1": (TWO, "targets/alice")}
    assert begun.tags() == {"v1": (ONE, "targets")}


def test_docker_knows_the_signers_that_trustkit_adds_and_removes(begun, docker, tmp_path):
    for name in ("alice", "bob"):
        private, public = new_signer(tmp_path, name)
        begun.must("delegate", begun.gun, name, "--signer-key", public)
    assert begun.sign("v2", TWO, "--key", private).status == 0
    assert docker.tags(begun.gun)["v2"] == (TWO, ("bob",))
    begun.must("delegate", begun.gun, "alice", "--remove")
    (found,) = json.loads(docker.must("trust", "inspect", begun.gun))
    assert [one["Name"] for one in found["Signers"]] == ["bob"]


def test_a_rotated_root_is_followed_by_who_knew_the_old_one(begun, notary, tmp_path):
    notary.tags(begun.gun)
    for name in ("second", "third"):
        key, _ = new_signer(tmp_path, name)
        begun.must("rotate", begun.gun, "root", "--new-key", key, "--key", tmp_path / "second.key")
    assert begun.sign("v2", TWO).status == 0
    assert set(notary.tags(begun.gun)) == {"v1", "v2"}
    assert begun.root_version() == 3


@pytest.mark.parametrize("role", ["targets", "snapshot", "timestamp"])
def test_a_rotated_key_is_followed_by_who_knew_the_old_one(begun, notary, role):
    notary.tags(begun.gun)
    begun.must("rotate", begun.gun, role)
    assert begun.sign("v2", TWO).status == 0
    assert set(notary.tags(begun.gun)) == {"v1", "v2"}
    assert begun.root_version() == 2


def test_the_snapshot_key_goes_to_the_server(author, keys, notary, tmp_path):
    author.keyed(keys).must("init", author.gun, "--local-snapshot")
    private, public = new_signer(tmp_path, "alice")
    assert "snapshot --server-held" in author.must("delegate", author.gun, "alice", "--signer-key", public)
    assert author.sign("v1", ONE, "--key", private).status == 0
    author.must("rotate", author.gun, "snapshot", "--server-held")
    author.must("rotate", author.gun, "snapshot", "--server-held")
    assert author.sign("v2", TWO, "--key", private).status == 0
    assert set(notary.tags(author.gun)) == {"v1", "v2"}


def test_a_file_is_renewed_with_the_same_keys(begun, notary):
    begun.must("rotate", begun.gun, "root", "--renew")
    begun.must("rotate", begun.gun, "targets", "--renew")
    assert begun.root_version() == 2
    assert notary.tags(begun.gun) == {"v1": (ONE, "targets")}


def test_who_signs_at_the_same_time_loses_nothing(begun, server, keys, notary):
    """Each publishes on top of the other's: a conflict is no error."""
    with other_author(server, begun.gun) as second:
        second.keyed(keys).must("inspect", begun.gun, "--first-use")
        authors = [begun, second, begun, second]
        started = [
            author.trustkit.start("trust", "sign", f"{begun.gun}:t{at}@sha256:{TWO}", "--size", "401")
            for at, author in enumerate(authors)
        ]
        wait_until(lambda: not any(one.running() for one in started), "four signatures")
    assert set(notary.tags(begun.gun)) == {"v1", "t0", "t1", "t2", "t3"}
