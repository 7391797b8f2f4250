"""`trustkit trust migrate` killed on its way: the log tells of it, and a rerun finishes what is missing there too."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.images import Image
from peers.logs import broken, held, records
from peers.processes import wait_until
from peers.registry import Registry
from peers.relay import Relay, relay
from peers.trust import trust_server
from peers.trust_author import Author, notary_keys
from peers.trustkit import Trustkit
from peers.workspace import short_folder

MIGRATING, MIGRATED = "image.migrating", "image.migrated"
# For each the registry is sent a manifest, and the tag that lists it: nothing is sent after the attestation's tag.
SIGNATURE, ATTESTATION = 2, 4


@pytest.fixture
def way(referrers_registry: Registry) -> Iterator[Relay]:
    with relay(referrers_registry.host) as found:
        yield found


@pytest.fixture
def author(
    way: Relay, referrers_registry: Registry, image: Image, repository: str, trustkit_home: Path, tmp_path: Path
) -> Iterator[Author]:
    """Who signed v1 under content trust, and has a key to sign it anew."""
    referrers_registry.push(image, repository, "v1")
    with short_folder("trust") as folder:
        (folder / "state").mkdir(mode=0o700)
        with trust_server(Trustkit(folder / "state")) as server:
            found = Author(trustkit_home, server, f"{way.host}/{repository}").keyed(notary_keys(tmp_path / "keys"))
            found.must("init", found.gun)
            found.must("sign", f"{found.gun}:v1")
            found.trustkit.must("key", "generate", "new")
            yield found


def kinds(author: Author) -> list[object]:
    return [one["kind"] for one in records(author.trustkit, "image") if one["kind"] in (MIGRATING, MIGRATED)]


def killed_after(author: Author, way: Relay, manifests: int) -> None:
    """Migrate, and kill it when the registry has taken so many manifests and has not said so."""
    sent: list[str] = []

    def is_last(asked: str) -> bool:
        if asked.startswith("PUT ") and "/manifests/" in asked:
            sent.append(asked)
        return len(sent) == manifests

    way.keeps = is_last
    running = author.trustkit.start("trust", "migrate", "--key", "new", author.gun)
    running.wait_until(lambda: bool(way.kept))
    running.signal(signal.SIGKILL)
    assert running.status() == -signal.SIGKILL
    way.keeps = lambda _: False


def test_a_migration_killed_after_its_attestation_is_on_record_as_begun(author: Author, way: Relay) -> None:
    killed_after(author, way, ATTESTATION)
    (record,) = records(author.trustkit, MIGRATING)
    body = record["body"]
    assert isinstance(body, dict)
    assert (body["content_trust"]["tag"], body["signed"]["format"]) == ("v1", "cosign")
    assert kinds(author) == [MIGRATING]


def test_a_rerun_records_what_the_killed_one_did_and_signs_nothing_again(author: Author, way: Relay) -> None:
    killed_after(author, way, ATTESTATION)
    before = len(way.requests)
    done = author.run("migrate", "--key", "new", author.gun)
    assert (done.status, "signed before" in done.stdout) == (0, True), done.said
    assert not [one for one in way.requests[before:] if one.startswith("PUT ")]
    assert kinds(author) == [MIGRATING, MIGRATED]


def test_a_rerun_after_the_signature_alone_makes_the_attestation(author: Author, way: Relay) -> None:
    killed_after(author, way, SIGNATURE)
    done = author.run("migrate", "--key", "new", author.gun)
    assert done.status == 0, done.said
    assert kinds(author) == [MIGRATING, MIGRATING, MIGRATED]


def puts(way: Relay) -> list[str]:
    return [one for one in way.requests if one.startswith("PUT ") and "/manifests/" in one]


def test_what_is_on_record_already_is_not_recorded_again(author: Author) -> None:
    for _ in range(2):
        assert author.run("migrate", "--key", "new", author.gun).status == 0
    assert kinds(author) == [MIGRATING, MIGRATED]


def test_a_dry_run_after_a_kill_records_nothing(author: Author, way: Relay) -> None:
    killed_after(author, way, ATTESTATION)
    assert author.run("migrate", "--dry-run", "--key", "new", author.gun).status == 0
    assert kinds(author) == [MIGRATING]


def test_a_rerun_beside_a_broken_log_says_nothing_of_signed_before(author: Author, way: Relay) -> None:
    killed_after(author, way, ATTESTATION)
    with broken(author.trustkit.home, "damaged"):
        done = author.run("migrate", "--key", "new", author.gun)
    assert (done.status, "signed before" in done.stdout) == (1, False), done.said


def test_nothing_is_signed_anew_that_cannot_be_recorded_as_begun(author: Author, way: Relay) -> None:
    with held(author.trustkit.home):
        running = author.trustkit.start("trust", "migrate", "--key", "new", author.gun)
        wait_until(lambda: any("referrers" in one for one in way.requests), "the look at what is signed")
        (author.trustkit.home / "audit" / "log.db").unlink()
    assert running.status() != 0
    assert not puts(way)
