"""What `trustkit trust init, sign, revoke, delegate, rotate` refuse to do, and what they leave as it was then."""

import pytest

from peers.trust import Notary, any_trust_server
from peers.trust_author import Author, new_signer, notary_keys, other_author

ONE, TWO = "1" * 64, "2" * 64


@pytest.fixture(scope="module")
def server(tls):
    with any_trust_server("trustkit", tls) as running:
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


def damage_log(author):
    for file in (author.trustkit.home / "audit").glob("log.db-*"):
        file.unlink()
    (author.trustkit.home / "audit/log.db").write_bytes(b"noise" * 4096)


def test_a_repository_that_was_never_seen_is_not_signed(begun, server):
    with other_author(server, begun.gun) as mallory:
        done = mallory.sign("v2", TWO)
    assert (done.status, "no root of" in done.said) == (1, True)


def test_who_has_no_key_of_the_repository_signs_nothing(begun, notary, tmp_path):
    private, _ = new_signer(tmp_path, "mallory")
    (begun.folder / "private").rename(tmp_path / "elsewhere")
    done = begun.sign("v2", TWO, "--key", private)
    assert (done.status, "targets needs 1 of its keys, and 0 are here" in done.said) == (4, True)
    assert notary.tags(begun.gun) == {"v1": (ONE, "targets")}


def test_who_is_no_signer_does_not_sign_where_docker_looks(begun, tmp_path):
    _, public = new_signer(tmp_path, "alice")
    begun.must("delegate", begun.gun, "alice", "--signer-key", public)
    done = begun.sign("v2", TWO)
    assert (done.status, "none of the keys here may sign" in done.said) == (4, True)


def test_a_signer_of_other_tags_does_not_sign_this_one(begun, tmp_path):
    private, public = new_signer(tmp_path, "alice")
    begun.must("delegate", begun.gun, "releases", "--signer-key", public, "--path", "alice-")
    assert begun.sign("v2", TWO, "--key", private).status == 4
    assert begun.sign("v2", TWO, "--key", private, "--role", "releases").status == 2
    assert begun.sign("alice-1", TWO, "--key", private).status == 0
    assert begun.sign("v2", TWO, "--role", "targets").status == 0
    assert begun.tags() == {
        "v1": (ONE, "targets"), "v2": (TWO, "targets"), "alice-1": (TWO, "targets/releases"),
    }  # fmt: skip


def test_a_tag_that_would_stay_signed_is_not_revoked(begun, tmp_path):
    private, public = new_signer(tmp_path, "alice")
    begun.must("delegate", begun.gun, "alice", "--signer-key", public)
    begun.sign("v2", TWO, "--key", private)
    done = begun.run("revoke", f"{begun.gun}:v2")
    assert (done.status, "whose keys are not here" in done.said) == (4, True)
    assert begun.tags()["v2"] == (TWO, "targets/releases")


def test_two_of_two_keys_sign_and_one_does_not(begun, tmp_path):
    (first, one), (second, two) = new_signer(tmp_path, "one"), new_signer(tmp_path, "two")
    words = ("--signer-key", one, "--signer-key", two, "--threshold", "2")
    begun.must("delegate", begun.gun, "releases", *words)
    assert begun.sign("v2", TWO, "--key", first).status == 4
    assert begun.sign("v2", TWO, "--key", first, "--key", second).status == 0


def test_a_repository_does_not_begin_twice(begun, server, notary):
    done = begun.run("init", begun.gun)
    assert (done.status, "was seen before" in done.said) == (2, True)
    with other_author(server, begun.gun) as other:
        done = other.run("init", begun.gun)
    assert (done.status, "has content trust already" in done.said) == (2, True)
    assert notary.tags(begun.gun) == {"v1": (ONE, "targets")}


def test_a_repository_that_vanished_does_not_begin_anew_in_silence(begun, notary):
    """Whoever can delete it could have others trust a new root of theirs."""
    notary.must("delete", "--remote", begun.gun)
    done = begun.run("init", begun.gun)
    assert (done.status, "was seen before" in done.said) == (2, True)
    assert begun.run("inspect", begun.gun).status == 3


def test_a_repository_that_somebody_else_began_anew_is_not_believed(begun, server, notary):
    notary.must("delete", "--remote", begun.gun)
    with other_author(server, begun.gun) as mallory:
        mallory.begun()
    for done in (begun.run("inspect", begun.gun, "--first-use"), begun.sign("v2", TWO)):
        assert (done.status, "another than the trusted one" in done.said) == (1, True)


def test_a_wrong_passphrase_opens_nothing_and_publishes_nothing(begun, notary):
    begun.trustkit.env["TRUSTKIT_PASSWORD"] = "looking glass"
    done = begun.sign("v2", TWO)
    assert (done.status, "wrong passphrase" in done.said) == (2, True)
    assert notary.tags(begun.gun) == {"v1": (ONE, "targets")}


def test_a_key_file_that_holds_another_key_signs_nothing(begun, keys):
    for file in (begun.folder / "private").glob("*.key"):
        other = next(key for key in keys if key.name != file.name)
        file.write_bytes(other.read_bytes())
    done = begun.sign("v2", TWO)
    assert (done.status, "another key than its name says" in done.said) == (2, True)


def test_what_was_done_is_on_record(begun):
    said = begun.trustkit.must("audit", "log").stdout
    assert "content_trust.published" in said
    assert "image.signed" in said


@pytest.mark.parametrize("words", [
    ("sign", ":v2@sha256:" + TWO, "--size", "401"), ("revoke", ":v1"), ("revoke", "", "--delete-repository"),
    ("delegate", "", "alice", "--signer-key", "KEY"), ("rotate", "", "targets", "--renew"),
], ids=lambda words: words[0])  # fmt: skip
def test_nothing_is_published_beside_a_damaged_log(begun, notary, tmp_path, words):
    action, suffix, *more = words
    damage_log(begun)
    before = begun.tags(), begun.root_version()
    given = [str(new_signer(tmp_path, "alice")[1]) if word == "KEY" else word for word in more]
    done = begun.run(action, f"{begun.gun}{suffix}", *given)
    assert (done.status, "the database is damaged" in done.said) == (1, True)
    assert (begun.tags(), begun.root_version()) == before
    assert notary.tags(begun.gun) == {"v1": (ONE, "targets")}


def test_a_repository_does_not_begin_beside_a_damaged_log(author, notary):
    (author.trustkit.home / "audit").mkdir()
    damage_log(author)
    done = author.run("init", author.gun)
    assert (done.status, "the database is damaged" in done.said) == (1, True)
    assert "does not have trust data" in notary.run("list", author.gun).said
    assert not list(author.folder.rglob("*.key"))
