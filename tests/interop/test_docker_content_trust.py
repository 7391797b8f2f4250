"""Real docker against our trust server: push and pull under DOCKER_CONTENT_TRUST=1, `docker trust`, logins."""

import base64
import json

import pytest

from peers import images
from peers.docker import DEBIAN12, NEWEST, dockerd
from peers.registry import LOGIN
from peers.token_service import ISSUER, SERVICE, token_service
from peers.trust import DockerTrust, trust_server
from peers.trust_author import Author, notary_keys
from peers.trustkit import Trustkit
from peers.workspace import short_folder

PASSWORD = "wonderland"
USERS = """
[[user]]
name = "alice"
password = "{hashed}"
repositories = ["127.0.0.1:*"]
actions = ["push", "pull"]

[[user]]
name = "bob"
password = "{hashed}"
repositories = ["127.0.0.1:*"]
actions = ["pull"]
"""


@pytest.fixture(scope="module")
def server(tls):
    """Our server, which knows alice, who may publish, and bob, who may read."""
    with short_folder("trust") as folder:
        (folder / "state").mkdir(mode=0o700)
        trustkit = Trustkit(folder / "state")
        hashed = trustkit.must("trust", "serve", "--hash-password", env={"TRUSTKIT_PASSWORD": PASSWORD}).stdout.strip()
        (folder / "users.toml").write_text(USERS.format(hashed=hashed))
        with trust_server(trustkit, "--users", folder / "users.toml", tls=tls) as running:
            yield running


@pytest.fixture(scope="module")
def daemon(request, registry):
    """dockerd 28, or the release that a test asks for."""
    port = int(registry.host.rpartition(":")[2])
    release = getattr(request, "param", NEWEST)
    with short_folder("dockerd") as folder, dockerd(folder, ports=[port], release=release) as running:
        yield running


with_both = pytest.mark.parametrize("daemon", [DEBIAN12, NEWEST], ids=["20.10", "28"], indirect=True)


@pytest.fixture
def client(server, daemon, tmp_path):
    """Make a docker client that is logged in as somebody, to the registry as docker asks the trust server then."""

    def login(user, registry="", password=PASSWORD):
        home = tmp_path / user
        (home / ".docker").mkdir(parents=True)
        if user:
            auth = base64.b64encode(f"{user}:{password}".encode()).decode()
            (home / ".docker" / "config.json").write_text(json.dumps({"auths": {registry: {"auth": auth}}}))
        return DockerTrust(server, home, daemon.release.client, daemon.socket)

    return login


@pytest.fixture
def pushed(registry, repository, image):
    """An image in the registry that is not signed: its repository and its digest."""
    return f"{registry.host}/{repository}", registry.push(image, repository, "v1")


@pytest.fixture
def alice(client, registry):
    return client("alice", registry.host)


@with_both
def test_what_docker_pushes_trusted_docker_pulls_trusted(alice, client, registry, pushed):
    name, digest = pushed
    alice.must("pull", f"{name}@{digest}")
    alice.must("tag", f"{name}@{digest}", f"{name}:v2")
    alice.must("push", f"{name}:v2", trusting=True)
    assert set(alice.tags(name)) == {"v2"}
    said = client("bob", registry.host).must("pull", f"{name}:v2", trusting=True)
    assert f"{name}@sha256:{alice.tags(name)['v2'][0]}" in said


@with_both
def test_docker_signs_what_is_pushed_by_its_signer_and_takes_it_back(alice, pushed):
    name, digest = pushed
    alice.must("trust", "signer", "add", "--key", str(alice.new_signer("alice")), "alice", name)
    alice.must("pull", f"{name}@{digest}")
    alice.must("tag", f"{name}@{digest}", f"{name}:v2")
    alice.must("trust", "sign", f"{name}:v2")
    assert alice.tags(name)["v2"][1] == ("alice",)
    alice.must("trust", "revoke", "--yes", f"{name}:v2")
    assert alice.tags(name) == {}


def test_what_a_removed_signer_has_signed_is_signed_again_by_another(alice, author, pushed):
    """His key is all that signed `targets/releases`: what it names counts for nothing from then on."""
    name, digest = pushed
    for signer in ("carol", "dave"):
        alice.must("trust", "signer", "add", "--key", str(alice.new_signer(signer)), signer, name)
    dave = next(file for file in (alice.folder / "private").iterdir() if "role: dave" in file.read_text())
    dave.rename(alice.home / "dave.key")
    alice.must("pull", f"{name}@{digest}")
    alice.must("tag", f"{name}@{digest}", f"{name}:v2")
    alice.must("trust", "sign", f"{name}:v2")
    author.trustkit.env["TRUSTKIT_TRUST_FOLDER"] = str(alice.folder)
    author.must("delegate", name, "carol", "--remove")
    assert alice.tags(name) == {}
    done = author.run("inspect", f"{name}:v2")
    assert (done.status, "targets/releases needs signed it" in done.said) == (1, True)
    (alice.home / "dave.key").rename(dave)
    author.must("sign", f"{name}:v1")
    assert author.tags() == {"v1": (digest.removeprefix("sha256:"), "targets/releases")}
    assert alice.tags(name) == {"v1": (digest.removeprefix("sha256:"), ("dave",))}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return notary_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def author(trustkit_home, server, keys, pushed):
    """trustkit, logged in to the trust server as alice."""
    found = Author(trustkit_home, server, pushed[0]).keyed(keys)
    config = found.trustkit.user_home / ".docker" / "config.json"
    config.parent.mkdir()
    auth = base64.b64encode(f"alice:{PASSWORD}".encode()).decode()
    config.write_text(json.dumps({"auths": {server.host: {"auth": auth}}}))
    return found


