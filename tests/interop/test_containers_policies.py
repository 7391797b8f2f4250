"""One policy.json, given to the real skopeo 1.18 and to `trustkit verify --containers-policy`: the same verdicts."""

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from peers import images
from peers.gpg import Containers, Gpg
from peers.registry import Registry, docker_registry
from peers.tools import Cosign, Ran, run
from peers.trixie import trixie
from peers.trustkit import Trustkit
from peers.workspace import short_folder

IMAGES = ("cosign", "gpg", "both", "none")
REPOSITORY = {"type": "matchRepository"}


class World:
    """Images signed in different ways, the keys, and skopeo 1.18, which has the library of podman and CRI-O."""

    def __init__(self, registry: Registry, folder: Path) -> None:
        self.folder, self.registry = folder, registry
        self.gpg = Gpg(folder / "gpg")
        self.containers = Containers(folder / "containers", self.gpg)
        settings = self.containers.registries_d / "default.yaml"
        settings.write_text(settings.read_text() + "  use-sigstore-attachments: true\n")
        self.fingerprint = self.gpg.key("Release <release@example.com>")
        self.ring = self.gpg.public(self.fingerprint)
        cosign = Cosign("cosign2", folder / "cosign")
        self.private, self.key = cosign.generate_key("one")
        _, self.other = cosign.generate_key("two")
        image = images.build()
        for name in IMAGES:
            registry.push(image, f"shop/{name}", "v1")
            if name in ("cosign", "both"):
                cosign.must("sign", "--key", self.private, "--tlog-upload=false", "--yes", self.reference(name))
            if name in ("gpg", "both"):
                self._gpg_signs(name)
        self.file = folder / "policy.json"

    def reference(self, name: str) -> str:
        return self.registry.reference(f"shop/{name}", "v1")

    def _gpg_signs(self, name: str) -> None:
        place = f"docker://{self.reference(name)}"
        plain = ("--src-tls-verify=false", "--dest-tls-verify=false")
        done = self.containers.skopeo("--sign-by", self.fingerprint, *plain, place, place)
        assert done.status == 0, done.said

    def write(self, requirements: object, scopes: Mapping[str, object] | None = None) -> None:
        """Require this of every image, and more in scopes; `HOST` stands for the registry."""
        text = json.dumps({"default": requirements, "transports": {"docker": dict(scopes or {})}})
        self.file.write_text(text.replace("HOST", self.registry.host))

    def skopeo(self, name: str) -> Ran:
        given = ("--policy", self.file, "--registries.d", self.containers.registries_d)
        place = (f"docker://{self.reference(name)}", f"dir:{self.folder / 'copied'}")
        return run([*trixie("skopeo118"), *given, "copy", "--src-tls-verify=false", *place], env=self.gpg.env)

    def policies(self) -> dict[str, tuple[object, Mapping[str, object]]]:
        def signed(**more: object) -> dict[str, object]:
            return {"type": "sigstoreSigned", "keyPath": str(self.key), "signedIdentity": REPOSITORY, **more}

        by_gpg = {"type": "signedBy", "keyType": "GPGKeys", "keyPath": str(self.ring)}
        data = base64.b64encode(self.key.read_bytes()).decode()
        accept, reject = [{"type": "insecureAcceptAnything"}], [{"type": "reject"}]
        exact = {"type": "exactRepository", "dockerRepository": "HOST/shop/both"}
        return {
            "accept": (accept, {}),
            "reject": (reject, {}),
            "key": ([signed()], {}),
            "key inline": ([{"type": "sigstoreSigned", "keyData": data, "signedIdentity": REPOSITORY}], {}),
            "key with the default identity": ([{"type": "sigstoreSigned", "keyPath": str(self.key)}], {}),
            "key of somebody else": ([signed(keyPath=str(self.other))], {}),
            "one of two keys": (
                [
                    {
                        "type": "sigstoreSigned",
                        "keyPaths": [str(self.other), str(self.key)],
                        "signedIdentity": REPOSITORY,
                    }
                ],
                {},
            ),
            "two keys": ([signed(), signed(keyPath=str(self.other))], {}),
            "key for one repository": ([signed(signedIdentity=exact)], {}),
            "keyring": ([by_gpg], {}),
            "keyring and key": ([by_gpg, signed()], {}),
            "key and anything": ([signed(), accept[0]], {}),
            "scope of a host": (reject, {"HOST": [signed()]}),
            "scope of a folder before that of the host": (reject, {"HOST": accept, "HOST/shop": [signed()]}),
            "scope of a repository before that of a folder": (reject, {"HOST/shop": accept, "HOST/shop/gpg": reject}),
            "scope of a tag": (reject, {"HOST/shop/none:v1": accept, "HOST/shop/gpg:v2": accept}),
            "scope of everything": (reject, {"": accept}),
        }


