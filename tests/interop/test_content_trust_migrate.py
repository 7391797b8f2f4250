"""`trustkit trust migrate`: what the real notary signed on our server verifies with the real cosign and notation."""

import hashlib
import json
import lzma
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from peers import images
from peers.images import Image
from peers.notation import Notation
from peers.registry import Registry, Tls
from peers.tools import Cosign, Ran
from peers.trust import Notary, TrustServer, trust_server
from peers.trustkit import Trustkit
from peers.web import serving
from peers.workspace import short_folder

VECTORS = Path(__file__).resolve().parents[1] / "conformance" / "vectors" / "tuf.tar.xz"
TYPE = "https://trustkit.dev/attestation/content-trust-migration/v1"
PASSPHRASE = {"TRUSTKIT_PASSWORD": "secret"}
Migrate = Callable[..., Ran]


@pytest.fixture(scope="module")
def server(tls: Tls) -> Iterator[TrustServer]:
    with short_folder("trust") as folder:
        (folder / "state").mkdir(mode=0o700)
        with trust_server(Trustkit(folder / "state"), tls=tls) as running:
            yield running


@pytest.fixture
def notary(server: TrustServer, tmp_path: Path) -> Notary:
    return Notary(server, tmp_path / "alice")


@pytest.fixture
def signed(notary: Notary, registry: Registry, repository: str, image: Image) -> str:
    """A repository whose tag v1 notary signed: its name."""
    name = registry.reference(repository, "").rstrip(":")
    registry.push(image, repository, "v1")
    notary.must("init", "-p", name)
    add(notary, name, "v1", image)
    return name


def add(notary: Notary, gun: str, tag: str, image: Image, *, length: int | None = None) -> None:
    notary.must(
        "addhash", "-p", gun, tag, str(length or len(image.manifest)), "--sha256", image.digest[len("sha256:") :]
    )


@pytest.fixture
def migrate(trustkit: Trustkit, server: TrustServer) -> Migrate:
    """Migrate with a key of the key ring, believing at first sight."""
    assert server.tls
    (trustkit.home / "config.toml").write_text(
        f'[trust]\nserver = "{server.url}"\n[registry]\nca_file = "{server.tls.ca_file}"\n'
    )
    trustkit.env.update(PASSPHRASE)
    trustkit.must("key", "generate", "new")
    return lambda *words: trustkit.run("trust", "migrate", "--first-use", "--key", "new", *words)


def public(trustkit: Trustkit) -> Path:
    return trustkit.home / "keys" / "new.pub"


def judged(cosign: Cosign, command: str, key: Path, reference: str, *words: str) -> Ran:
    return cosign.run(command, "--key", key, "--insecure-ignore-tlog=true", *words, reference)


def evidence(registry: Registry, name: str) -> list[str]:
    """Return the tags that lie beside the images: what was signed in this registry is named so."""
    folder = registry.storage / "docker/registry/v2/repositories" / name.partition("/")[2] / "_manifests"
    return sorted(one.name for one in (folder / "tags").iterdir() if one.name.startswith("sha256-")) + sorted(
        one.name for one in (folder / "revisions" / "sha256").iterdir()
    )


@pytest.mark.parametrize(("layout", "peer"), [("bundle", "cosign3"), ("legacy", "cosign2")])
def test_cosign_verifies_the_image_and_the_link(
    trustkit: Trustkit, migrate: Migrate, signed: str, layout: str, peer: str, tmp_path: Path
) -> None:
    done = migrate("--layout", layout, signed)
    assert done.status == 0, done.said
    cosign = Cosign(peer, tmp_path / peer)
    verified = judged(cosign, "verify", public(trustkit), f"{signed}:v1")
    assert verified.status == 0, verified.said
    attested = judged(cosign, "verify-attestation", public(trustkit), f"{signed}:v1", "--type", TYPE)
    assert attested.status == 0, attested.said


