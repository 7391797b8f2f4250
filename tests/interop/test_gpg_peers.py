"""Real gpg, skopeo and podman against trustkit: what one signs, the other verifies, and what it must not."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.gpg import Containers, Gpg
from peers.images import Image, write_layout
from peers.logs import records
from peers.registry import Registry
from peers.tools import Ran
from peers.trustkit import Trustkit
from peers.workspace import short_folder


class World:
    """A registry with an image, a gpg key, the peers and us."""

    def __init__(self, registry: Registry, repository: str, image: Image, folder: Path, trustkit: Trustkit) -> None:
        self.gpg = Gpg(folder / "gpg")
        self.containers = Containers(folder / "containers", self.gpg)
        self.fingerprint = self.gpg.key("Release <release@example.com>")
        self.registry, self.repository, self.image = registry, repository, image
        self.digest = registry.push(image, repository, "v1")
        self.trustkit = trustkit
        trustkit.env["GNUPGHOME"] = str(self.gpg.home)
        trustkit.env["TRUSTKIT_REGISTRY_REGISTRIES_D"] = str(self.containers.registries_d)
        self.folder = folder

    def name(self, tag: str = "v1") -> str:
        return self.registry.reference(self.repository, tag)

    def skopeo_signs(self, tag: str = "v1") -> None:
        done = self.containers.skopeo(
            "--sign-by", self.fingerprint, "--src-tls-verify=false", "--dest-tls-verify=false",
            f"docker://{self.name()}", f"docker://{self.name(tag)}",
        )  # fmt: skip
        assert done.status == 0, done.said

    def we_sign(self, key: str = "", *more: str, tag: str = "v1") -> Ran:
        given = key or f"gpg:{self.fingerprint}"
        return self.trustkit.run("sign", "--format", "simple-signing", "--key", given, *more, self.name(tag))

    def we_verify(self, *more: str | Path, key: Path | None = None, tag: str = "v1") -> Ran:
        ring = key or self.gpg.public(self.fingerprint)
        return self.trustkit.run("verify", "--gpg-key", ring, *more, self.name(tag))

    def skopeo_verifies(self, key: Path | None = None, tag: str = "v1") -> Ran:
        policy = self.containers.policy(key or self.gpg.public(self.fingerprint))
        target = f"dir:{self.folder / 'copied'}"
        return self.containers.skopeo("--src-tls-verify=false", f"docker://{self.name(tag)}", target, policy=policy)

    def signatures(self, digest: str = "") -> list[Path]:
        folder = self.containers.lookaside / f"{self.repository}@{(digest or self.digest).replace(':', '=')}"
        return sorted(folder.glob("signature-*"))


@pytest.fixture
def world(registry: Registry, repository: str, image: Image, trustkit: Trustkit) -> Iterator[World]:
    with short_folder("gpg") as folder:
        made = World(registry, repository, image, folder, trustkit)
        try:
            yield made
        finally:
            made.gpg.stop()


def test_what_skopeo_signs_we_verify(world: World) -> None:
    world.skopeo_signs()
    done = world.we_verify()
    assert done.status == 0, done.said


def test_an_armoured_keyring_is_read_too(world: World) -> None:
    world.skopeo_signs()
    assert world.we_verify(key=world.gpg.public(world.fingerprint, armor=True)).status == 0


@pytest.mark.parametrize("kind", ["rsa3072", "rsa4096", "nistp256", "nistp384", "nistp521"])
def test_every_kind_of_key_that_gpg_signs_with_verifies(world: World, kind: str) -> None:
    world.fingerprint = world.gpg.key(f"Kind <{kind}@example.com>", kind)
    world.skopeo_signs()
    done = world.we_verify()
    assert done.status == 0, done.said


def test_what_we_sign_with_gpg_skopeo_accepts(world: World) -> None:
    made = world.we_sign()
    assert made.status == 0, made.said
    done = world.skopeo_verifies()
    assert done.status == 0, done.said


def test_what_we_sign_with_gpg_podman_pulls(world: World) -> None:
    world.we_sign()
    policy = world.containers.policy(world.gpg.public(world.fingerprint))
    done = world.containers.podman(world.name(), policy=policy)
    assert done.status == 0, done.said


def test_what_we_sign_with_a_key_file_skopeo_and_we_accept(world: World) -> None:
    made = world.we_sign(str(world.gpg.secret(world.fingerprint)))
    assert made.status == 0, made.said
    done = world.skopeo_verifies()
    assert done.status == 0, done.said
    assert world.we_verify().status == 0


def test_of_an_index_every_image_is_signed(world: World, multi_arch_image: Image) -> None:
    world.digest = world.registry.push(multi_arch_image, world.repository, "many")
    assert world.we_sign(tag="many").status == 0
    assert all(world.signatures(child.digest) for child in multi_arch_image.children)
    assert world.skopeo_verifies(tag="many").status == 0
    assert world.we_verify(tag="many").status == 0


def test_of_an_index_that_cannot_be_signed_whole_what_is_signed_is_on_record(
    world: World, multi_arch_image: Image
) -> None:
    world.digest = world.registry.push(multi_arch_image, world.repository, "many")
    last = multi_arch_image.children[-1].digest
    (world.containers.lookaside / world.repository).parent.mkdir(parents=True, exist_ok=True)
    (world.containers.lookaside / f"{world.repository}@{last.replace(':', '=')}").touch()
    assert world.we_sign(tag="many").status == 4
    (record,) = records(world.trustkit, "image.signed")
    assert (record["outcome"], record["subject"]) == ("unknown", world.digest)
    assert str(record["body"]).count("sha256:") == len(("the image", *multi_arch_image.children))


def test_unsigned_we_refuse_as_skopeo_does(world: World) -> None:
    assert world.skopeo_verifies().status != 0
    assert world.we_verify().status == 1


def test_another_key_we_refuse_as_skopeo_does(world: World) -> None:
    world.skopeo_signs()
    other = world.gpg.public(world.gpg.key("Other <other@example.com>"))
    assert world.skopeo_verifies(other).status != 0
    done = world.we_verify(key=other)
    assert done.status == 1
    assert "not trusted" in done.stdout


def test_podman_refuses_what_we_refuse(world: World) -> None:
    policy = world.containers.policy(world.gpg.public(world.fingerprint))
    assert world.containers.podman(world.name(), policy=policy).status != 0
    assert world.we_verify().status == 1


def test_another_tag_we_refuse_as_skopeo_does(world: World) -> None:
    world.skopeo_signs()
    world.registry.push(world.image, world.repository, "other")
    assert world.skopeo_verifies(tag="other").status != 0
    done = world.we_verify(tag="other")
    assert done.status == 1
    assert "matchRepoDigestOrExact does not accept" in done.stdout


def test_match_repository_lets_another_tag_pass(world: World) -> None:
    world.skopeo_signs()
    world.registry.push(world.image, world.repository, "other")
    assert world.we_verify("--signed-identity", "matchRepository", tag="other").status == 0


def test_by_digest_the_tag_does_not_matter(world: World) -> None:
    world.skopeo_signs()
    assert world.we_verify(tag=world.digest).status == 0


def test_a_tampered_signature_we_refuse_as_skopeo_does(world: World) -> None:
    world.we_sign()
    (file,) = world.signatures()
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    assert world.skopeo_verifies().status != 0
    assert world.we_verify().status == 1


def test_a_revoked_key_we_refuse_as_skopeo_does(world: World) -> None:
    world.we_sign()
    world.gpg.revoke(world.fingerprint)
    assert world.skopeo_verifies().status != 0
    done = world.we_verify()
    assert done.status == 1
    assert "revoked" in done.stdout


def test_an_expired_key_we_refuse_as_skopeo_does(world: World) -> None:
    world.fingerprint = world.gpg.key("Old <old@example.com>", expires="2020-02-01", fake_time="20200101T000000")
    payload = _payload(world)
    _store(world, world.gpg.signed(payload, world.fingerprint, fake_time="20200102T000000"))
    assert world.skopeo_verifies().status != 0
    done = world.we_verify()
    assert done.status == 1
    assert "expired" in done.stdout


def test_sha1_is_refused_although_skopeo_takes_it(world: World) -> None:
    _store(world, world.gpg.signed(_payload(world), world.fingerprint, "--digest-algo", "SHA1"))
    assert world.skopeo_verifies().status == 0
    done = world.we_verify()
    assert done.status == 1
    assert "SHA-1" in done.stdout


def test_a_bad_signature_before_a_good_one_hides_nothing(world: World) -> None:
    _store(world, b"not OpenPGP at all")
    assert world.we_sign().status == 0
    assert [file.name for file in world.signatures()] == ["signature-1", "signature-2"]
    assert world.we_verify().status == 0


def test_a_policy_may_name_the_keyring(world: World, tmp_path: Path) -> None:
    world.skopeo_signs()
    ring = world.gpg.public(world.fingerprint)
    for wanted, status in (("matchExact", 0), ("exactRepository=registry.example/else", 1)):
        policy = tmp_path / "policy.yaml"
        policy.write_text(
            f"""apiVersion: trustkit.dev/v1