NAMES = (
    "accept", "reject", "key", "key inline", "key with the default identity", "key of somebody else",
    "one of two keys", "two keys", "key for one repository", "keyring", "keyring and key", "key and anything",
    "scope of a host",
    "scope of a folder before that of the host", "scope of a repository before that of a folder", "scope of a tag",
    "scope of everything",
)  # fmt: skip


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with docker_registry() as registry, short_folder("cp") as folder:
        made = World(registry, folder)
        try:
            yield made
        finally:
            made.gpg.stop()


@pytest.fixture
def ours(trustkit: Trustkit, world: World) -> Trustkit:
    trustkit.env["TRUSTKIT_REGISTRY_REGISTRIES_D"] = str(world.containers.registries_d)
    return trustkit


@pytest.mark.parametrize("name", NAMES)
def test_the_real_skopeo_and_trustkit_say_the_same(ours: Trustkit, world: World, name: str) -> None:
    world.write(*world.policies()[name])
    theirs = {image: world.skopeo(image).status == 0 for image in IMAGES}
    found = ours.json("verify", "--containers-policy", world.file, *map(world.reference, IMAGES))
    assert isinstance(found, list)
    assert {image: one["verdict"] == "allow" for image, one in zip(IMAGES, found, strict=True)} == theirs


def test_every_policy_is_tried(world: World) -> None:
    assert tuple(world.policies()) == NAMES


def test_what_is_accepted_unverified_is_said_to_be(ours: Trustkit, world: World) -> None:
    world.write([{"type": "insecureAcceptAnything"}])
    done = ours.run("verify", "--containers-policy", world.file, world.reference("none"))
    assert done.status == 0
    assert "anything is accepted, no signature was looked at" in done.stdout


@pytest.mark.parametrize(
    "requirement",
    [
        {"type": "signedby"},
        {"type": "sigstoreSigned"},
        {"type": "sigstoreSigned", "keyPath": "KEY", "keyData": "AA=="},
        {"type": "sigstoreSigned", "keyPath": "KEY", "unknown": 1},
        {"type": "sigstoreSigned", "keyPath": "KEY", "signedIdentity": {"type": "matchAny"}},
        {"type": "sigstoreSigned", "keyPath": "KEY", "signedIdentity": {"type": "exactRepository"}},
        {"type": "sigstoreSigned", "keyPath": "none.pub"},
        {"type": "signedBy", "keyType": "other", "keyPath": "KEY"},
        {"type": "signedBy", "keyType": "GPGKeys"},
        {"type": "reject", "keyPath": "KEY"},
    ],
    ids=str,
)
def test_what_skopeo_does_not_load_nobody_verifies_with(
    ours: Trustkit, world: World, requirement: dict[str, object]
) -> None:
    world.write([{name: str(world.key) if value == "KEY" else value for name, value in requirement.items()}])
    assert world.skopeo("both").status != 0
    done = ours.run("verify", "--containers-policy", world.file, world.reference("both"))
    assert done.status == 2, done.said


@pytest.mark.parametrize(
    "requirement",
    [
        {"type": "sigstoreSigned", "keyPath": "KEY", "fulcio": {"caPath": "KEY"}},
        {"type": "sigstoreSigned", "fulcio": {"caPath": "KEY", "oidcIssuer": "i", "subjectEmail": "e"}},
        {"type": "sigstoreSigned", "pki": {"caRootsPath": "KEY"}},
        {"type": "sigstoreSigned", "rekorPublicKeyPath": "KEY"},
        {"type": "sigstoreSigned", "keyPaths": []},
    ],
    ids=str,
)
def test_requirements_that_lack_a_part_are_refused(
    ours: Trustkit, world: World, requirement: dict[str, object]
) -> None:
    world.write([requirement])
    assert ours.run("verify", "--containers-policy", world.file, world.reference("both")).status == 2


def test_a_policy_goes_with_no_other_trust(ours: Trustkit, world: World) -> None:
    world.write([{"type": "reject"}])
    for more in (("--key", str(world.key)), ("--trust-policy", str(world.file)), ("--trust-store", str(world.folder))):
        assert ours.run("verify", "--containers-policy", world.file, *more, world.reference("both")).status == 2


def test_a_key_that_its_owner_revoked_counts_for_no_policy(ours: Trustkit, world: World) -> None:
    world.write([{"type": "sigstoreSigned", "keyPath": str(world.key), "signedIdentity": REPOSITORY}])
    ours.env.update(COSIGN_PASSWORD="wonderland")
    ours.must("key", "import", "release", world.private)
    assert ours.run("verify", "--containers-policy", world.file, world.reference("cosign")).status == 0
    ours.must("key", "revoke", "release", "--reason", "lost")
    done = ours.run("verify", "--containers-policy", world.file, world.reference("cosign"))
    assert done.status == 1
    assert "verification.key_revoked" in done.stdout
