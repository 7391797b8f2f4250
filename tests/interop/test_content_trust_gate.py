"""A policy that trusts what the real notary signed on our trust server or on notary-server, at the gate."""

import shutil

import pytest

from peers.trust import SERVERS, Notary, any_trust_server
from peers.trust_author import Author, new_signer
from trustkit.fips.parse import public_key_from_pem

POLICY = """apiVersion: trustkit.dev/v1
kind: Policy
metadata: {{name: dct}}
spec:
  trust: {{contentTrust: {{team: {{{fields}}}}}}}
  verify: {{signatures: {{contentTrust: team}}}}
"""


@pytest.fixture(scope="module", params=SERVERS)
def server(request, tls):
    with any_trust_server(request.param, tls) as running:
        yield running


@pytest.fixture
def notary(server, tmp_path):
    return Notary(server, tmp_path / "alice")


@pytest.fixture
def pushed(registry, repository, image):
    """A repository with an image that is not signed yet: its name, and the image's digest."""
    return registry.reference(repository, "").rstrip(":@"), registry.push(image, repository, "v1")


@pytest.fixture
def signed(notary, pushed):
    name, digest = pushed
    notary.must("init", "-p", name)
    notary.sign(name, "v1", str(digest).removeprefix("sha256:"))
    return pushed


@pytest.fixture
def decide(trustkit, server, tmp_path):
    """Verify an image under a policy whose contentTrust says this."""
    (trustkit.home / "config.toml").write_text(
        f'[trust]\nserver = "{server.url}"\n[registry]\nca_file = "{server.tls.ca_file}"\n'
    )

    def verify(reference, fields="firstUse: true"):
        policy = tmp_path / "policy.yaml"
        policy.write_text(POLICY.format(fields=fields))
        return trustkit.run("verify", "--policy", policy, reference)

    return verify


def test_a_signed_tag_is_admitted_and_says_by_whom(decide, signed):
    done = decide(f"{signed[0]}:v1")
    assert done.status == 0, done.said
    assert "content-trust" in done.stdout
    assert f"tuf:{signed[0]}" in done.stdout


def test_the_digest_of_a_signed_tag_is_admitted(decide, signed):
    assert decide(f"{signed[0]}@{signed[1]}").status == 0


def test_a_root_given_by_hand_needs_no_first_sight(decide, notary, signed, tmp_path):
    shutil.copy(notary.folder / "tuf" / signed[0] / "metadata" / "root.json", tmp_path / "root.json")
    assert decide(f"{signed[0]}:v1", f"gun: '{signed[0]}', root: root.json").status == 0


def test_a_root_given_by_hand_holds_though_another_was_seen(trustkit, decide, notary, signed, tmp_path):
    """Believing a root once does not undo what a policy pins, by whichever name the policy trusts the repository."""
    trustkit.must("trust", "inspect", "--first-use", signed[0])
    notary.must("init", "-p", f"{signed[0]}-other")
    shutil.copy(notary.folder / "tuf" / f"{signed[0]}-other" / "metadata" / "root.json", tmp_path / "root.json")
    pinned = f"gun: '{signed[0]}', root: root.json"
    for fields in (pinned, f"{pinned}}}, own: {{firstUse: true"):
        done = decide(f"{signed[0]}:v1", fields)
        assert done.status == 1
        assert "verification.root_chain" in done.said


def test_a_root_given_by_hand_leads_to_the_one_in_force(trustkit, decide, notary, signed, tmp_path):
    shutil.copy(notary.folder / "tuf" / signed[0] / "metadata" / "root.json", tmp_path / "root.json")
    for _ in range(2):
        notary.must("key", "rotate", signed[0], "root")
        trustkit.must("trust", "inspect", "--first-use", signed[0])
    assert decide(f"{signed[0]}:v1", f"gun: '{signed[0]}', root: root.json").status == 0


def test_a_repository_never_seen_is_refused(decide, signed):
    done = decide(f"{signed[0]}:v1", "roles: [targets]")
    assert done.status == 1
    assert "verification.root_chain" in done.said


def test_one_that_was_inspected_is_known(trustkit, decide, signed):
    assert decide(f"{signed[0]}:v1", "roles: [targets]").status == 1
    trustkit.must("trust", "inspect", "--first-use", signed[0])
    assert decide(f"{signed[0]}:v1", "roles: [targets]").status == 0


def test_another_role_than_the_policy_asks_for_does_not_count(decide, signed):
    assert decide(f"{signed[0]}:v1", "firstUse: true, roles: [targets/releases]").status == 1