@with_both
def test_what_trustkit_signs_docker_pulls_trusted(author, client, registry, pushed):
    """The tag moves in the registry afterwards: docker then pulls what was signed."""
    name, digest = pushed
    author.must("init", name)
    author.must("sign", f"{name}:v1")
    registry.push(images.build(files={"evil": b"evil"}), name.partition("/")[2], "v1")
    bob = client("bob", registry.host)
    assert bob.tags(name) == {"v1": (digest.removeprefix("sha256:"), ("Repo Admin",))}
    assert digest in bob.must("pull", f"{name}:v1", trusting=True)


@with_both
def test_docker_pulls_no_tag_that_is_not_signed(author, client, registry, pushed):
    author.must("init", pushed[0])
    done = client("bob", registry.host).run("pull", f"{pushed[0]}:v1", trusting=True)
    assert done.status != 0
    assert "No valid trust data for v1" in done.said or "No trust data for v1" in done.said


def test_docker_pulls_no_tag_that_trustkit_revoked(author, client, registry, pushed):
    author.must("init", pushed[0])
    author.must("sign", f"{pushed[0]}:v1")
    bob = client("bob", registry.host)
    bob.must("pull", f"{pushed[0]}:v1", trusting=True)
    author.must("revoke", f"{pushed[0]}:v1")
    assert bob.run("pull", f"{pushed[0]}:v1", trusting=True).status != 0


@pytest.mark.parametrize(("user", "password"), [("bob", PASSWORD), ("alice", "looking glass"), ("", "")],
                         ids=["right", "password", "nobody"])  # fmt: skip
def test_who_may_not_publish_does_not_through_docker(client, registry, pushed, user, password):
    name, digest = pushed
    docker = client(user, registry.host, password)
    docker.must("pull", f"{name}@{digest}")
    docker.must("tag", f"{name}@{digest}", f"{name}:v2")
    assert docker.run("trust", "sign", f"{name}:v2").status != 0


def test_who_may_not_publish_does_not_through_trustkit(author, server, pushed):
    auth = base64.b64encode(f"bob:{PASSWORD}".encode()).decode()
    config = author.trustkit.user_home / ".docker" / "config.json"
    config.write_text(json.dumps({"auths": {server.host: {"auth": auth}}}))
    done = author.run("init", pushed[0])
    assert (done.status, "refuses access" in done.said) == (3, True)


def test_docker_and_trustkit_publish_with_a_token_of_a_token_service(trustkit_home, tls, repository, tmp_path):
    gun = f"127.0.0.1:5000/{repository}"
    auth = {"auth": base64.b64encode(LOGIN.encode()).decode()}
    with token_service(tmp_path) as service:
        (tmp_path / "key.pem").write_bytes(service.public_pem)
        rows = (f'realm = "{service.realm}"', f'service = "{SERVICE}"', f'issuer = "{ISSUER}"', 'key = "key.pem"')
        (tmp_path / "tokens.toml").write_text("\n".join(rows))
        (tmp_path / "state").mkdir(mode=0o700)
        with trust_server(Trustkit(tmp_path / "state"), "--tokens", tmp_path / "tokens.toml", tls=tls) as server:
            docker = DockerTrust(server, tmp_path / "docker", "docker28")
            (docker.home / ".docker" / "config.json").write_text(json.dumps({"auths": {"127.0.0.1:5000": auth}}))
            docker.must("trust", "signer", "add", "--key", str(docker.new_signer("alice")), "alice", gun)
            author = Author(trustkit_home, server, gun)
            author.trustkit.env["TRUSTKIT_TRUST_FOLDER"] = str(docker.folder)
            config = author.trustkit.user_home / ".docker" / "config.json"
            config.parent.mkdir()
            config.write_text(json.dumps({"auths": {server.host: auth}}))
            assert author.sign("v1", "1" * 64).status == 0
            assert docker.tags(gun) == {"v1": ("1" * 64, ("alice",))}
            service.grants.remove("push")
            assert author.sign("v2", "1" * 64).status == 3
            assert docker.run("trust", "revoke", "--yes", f"{gun}:v1").status != 0
