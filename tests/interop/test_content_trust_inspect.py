"""`trustkit trust inspect` of what the real notary published on our trust server and on its own."""

import re
import shutil

import pytest

from peers.tools import run
from peers.trust import SERVERS, Notary, any_trust_server

ONE, TWO = "1" * 64, "2" * 64


@pytest.fixture(scope="module", params=SERVERS)
def server(request, tls):
    with any_trust_server(request.param, tls) as running:
        yield running


@pytest.fixture
def notary(server, tmp_path):
    return Notary(server, tmp_path / "alice")


@pytest.fixture
def gun(notary, repository):
    name = f"registry.example/{repository}"
    notary.must("init", "-p", name)
    notary.sign(name, "v1", ONE)
    return name


@pytest.fixture
def inspect(trustkit, server):
    (trustkit.home / "config.toml").write_text(
        f'[trust]\nserver = "{server.url}"\n[registry]\nca_file = "{server.tls.ca_file}"\n'
    )
    return lambda *words: trustkit.run("trust", "inspect", *words)


def tags(trustkit, *words):
    found = trustkit.json("trust", "inspect", *words)
    return {one["tag"]: (one["digest"].removeprefix("sha256:"), one["role"]) for one in found["tags"]}


def test_a_repository_never_seen_is_refused(inspect, gun):
    done = inspect(gun)
    assert done.status == 1
    assert "is trusted yet" in done.said


def test_at_first_sight_it_is_believed_when_asked_and_then_known(trustkit, inspect, gun):
    assert "believed at first sight" in inspect("--first-use", gun).stdout
    assert "believed" not in inspect(gun).stdout
    assert tags(trustkit, gun) == {"v1": (ONE, "targets")}


def test_a_pinned_root_needs_no_first_sight(trustkit, inspect, notary, gun):
    root = notary.folder / "tuf" / gun / "metadata" / "root.json"
    assert tags(trustkit, "--root", str(root), gun) == {"v1": (ONE, "targets")}


def test_the_root_of_another_repository_pins_nothing(inspect, notary, gun):
    notary.must("init", "-p", f"{gun}-other")
    root = notary.folder / "tuf" / f"{gun}-other" / "metadata" / "root.json"
    assert inspect("--root", str(root), gun).status == 1


def test_a_new_tag_is_seen_and_one_tag_can_be_asked_for(trustkit, inspect, notary, gun):
    inspect("--first-use", gun)
    notary.sign(gun, "v2", TWO)
    assert tags(trustkit, gun) == {"v1": (ONE, "targets"), "v2": (TWO, "targets")}
    assert tags(trustkit, f"{gun}:v2") == {"v2": (TWO, "targets")}


def test_a_tag_that_is_not_signed_is_refused(inspect, gun):
    done = inspect("--first-use", f"{gun}:v9")
    assert done.status == 1
    assert "is not signed (signed tags: v1)" in done.said


def test_a_rotated_root_is_followed_from_the_one_that_was_seen(trustkit, inspect, notary, gun):
    inspect("--first-use", gun)
    for _ in range(2):
        notary.must("key", "rotate", gun, "root")
    notary.sign(gun, "v2", TWO)
    assert set(tags(trustkit, gun)) == {"v1", "v2"}
    assert trustkit.json("trust", "inspect", gun)["root"]["version"] == 3


def test_a_delegation_of_releases_comes_before_targets(trustkit, inspect, notary, gun, tmp_path):
    key, certificate = tmp_path / "d.key", tmp_path / "d.crt"
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=d",
         "-days", "30", "-keyout", key, "-out", certificate])  # fmt: skip
    notary.must("key", "import", "--role", "delegation", "--gun", gun, key)
    notary.must("delegation", "add", "-p", gun, "targets/releases", certificate, "--all-paths")
    notary.sign(gun, "v1", TWO, "--roles", "targets/releases")
    assert tags(trustkit, "--first-use", gun) == {"v1": (TWO, "targets/releases")}


def test_an_older_state_of_the_server_is_a_rollback(trustkit, inspect, gun):
    """What was seen is put ahead of the server: to the client the same as a server that went back."""
    inspect("--first-use", gun)
    seen = trustkit.home / "content-trust" / "tuf" / gun / "metadata" / "targets.json"
    seen.write_text(re.sub(r'"version":\d+', '"version":900', seen.read_text()))
    done = inspect(gun)
    assert done.status == 1
    assert "is older than 900, which was seen before" in done.said