def test_notation_verifies_the_image_and_cosign_the_link(
    trustkit: Trustkit, migrate: Migrate, signed: str, tmp_path: Path, cosign3: Cosign
) -> None:
    notation = Notation(tmp_path)
    notation.trust()
    trustkit.must("key", "import", "theirs", notation.key, "--insecure-allow-plain")
    done = migrate("--key", "theirs", "--format", "notation", "--certificate-chain", str(notation.chain), signed)
    assert done.status == 0, done.said
    verified = notation.verify(f"{signed}:v1")
    assert verified.status == 0, verified.said
    key = trustkit.home / "keys" / "theirs.pub"
    assert judged(cosign3, "verify-attestation", key, f"{signed}:v1", "--type", TYPE).status == 0
    again = migrate("--key", "theirs", "--format", "notation", "--certificate-chain", str(notation.chain), signed)
    assert "signed before" in again.stdout


def test_the_link_names_the_tag_the_old_root_and_the_old_keys(
    trustkit: Trustkit, migrate: Migrate, signed: str
) -> None:
    migrate(signed)
    (before,) = [trustkit.json("trust", "inspect", signed)]
    done = trustkit.run("verify-attestation", "--key", "new", "--type", TYPE, f"{signed}:v1")
    assert done.status == 0, done.said
    assert f"tag v1 of {signed} in Docker Content Trust, by targets" in done.stdout
    (record,) = json.loads(trustkit.run("audit", "log", "--kind", "image.migrated", "--output", "json").stdout)
    said = record["body"]["content_trust"]
    assert isinstance(before, dict)
    assert said["root"]["keys"] == [one["fingerprint"] for one in before["root"]["keys"]]
    assert said["role"]["keys"] == [one["fingerprint"] for one in before["roles"][0]["signers"]]


def test_a_second_run_signs_nothing_again(migrate: Migrate, registry: Registry, signed: str) -> None:
    migrate(signed)
    first = evidence(registry, signed)
    again = migrate(signed)
    assert again.status == 0
    assert "signed before" in again.stdout
    assert evidence(registry, signed) == first


def test_a_second_tag_of_the_same_image_gets_its_own_link_and_no_second_signature(
    trustkit: Trustkit, migrate: Migrate, notary: Notary, registry: Registry, repository: str, image: Image, signed: str
) -> None:
    registry.push(image, repository, "stable")
    add(notary, signed, "stable", image)
    rows = json.loads(migrate("--output", "json", signed).stdout)
    assert [(row["tag"], bool(row["signature"]), bool(row["attestation"])) for row in rows] == [
        ("stable", True, True), ("v1", False, True),
    ]  # fmt: skip


def test_a_dry_run_lists_and_signs_nothing(migrate: Migrate, registry: Registry, signed: str) -> None:
    before = evidence(registry, signed)
    done = migrate("--dry-run", signed)
    assert done.status == 0
    assert "v1" in done.stdout
    assert "to be signed" in done.stdout
    assert evidence(registry, signed) == before


def refused(done: Ran, registry: Registry, signed: str, before: list[str]) -> None:
    assert done.status == 1, done.said
    assert evidence(registry, signed) == before


def test_a_tag_that_the_registry_moved_stops_all_of_it(
    migrate: Migrate, registry: Registry, repository: str, signed: str
) -> None:
    registry.push(images.build(files={"other": b"1"}), repository, "v1")
    before = evidence(registry, signed)
    done = migrate(signed)
    refused(done, registry, signed, before)
    assert "and the registry has" in done.said


def test_another_size_than_the_one_signed_stops_all_of_it(
    migrate: Migrate, notary: Notary, registry: Registry, repository: str, image: Image, signed: str
) -> None:
    registry.push(image, repository, "v2")
    add(notary, signed, "v2", image, length=401)
    before = evidence(registry, signed)
    refused(migrate(signed), registry, signed, before)
    assert migrate(f"{signed}:v1").status == 0


def test_a_tag_that_is_not_signed_is_refused(migrate: Migrate, registry: Registry, signed: str) -> None:
    before = evidence(registry, signed)
    refused(migrate(f"{signed}:v9"), registry, signed, before)


