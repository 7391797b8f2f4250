"""What was sent and may be there is on record when the publication fails: signatures, attestations, content trust."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from peers.images import Image
from peers.logs import records, taken_away
from peers.registry import Registry
from peers.relay import Relay, relay
from peers.tools import Ran
from peers.trust import trust_server
from peers.trust_author import Author, notary_keys
from peers.trustkit import Trustkit
from peers.workspace import short_folder

ONE, TWO = "1" * 64, "2" * 64
Record = dict[str, object]


@pytest.fixture
def way(registry: Registry) -> Iterator[Relay]:
    """The way to a registry without the referrers API: a tag lists what is signed."""
    with relay(registry.host) as found:
        yield found


@pytest.fixture
def ring(trustkit: Trustkit) -> Trustkit:
    trustkit.env["TRUSTKIT_PASSWORD"] = "correct horse"
    trustkit.must("key", "generate", "release")
    return trustkit


@pytest.fixture
def pinned(way: Relay, registry: Registry, image: Image, repository: str) -> str:
    return f"{way.host}/{repository}@{registry.push(image, repository, 'v1')}"


def tag_put(way: Relay) -> Callable[[str], bool]:
    """Pick the writing of the tags that list signatures."""
    assert way
    return lambda asked: asked.startswith("PUT ") and "/manifests/sha256-" in asked


def manifest_put(asked: str) -> bool:
    return asked.startswith("PUT ") and "/manifests/" in asked


def body_of(record: Record) -> dict[str, object]:
    body = record["body"]
    assert isinstance(body, dict)
    return body


def only(trustkit: Trustkit, kind: str, outcome: str) -> dict[str, object]:
    """Return the body of the one record of a kind, which has this outcome."""
    (found,) = records(trustkit, kind)
    assert found["outcome"] == outcome
    return body_of(found)


@pytest.mark.parametrize("status", [409, 412, 500])
def test_a_signature_whose_tag_others_keep_writing_is_on_record_as_unknown(
    ring: Trustkit, way: Relay, pinned: str, status: int
) -> None:
    way.refuses, way.refusal = tag_put(way), (status, "DENIED")
    done = ring.run("sign", "--key", "release", pinned)
    assert done.status == 3, done.said
    (pushed,) = {one.rpartition("/")[2] for one in way.requests if manifest_put(one) and not tag_put(way)(one)}
    told = only(ring, "image.signed", "unknown")
    assert told["reference"] == pinned
    assert told["may_be_published"] == [pushed]
    assert "error" in told


@pytest.mark.parametrize("command", ["sign", "attest"])
@pytest.mark.parametrize("layout", ["bundle", "legacy"])
def test_what_the_registry_may_have_taken_is_on_record_as_unknown(
    ring: Trustkit, way: Relay, pinned: str, tmp_path: Path, command: str, layout: str
) -> None:
    (tmp_path / "said.json").write_text("{}")
    words = ["--predicate", tmp_path / "said.json"] if command == "attest" else []
    way.refuses, way.refusal = manifest_put, (500, "UNKNOWN")
    done = ring.run(command, "--key", "release", "--layout", layout, *words, pinned)
    assert done.status == 3, done.said
    named = only(ring, "image.signed", "unknown")["may_be_published"]
    assert isinstance(named, list)
    assert [one.startswith("sha256:") for one in named] == [True]


def test_a_signature_that_the_registry_takes_nothing_of_is_on_record_as_failed(
    ring: Trustkit, way: Relay, pinned: str
) -> None:
    way.refuses, way.refusal = (lambda asked: asked.startswith("POST ")), (403, "DENIED")
    done = ring.run("sign", "--key", "release", pinned)
    assert done.status == 3, done.said
    assert only(ring, "image.signed", "failed")["may_be_published"] == []


def test_an_interrupted_signature_is_on_record_as_unknown(ring: Trustkit, way: Relay, pinned: str) -> None:
    way.keeps = manifest_put
    running = ring.start("sign", "--key", "release", pinned)
    running.wait_until(lambda: bool(way.kept))
    running.signal(signal.SIGINT)
    assert running.status() == 130
    told = only(ring, "image.signed", "unknown")
    assert told["may_be_published"] == [way.kept[0].rpartition("/")[2]]


def test_a_signature_that_fails_beside_a_log_that_fails_is_called_both(ring: Trustkit, way: Relay, pinned: str) -> None:
    """The log goes away while the registry keeps its answer back."""
    way.keeps = manifest_put
    running = ring.start("sign", "--key", "release", pinned)
    running.wait_until(lambda: bool(way.kept))
    (ring.home / "audit" / "log.db").unlink()
    way.ended.set()
    assert running.status() == 4, running.log.read_text()
    said = running.log.read_text()
    assert f"the signature of {pinned} may be published (" in said
    assert "is not on record" in said


def test_a_signature_that_is_published_and_not_on_record_is_called_so(
    ring: Trustkit, registry: Registry, image: Image, repository: str
) -> None:
    digest = registry.push(image, repository, "v1")
    tags = registry.storage / "docker/registry/v2/repositories" / repository / "_manifests/tags"
    signed = tags / f"{digest.replace(':', '-')}.sig" / "current" / "link"
    reference = registry.reference(repository, digest)
    words = ("sign", "--key", "release", "--layout", "legacy", reference)
    status, said = taken_away(ring, signed, *words)
    assert (status, f"the signature of {reference} is published, and is not on record: " in said) == (4, True), said


def test_the_auditors_report_does_not_call_signed_what_may_not_be(
    ring: Trustkit, way: Relay, pinned: str, tmp_path: Path
) -> None:
    way.refuses, way.refusal = tag_put(way), (500, "UNKNOWN")
    ring.run("sign", "--key", "release", pinned)
    ring.must("audit", "report", "--html", tmp_path / "report.html")
    assert f"unknown: {pinned}" in (tmp_path / "report.html").read_text()


# --- content trust --------------------------------------------------------------------------------


@pytest.fixture
def author(trustkit_home: Path, repository: str, tmp_path: Path) -> Iterator[Author]:
    """Who began a repository at a server of its own."""
    with short_folder("trust") as folder:
        (folder / "state").mkdir(mode=0o700)
        with trust_server(Trustkit(folder / "state")) as server:
            found = Author(trustkit_home, server, f"registry.example/{repository}")
            yield found.keyed(notary_keys(tmp_path / "keys")).begun()


@pytest.fixture
def relayed(author: Author) -> Iterator[Relay]:
    with relay(author.server.host) as found:
        yield found


def published(asked: str) -> bool:
    return asked.startswith("POST ") and asked.endswith("/_trust/tuf/")


def through(author: Author, found: Relay, action: str = "sign") -> Ran:
    server = ("--server", f"http://{found.host}")
    if action == "sign":
        return author.sign("v2", TWO, *server)
    return author.run("revoke", author.gun, "--delete-repository", *server)


def newest(author: Author) -> tuple[object, dict[str, object]]:
    found = records(author.trustkit, "content_trust")[-1]
    return found["outcome"], body_of(found)


def test_a_publication_that_others_keep_coming_before_is_on_record_as_unknown(author: Author, relayed: Relay) -> None:
    relayed.refuses, relayed.refusal = published, (400, "VERSION")
    done = through(author, relayed)
    assert (done.status, "somebody else published in between" in done.said) == (4, True), done.said
    outcome, told = newest(author)
    assert (outcome, told["what"]) == ("unknown", "sign v2")
    named = told["may_be_published"]
    assert isinstance(named, list)
    assert all("targets 3 sha256:" in one for one in named)


def test_a_publication_that_is_taken_and_not_shown_is_on_record_as_unknown(author: Author, relayed: Relay) -> None:
    """It is there: another way to the server shows it."""
    relayed.refusal = 503, "UNAVAILABLE"
    relayed.refuses = lambda asked: asked.startswith("GET ") and any(map(published, relayed.requests))
    done = through(author, relayed)
    assert done.status == 3, done.said
    assert newest(author)[0] == "unknown"
    assert author.tags()["v2"] == (TWO, "targets")


def test_a_publication_that_the_server_refuses_is_on_record_as_failed(author: Author, relayed: Relay) -> None:
    relayed.refuses, relayed.refusal = published, (400, "DENIED")
    done = through(author, relayed)
    assert done.status == 1, done.said
    outcome, told = newest(author)
    assert (outcome, told["what"]) == ("failed", "sign v2")
    assert "v2" not in author.tags()


def test_what_fails_before_anything_is_sent_leaves_no_record(author: Author, relayed: Relay) -> None:
    before = records(author.trustkit, "content_trust")
    relayed.refuses, relayed.refusal = (lambda asked: asked.startswith("GET ")), (503, "UNAVAILABLE")
    assert through(author, relayed).status == 3
    assert records(author.trustkit, "content_trust") == before


def test_a_deletion_that_may_have_happened_is_on_record_as_unknown(author: Author, relayed: Relay) -> None:
    relayed.refuses, relayed.refusal = (lambda asked: asked.startswith("DELETE ")), (500, "UNKNOWN")
    assert through(author, relayed, "delete").status == 3
    outcome, told = newest(author)
    assert (outcome, told["what"], told["may_be_published"]) == ("unknown", "delete", ["delete"])


def test_a_beginning_that_may_have_happened_is_on_record_as_unknown(
    author: Author, relayed: Relay, repository: str
) -> None:
    relayed.refuses, relayed.refusal = published, (500, "UNKNOWN")
    done = author.run("init", f"registry.example/{repository}-more", "--server", f"http://{relayed.host}")
    assert done.status == 3, done.said
    outcome, told = newest(author)
    assert (outcome, told["what"], told["repository"]) == ("unknown", "init", f"registry.example/{repository}-more")