kind: Policy
metadata: {{name: gpg}}
spec:
  match: {{images: ["**"]}}
  trust:
    roots: {{openpgp: {{team: {ring}}}}}
    openpgp: {{release: {{root: team, signedIdentity: "{wanted}"}}}}
  verify: {{signatures: {{gpg: release}}}}
""",
            encoding="utf-8",
        )
        done = world.trustkit.run("verify", "--policy", policy, world.name())
        assert done.status == status, done.said


@pytest.mark.parametrize(
    "words",
    [
        ("--format", "simple-signing", "--identity-token", "token"),
        ("--format", "simple-signing", "--key", "no-such-file"),
        ("--format", "simple-signing", "--key", "gpg:nobody@example.com"),
        ("--format", "simple-signing", "--key", "gpg:--version"),
        ("--format", "simple-signing", "--key", "gpg:{key}", "-a", "a=b"),
        ("--format", "simple-signing", "--key", "gpg:{key}", "--sign-identity", "oci:x"),
        ("--key", "release", "--sign-identity", "registry.example/web:v1"),
    ],
)
def test_a_mistake_in_signing_is_said_before_anything_is_stored(world: World, words: tuple[str, ...]) -> None:
    given = [word.format(key=world.fingerprint) for word in words]
    done = world.trustkit.run("sign", *given, world.name())
    assert done.status in (2, 4), done.said
    assert "next:" in done.stderr
    assert world.signatures() == []


def test_a_daemon_pulls_what_gpg_signed_and_nothing_else(world: World, tmp_path: Path) -> None:
    ring = world.gpg.public(world.fingerprint)
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        f"""apiVersion: trustkit.dev/v1
kind: Policy
metadata: {{name: gpg}}
spec:
  match: {{images: ["**"]}}
  trust:
    roots: {{openpgp: {{team: {ring}}}}}
    openpgp: {{release: {{root: team}}}}
  verify: {{signatures: {{gpg: release}}}}
