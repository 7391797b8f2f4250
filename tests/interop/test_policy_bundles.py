"""Policy bundles in real registries, signed by us and by the real cosign, and daemons that follow them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers import fake_sigstore
from peers.fake_sigstore import FakeSigstore
from peers.images import Image
from peers.processes import wait_until
from peers.registry import Registry, Tls
from peers.reviews import container, pod_spec, review, workload
from peers.signed import Signed
from peers.tools import Cosign
from peers.trustkit import Trustkit
from peers.webhook import webhook

POLICY = """
apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: prod, revision: REVISION}
spec:
  trust: {keys: {release: {pem: keys/release.pub}}}
  verify: {signatures: {key: release}}
"""
STRICTER = POLICY + "  require: {image: {registries: [nowhere.example]}}\n"


class Publisher:
    """Who writes policies: a state directory of their own, and the folder they keep policies in."""

    def __init__(self, trustkit: Trustkit, reference: str, release: Path) -> None:
        self.trustkit, self.reference = trustkit, f"oci://{reference}"
        trustkit.env["TRUSTKIT_PASSWORD"] = "x"
        trustkit.must("key", "generate", "publisher")
        self.file = trustkit.home / "policies" / "prod.yaml"
        (self.file.parent / "keys").mkdir(parents=True)
        (self.file.parent / "keys" / "release.pub").write_bytes(release.read_bytes())
        self.public = trustkit.home / "keys" / "publisher.pub"

    def push(self, revision: int, text: str = POLICY, key: str = "publisher") -> str:
        self.file.write_text(text.replace("REVISION", str(revision)))
        found = self.trustkit.json("policy", "push", self.file, self.reference, "--key", key)
        assert isinstance(found, dict)
        return str(found["digest"])


@pytest.fixture
def publisher(trustkit: Trustkit, registry: Registry, repository: str, signed: Signed, tmp_path: Path) -> Publisher:
    home = tmp_path / "publisher"
    home.mkdir(mode=0o700)
    reference = registry.reference(f"{repository}/policies", "prod")
    made = Publisher(Trustkit(home), reference, signed.key_ring / "release.pub")
    follow(trustkit, made)
    return made


@pytest.fixture
def signed(trustkit: Trustkit, registry: Registry, repository: str) -> Signed:
    return Signed(trustkit, registry, repository)


def follow(trustkit: Trustkit, publisher: Publisher, *keys: Path) -> None:
    """Write a configuration that follows the bundle, signed by these keys."""
    (trustkit.home / "pinned.pub").write_bytes(publisher.public.read_bytes())
    pinned = ", ".join(f'"{key}"' for key in keys or ("./pinned.pub",))
    (trustkit.home / "config.toml").write_text(
        f'[trust]\npolicy = "{publisher.reference}"\npolicy_keys = [{pinned}]\npolicy_refresh = 0.5\n'
    )


def in_force(trustkit: Trustkit) -> int:
    found = trustkit.json("policy", "status")
    assert isinstance(found, dict)
    return int(found["revision"])


def test_a_pushed_policy_decides_where_it_is_pulled(
    trustkit: Trustkit, publisher: Publisher, signed: Signed, image: Image
) -> None:
    name = signed.push(image)
    publisher.push(1)
    assert trustkit.run("verify", name).status == 0
    shown = trustkit.must("policy", "show").stdout
    assert "prod" in shown
    publisher.push(2, STRICTER)
    assert trustkit.run("verify", name).status == 0
    assert "took a new bundle" in trustkit.must("policy", "pull").stdout
    refused = trustkit.run("verify", name)
    assert (refused.status, "prod/require.image.registries" in refused.stdout) == (1, True), refused.said
    events = trustkit.json("audit", "log", "--kind", "policy")
    assert isinstance(events, list)
    assert events[-1]["body"]["file"] == publisher.reference


def test_a_registry_that_is_down_leaves_the_policy_in_force_and_is_told(
    trustkit: Trustkit, start_registry: object, tmp_path: Path, signed: Signed, image: Image
) -> None:
    name = signed.push(image)
    home = tmp_path / "publisher"
    home.mkdir(mode=0o700)
    passing = start_registry()  # type: ignore[operator]
    publisher = Publisher(Trustkit(home), passing.reference("policies", "prod"), signed.key_ring / "release.pub")
    follow(trustkit, publisher)
    publisher.push(1)
    trustkit.must("policy", "pull")
    passing.process.stop()
    done = trustkit.run("policy", "pull")
    assert (done.status, passing.host in done.stderr) == (3, True), done.said
    assert trustkit.run("verify", name).status == 0
    assert "problem" in trustkit.must("policy", "status").stdout
    assert "prod, and the registry confirmed it" in trustkit.run("doctor").stdout


def test_a_bundle_that_nobody_is_pinned_for_is_a_wrong_configuration(trustkit: Trustkit, publisher: Publisher) -> None:
    publisher.push(1)
    (trustkit.home / "config.toml").write_text(f'[trust]\npolicy = "{publisher.reference}"\n')
    done = trustkit.run("policy", "pull")
    assert (done.status, "nothing says who has to sign it" in done.stderr) == (2, True), done.said


def test_a_policy_that_was_never_here_decides_nothing(trustkit: Trustkit, publisher: Publisher, signed: Signed) -> None:
    done = trustkit.run("verify", "127.0.0.1:1/x/y:z")
    assert (done.status, done.stdout) == (3, ""), done.said


def test_an_older_revision_is_neither_pushed_nor_taken(trustkit: Trustkit, publisher: Publisher) -> None:
    publisher.push(2)
    trustkit.must("policy", "pull")
    publisher.file.write_text(POLICY.replace("REVISION", "1"))
    again = ("policy", "push", publisher.file, publisher.reference, "--key", "publisher")
    done = publisher.trustkit.run(*again)
    assert (done.status, "raise metadata.revision" in done.stderr) == (1, True), done.said
    # somebody with a hand on the registry puts the older one back all the same
    other = publisher.reference.replace(":prod", ":old")
    older = publisher.trustkit.json("policy", "push", publisher.file, other, "--key", "publisher")
    assert isinstance(older, dict)
    registry_tag(publisher.reference, older["digest"])
    done = trustkit.run("policy", "pull")
    assert (done.status, "offers revision 1" in done.stderr) == (1, True), done.said
    assert in_force(trustkit) == 2


def refusals(trustkit: Trustkit) -> list[dict[str, object]]:
    """Return what the log says of refused policies."""
    found = trustkit.json("audit", "log", "--kind", "policy.refused")
    assert isinstance(found, list)
    return [one["body"] for one in found]


def test_a_bundle_that_pull_refuses_is_on_record(trustkit: Trustkit, publisher: Publisher) -> None:
    digest = publisher.push(1)
    trustkit.must("policy", "pull")
    publisher.trustkit.must("key", "generate", "stranger")
    publisher.push(2, key="stranger")
    assert trustkit.run("policy", "pull").status == 1
    (told,) = refusals(trustkit)
    assert told["in_force"] == {"name": publisher.reference, "digest": digest}
    assert "signature" in str(told["message"])
    assert told["actor"] != "daemon"
    assert in_force(trustkit) == 1


@pytest.mark.parametrize("words", [("policy", "pull"), ("verify", "127.0.0.1:1/x/y:z")], ids=["pull", "verify"])
def test_a_first_bundle_that_is_refused_is_on_record(
    trustkit: Trustkit, publisher: Publisher, words: tuple[str, ...]
) -> None:
    publisher.trustkit.must("key", "generate", "stranger")
    publisher.push(1, key="stranger")
    assert trustkit.run(*words).status == 1
    (told,) = refusals(trustkit)
    assert (told["file"], told["in_force"]) == (publisher.reference, {"name": "", "digest": ""})


def test_no_bundle_is_taken_beside_a_damaged_log(trustkit: Trustkit, publisher: Publisher) -> None:
    publisher.push(1)
    (trustkit.home / "audit").mkdir()
    (trustkit.home / "audit/log.db").write_bytes(b"noise" * 4096)
    for words in (("policy", "pull"), ("policy", "show")):
        done = trustkit.run(*words)
        assert (done.status, "the database is damaged" in done.stderr) == (1, True), done.said
    assert "is here yet" in trustkit.run("policy", "status").stderr


def test_doctor_fetches_no_bundle(trustkit: Trustkit, publisher: Publisher) -> None:
    publisher.push(1)
    assert f"nothing of {publisher.reference} is here yet" in trustkit.run("doctor").stdout
    assert not (trustkit.home / "policy-bundle").exists()


def registry_tag(reference: str, digest: str) -> None:
    """Let a tag of a registry name another manifest."""
    import urllib.request

    name, _, tag = reference.removeprefix("oci://").rpartition(":")
    host, _, repository = name.partition("/")
    kind = "application/vnd.oci.image.manifest.v1+json"
    base = f"http://{host}/v2/{repository}/manifests"
    with urllib.request.urlopen(urllib.request.Request(f"{base}/{digest}", headers={"Accept": kind})) as found:
        content = found.read()
    put = urllib.request.Request(f"{base}/{tag}", content, {"Content-Type": kind}, method="PUT")
    with urllib.request.urlopen(put) as done:
        assert done.status == 201


def test_the_real_cosign_verifies_what_we_pushed(publisher: Publisher, cosign3: Cosign) -> None:
    pinned = f"{publisher.reference.removeprefix('oci://').rpartition(':')[0]}@{publisher.push(1)}"
    cosign3.must("verify", "--key", publisher.public, "--insecure-ignore-tlog", "--private-infrastructure", pinned)


@pytest.mark.parametrize("version", ["cosign2", "cosign3"])
def test_a_bundle_that_the_real_cosign_signed_is_taken(
    trustkit: Trustkit, publisher: Publisher, tmp_path: Path, version: str
) -> None:
    cosign = Cosign(version, tmp_path / "other-cosign")
    private, public = cosign.generate_key()
    pinned = f"{publisher.reference.removeprefix('oci://').rpartition(':')[0]}@{publisher.push(1)}"
    follow(trustkit, publisher, public)
    assert trustkit.run("policy", "pull").status == 1
    words = ("--tlog-upload=false",) if version == "cosign2" else ("--use-signing-config=false", "--tlog-upload=false")
    cosign.must("sign", "--key", private, *words, "--yes", pinned)
    assert trustkit.run("policy", "pull").status == 0
    assert in_force(trustkit) == 1


@pytest.fixture(scope="module")
def services() -> Iterator[FakeSigstore]:
    with fake_sigstore.serve() as fake:
        yield fake


def test_whom_a_certificate_names_may_sign_a_bundle_and_nobody_else(
    trustkit: Trustkit, publisher: Publisher, services: FakeSigstore
) -> None:
    idp, root = "https://idp.example", trustkit.home / "root.json"
    root.write_text(json.dumps(services.trusted_root()))
    (trustkit.home / "config.toml").write_text(
        f'[trust]\npolicy = "{publisher.reference}"\npolicy_identity = "sec@acme.example"\n'
        f'policy_issuer = "{idp}"\nsigstore_root = "root.json"\n'
    )

    def push(revision: int, who: str) -> None:
        publisher.file.write_text(POLICY.replace("REVISION", str(revision)))
        urls = ("--fulcio-url", services.url, "--rekor-url", services.url)
        stamp = ("--timestamp-url", f"{services.url}/api/v1/timestamp", "--trusted-root", root)
        token = fake_sigstore.identity_token(who, idp)
        words = ("--identity-token", token, *urls, *stamp)
        publisher.trustkit.must("policy", "push", publisher.file, publisher.reference, *words)

    push(1, "sec@acme.example")
    trustkit.must("policy", "pull")
    push(2, "dev@acme.example")
    done = trustkit.run("policy", "pull")
    assert (done.status, in_force(trustkit)) == (1, 1), done.said


def test_the_webhook_follows_the_registry(
    trustkit: Trustkit, publisher: Publisher, signed: Signed, tls: Tls, tmp_path: Path, image: Image
) -> None:
    signed.push(image)
    pinned = signed.registry.reference(signed.repository, signed.registry.push(image, signed.repository, "latest"))
    publisher.push(1)
    pod = review(workload("Pod", pod_spec(container(pinned))))
    with webhook(trustkit, tls, tmp_path) as server:
        assert server.answer("/validate", pod)["allowed"]
        publisher.push(2, STRICTER)
        server.process.wait_until(lambda: not server.answer("/validate", pod)["allowed"])
        text = json.dumps(server.answer("/validate", pod))
        assert "prod/require.image.registries" in text


def test_the_daemon_follows_the_registry_and_refuses_what_is_not_signed(
    trustkit: Trustkit, publisher: Publisher, signed: Signed, image: Image
) -> None:
    name = signed.push(image)
    publisher.push(1)
    run = ("run", "--rm", "--network", "none", name, "true")
    assert trustkit.run(*run).status == 0
    publisher.trustkit.must("key", "generate", "stranger")
    publisher.push(2, STRICTER, "stranger")
    wait_until(lambda: "requires a signature" in trustkit.run("policy", "status").stdout, "the refusal")
    assert trustkit.run(*run).status == 0
    publisher.push(3, STRICTER)
    wait_until(lambda: in_force(trustkit) == 3, "revision 3")
    done = trustkit.run(*run)
    assert (done.status, "prod/require.image.registries" in done.stderr) == (1, True), done.said