def test_a_root_that_was_never_seen_is_refused(
    trustkit: Trustkit, migrate: Migrate, registry: Registry, signed: str
) -> None:
    assert migrate
    before = evidence(registry, signed)
    refused(trustkit.run("trust", "migrate", "--key", "new", signed), registry, signed, before)


def test_a_state_that_went_back_is_refused(
    trustkit: Trustkit, migrate: Migrate, registry: Registry, signed: str
) -> None:
    trustkit.must("trust", "inspect", "--first-use", signed)
    seen = trustkit.home / "content-trust" / "tuf" / signed / "metadata" / "targets.json"
    seen.write_text(re.sub(r'"version":\d+', '"version":900', seen.read_text()))
    before = evidence(registry, signed)
    refused(migrate(signed), registry, signed, before)


def test_metadata_that_was_tampered_with_is_refused(
    server: TrustServer, migrate: Migrate, registry: Registry, signed: str
) -> None:
    before = evidence(registry, signed)
    tampered(server, signed)
    done = migrate(signed)
    refused(done, registry, signed, before)


def tampered(server: TrustServer, gun: str) -> None:
    """Change the tag's length in the server's own database."""
    import sqlite3

    with sqlite3.connect(server.log.parent / "trust-server" / "trust.db") as database:
        rows = database.execute("SELECT version, content FROM metadata WHERE gun = ? AND role = 'targets'", (gun,))
        for version, content in rows.fetchall():
            changed = bytes(content).replace(b'"length":', b'"length":1')
            database.execute(
                "UPDATE metadata SET content = ? WHERE gun = ? AND role = 'targets' AND version = ?",
                (changed, gun, version),
            )


def test_without_a_key_there_is_only_a_dry_run(trustkit: Trustkit, migrate: Migrate, signed: str) -> None:
    assert migrate
    assert trustkit.run("trust", "migrate", "--first-use", signed).status == 2
    assert trustkit.run("trust", "migrate", "--first-use", "--dry-run", signed).status == 0


def test_an_index_is_signed_as_the_index_that_it_is(
    trustkit: Trustkit, migrate: Migrate, notary: Notary, registry: Registry, repository: str,
    multi_arch_image: Image, signed: str, cosign3: Cosign,
) -> None:  # fmt: skip
    registry.push(multi_arch_image, repository, "many")
    add(notary, signed, "many", multi_arch_image)
    assert migrate(f"{signed}:many").status == 0
    assert judged(cosign3, "verify", public(trustkit), f"{signed}@{multi_arch_image.digest}").status == 0
    assert judged(cosign3, "verify", public(trustkit), f"{signed}@{multi_arch_image.children[0].digest}").status != 0


@pytest.mark.parametrize("role", ["root", "targets", "snapshot", "timestamp"])
def test_metadata_whose_time_is_over_is_refused(
    trustkit: Trustkit, migrate: Migrate, tmp_path: Path, role: str
) -> None:
    """A server that shows a repository in which one role's file has ended."""
    assert migrate
    case = expired(tmp_path, role)
    gun = json.loads((case / "expected.json").read_bytes())["gun"]
    place = tmp_path / "served" / "v2" / gun / "_trust" / "tuf"
    for file in (case / "tuf").rglob("*.json"):
        name = str(file.relative_to(case / "tuf")).removesuffix(".json")
        content = file.read_bytes()
        for shown in (name, f"{name}.{hashlib.sha256(content).hexdigest()}"):
            (place / shown).parent.mkdir(parents=True, exist_ok=True)
            (place / f"{shown}.json").write_bytes(content)
    with serving(tmp_path / "served") as url:
        done = trustkit.run("trust", "migrate", "--first-use", "--key", "new", "--server", url, gun)
    assert done.status == 1, done.said
    assert "expired" in done.said or "ended" in done.said


def expired(folder: Path, role: str) -> Path:
    name = f"tuf-neg-expired-{role}"
    with lzma.open(VECTORS) as packed, tarfile.open(fileobj=packed) as members:
        members.extractall(folder, filter="data", members=[one for one in members if one.name.startswith(f"{name}/")])
    return folder / name