def test_a_server_that_does_not_know_the_repository_is_no_verdict(inspect):
    assert inspect("--first-use", "registry.example/none/such").status == 3


def test_a_server_that_is_not_there_is_no_verdict(trustkit):
    assert trustkit.run("trust", "inspect", "--server", "http://127.0.0.1:1", "registry.example/a/b").status == 3


def status(trustkit, *words):
    """Return what `trust status` says of content trust, and whether --check minds."""
    found = trustkit.json("trust", "status", *words)["trusted"]
    minds = trustkit.run("trust", "status", "--check", *words).status
    return [one for one in found if one["kind"] == "content trust"], minds


def test_the_status_shows_each_file_of_a_repository_that_was_seen(trustkit, inspect, gun):
    inspect("--first-use", gun)
    found, minds = status(trustkit)
    assert [(one["name"], one["what"].split()[0]) for one in found] == [
        (gun, role) for role in ("root", "targets", "snapshot", "timestamp")
    ]
    (key,) = trustkit.json("trust", "inspect", gun)["root"]["keys"]
    assert found[0]["what"].endswith(f"key {key['fingerprint'][:16]}")
    # the timestamp's two weeks are no reason to warn
    assert ([one["state"] for one in found], minds) == (["ok", "ok", "ok", "expires soon"], 0)


def test_the_status_warns_of_what_ends_soon(trustkit, inspect, gun):
    inspect("--first-use", gun)
    found, minds = status(trustkit, "--within", "1200")
    assert [one["state"] for one in found[:3]] == ["ok", "expires soon", "expires soon"]
    assert minds == 1


def test_the_status_says_what_is_over(trustkit, inspect, gun):
    inspect("--first-use", gun)
    seen = trustkit.home / "content-trust" / "tuf" / gun / "metadata" / "snapshot.json"
    seen.write_text(re.sub(r'"expires":"\d+', '"expires":"2020', seen.read_text()))
    found, minds = status(trustkit)
    assert (found[2]["state"], minds) == ("expired", 1)


def test_the_status_says_what_cannot_be_read(trustkit, inspect, gun):
    inspect("--first-use", gun)
    (trustkit.home / "content-trust" / "tuf" / gun / "metadata" / "targets.json").write_text("{}")
    found, minds = status(trustkit)
    assert (found[1]["state"], minds) == ("unusable", 1)


def pinning(root, gun, policy):
    """Write a policy that pins the root of a repository."""
    policy.write_text(f"""apiVersion: trustkit.dev/v1
kind: Policy
metadata: {{name: dct}}
spec:
  trust: {{contentTrust: {{team: {{gun: '{gun}', root: {root}}}}}}}
  verify: {{signatures: {{contentTrust: team}}}}
""")
    return policy


def test_the_status_shows_a_root_that_a_policy_pins(trustkit, inspect, notary, gun, tmp_path):
    root = shutil.copy(notary.folder / "tuf" / gun / "metadata" / "root.json", tmp_path / "pinned.json")
    policy = pinning(root, gun, tmp_path / "policy.yaml")
    (one,), _ = status(trustkit, "--policy", str(policy))
    assert (one["name"], one["note"]) == (gun, "pinned by the policy, not seen yet")
    inspect("--root", str(root), gun)
    assert status(trustkit, "--policy", str(policy))[0][0]["note"] == "pinned by the policy"
    notary.must("key", "rotate", gun, "root")
    notary.sign(gun, "v2", TWO)
    inspect(gun)
    assert status(trustkit, "--policy", str(policy))[0][0]["note"] == "root 1 is pinned by the policy"


def test_the_status_warns_of_a_seen_root_that_is_not_the_pinned_one(trustkit, inspect, notary, gun, tmp_path):
    inspect("--first-use", gun)
    notary.must("init", "-p", f"{gun}-other")
    root = notary.folder / "tuf" / f"{gun}-other" / "metadata" / "root.json"
    (one, *_), minds = status(trustkit, "--policy", str(pinning(root, gun, tmp_path / "policy.yaml")))
    assert (one["state"], minds) == ("unusable", 1)
    assert "another root than the policy pins" in one["note"]