""",
        encoding="utf-8",
    )
    world.trustkit.env["TRUSTKIT_TRUST_POLICY"] = str(policy)
    refused = world.trustkit.run("pull", world.name())
    assert refused.status == 1, refused.said
    assert world.we_sign().status == 0
    done = world.trustkit.run("pull", world.name())
    assert done.status == 0, done.said


def test_an_encrypted_key_file_needs_its_passphrase(world: World) -> None:
    file = world.gpg.home / "locked.secret"
    world.gpg.must("--quick-generate-key", "--passphrase", "wonderland", "Locked <locked@example.com>", "ed25519")
    world.gpg.must("--passphrase", "wonderland", "--output", file, "--export-secret-keys", "locked@example.com")
    file.chmod(0o600)
    words = ("sign", "--format", "simple-signing", "--key", file, world.name())
    assert world.trustkit.run(*words, env={"TRUSTKIT_PASSWORD": "wrong"}).status == 2
    assert world.trustkit.run(*words).status == 2
    assert world.trustkit.run(*words, env={"TRUSTKIT_PASSWORD": "wonderland"}).status == 0
    assert len(world.signatures()) == 1


def test_a_key_file_that_others_may_read_is_refused(world: World) -> None:
    file = world.gpg.secret(world.fingerprint)
    file.chmod(0o644)
    assert world.we_sign(str(file)).status == 2


def test_without_a_lookaside_signing_says_what_is_missing(world: World) -> None:
    (world.containers.registries_d / "default.yaml").write_text("docker: {}\n", encoding="utf-8")
    done = world.we_sign()
    assert done.status == 2
    assert "no place for simple signatures" in done.stderr


def test_a_signed_layout_carries_the_signature_and_verifies(world: World, tmp_path: Path) -> None:
    write_layout(world.image, tmp_path / "layout", "v1")
    place = f"oci:{tmp_path / 'layout'}:v1"
    words = ("sign", "--format", "simple-signing", "--key", f"gpg:{world.fingerprint}")
    assert world.trustkit.run(*words, place).status == 2
    assert world.trustkit.run(*words, "--sign-identity", world.name(), place).status == 0
    ring = world.gpg.public(world.fingerprint)
    trusted = ("verify", "--gpg-key", ring, "--signed-identity")
    assert world.trustkit.run(*trusted, f"exactReference={world.name()}", place).status == 0
    assert world.trustkit.run(*trusted, f"exactReference={world.name('v2')}", place).status == 1


def _payload(world: World) -> bytes:
    document = {
        "critical": {
            "identity": {"docker-reference": world.name()},
            "image": {"docker-manifest-digest": world.digest},
            "type": "atomic container signature",
        },
        "optional": {},
    }
    return json.dumps(document).encode()


def _store(world: World, content: bytes) -> None:
    folder = world.containers.lookaside / f"{world.repository}@{world.digest.replace(':', '=')}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"signature-{len(list(folder.iterdir())) + 1}").write_bytes(content)