def test_a_tag_that_is_signed_as_another_image_is_refused(decide, notary, signed):
    notary.must("remove", "-p", signed[0], "v1")
    notary.sign(signed[0], "v1", "1" * 64)
    done = decide(f"{signed[0]}:v1")
    assert done.status == 1
    assert "verification.subject" in done.said


def test_a_tag_that_is_not_signed_is_refused(decide, notary, pushed):
    notary.must("init", "-p", pushed[0])
    done = decide(f"{pushed[0]}:v1")
    assert done.status == 1
    assert "verification.not_signed" in done.said


def test_a_repository_without_content_trust_is_not_admitted(decide, pushed):
    done = decide(f"{pushed[0]}:v1")
    assert done.status in (1, 3)
    assert "could not be read" in done.said


def test_a_trust_server_that_is_away_admits_nothing(decide, signed):
    done = decide(f"{signed[0]}:v1", "firstUse: true, server: 'http://127.0.0.1:1'")
    assert done.status in (1, 3)
    assert "could not be read" in done.said


def test_a_pinned_root_of_no_repository_is_refused_when_loaded(decide, notary, signed, tmp_path):
    shutil.copy(notary.folder / "tuf" / signed[0] / "metadata" / "root.json", tmp_path / "root.json")
    assert decide(f"{signed[0]}:v1", "root: root.json").status == 2


@pytest.fixture
def signed_by_two(trustkit, server, pushed, tmp_path):
    """An image that two of two signers' keys signed; the name, and the fingerprints of signers and targets key."""
    name, digest = pushed
    author = Author(trustkit.home, server, name)
    author.must("init", name)
    (alices, alice), (bobs, bob) = new_signer(tmp_path, "alice"), new_signer(tmp_path, "bob")
    author.must("delegate", name, "releases", "--signer-key", alice, "--signer-key", bob, "--threshold", "2")
    author.must("sign", f"{name}:v1@{digest}", "--size", "401", "--key", alices, "--key", bobs)
    roles = {one["name"]: one for one in trustkit.json("trust", "inspect", name)["roles"]}
    (targets,) = roles["targets"]["signers"]
    return name, public_key_from_pem(alice.read_bytes()).fingerprint, targets["fingerprint"]


def test_a_stolen_key_that_was_revoked_does_not_make_up_the_threshold(trustkit, decide, signed_by_two):
    """Else bob and whoever stole alice's key decide what two signers are asked for."""
    name, alice, _ = signed_by_two
    assert decide(f"{name}:v1").status == 0
    trustkit.must("fleet", "revoke", "--key", alice, "--reason", "stolen")
    done = decide(f"{name}:v1")
    assert done.status == 1
    assert "needs 2 keys, and 1 of those that signed" in done.said


def test_below_a_role_whose_key_was_revoked_nothing_counts(trustkit, decide, signed_by_two):
    name, _, targets = signed_by_two
    trustkit.must("fleet", "revoke", "--key", targets, "--reason", "stolen")
    done = decide(f"{name}:v1")
    assert done.status == 1
    assert "targets of tuf:" in done.said


@pytest.fixture
def looking(trustkit, decide, tmp_path):
    """What lies on the trust server, as `inspect --evidence` shows it."""
    assert decide

    def look(reference, fields="firstUse: true"):
        (tmp_path / "looked.yaml").write_text(POLICY.format(fields=fields))
        found = trustkit.json("inspect", "--evidence", "--policy", tmp_path / "looked.yaml", reference)
        (place,) = [one for one in found[0]["evidence"] if one["place"] == "trust server"]
        return place

    return look


def test_the_evidence_tree_shows_who_signed_the_tag(looking, signed):
    (item,) = looking(f"{signed[0]}:v1")["items"]
    assert item["verdict"] == "verified"
    (by,) = item["signed"]
    assert (by["trust_root"], by["subject"], by["claimed_name"]) == (f"tuf:{signed[0]}", "targets", f"{signed[0]}:v1")


def test_the_evidence_tree_shows_a_tag_that_is_signed_as_another_image(looking, notary, signed):
    notary.must("remove", "-p", signed[0], "v1")
    notary.sign(signed[0], "v1", "1" * 64)
    (item,) = looking(f"{signed[0]}:v1")["items"]
    assert (item["verdict"], item["code"]) == ("rejected", "verification.subject")


def test_the_evidence_tree_says_that_a_trust_server_is_away(looking, signed):
    found = looking(f"{signed[0]}:v1", "firstUse: true, server: 'http://127.0.0.1:1'")
    assert found["items"] == []
    assert not found["complete"]
    assert "could not be read" in found["notes"][0]
