"""`trustkit trusted-root update` against a TUF repository made with python-tuf, as sigstore makes its own."""

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp

from peers.fake_sigstore import FakeSigstore
from peers.logs import BROKEN, broken, records
from peers.tools import Ran
from peers.trustkit import Trustkit

ROLES = ("root", "targets", "snapshot", "timestamp")


class Repository:
    """A TUF repository in a folder, with one key for all roles."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.url = folder, ""
        self.signer = CryptoSigner.generate_ecdsa()
        self.version = 0
        (folder / "targets").mkdir(parents=True)

    def publish(self, content: bytes, *, version: int | None = None) -> None:
        """Write all metadata anew with the trusted root."""
        self.version = version or self.version + 1
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
        root = Root(version=1, expires=expires, consistent_snapshot=False)
        for role in ROLES:
            root.add_key(self.signer.public_key, role)
        target = TargetFile.from_data("trusted_root.json", content, ["sha256"])
        targets = Targets(version=self.version, expires=expires, targets={"trusted_root.json": target})
        snapshot = Snapshot(version=self.version, expires=expires)
        snapshot.meta["targets.json"].version = self.version
        timestamp = Timestamp(version=self.version, expires=expires)
        timestamp.snapshot_meta.version = self.version
        for name, signed in (("1.root", root), ("targets", targets), ("snapshot", snapshot), ("timestamp", timestamp)):
            made = Metadata(signed)
            made.sign(self.signer)
            made.to_file(str(self.folder / f"{name}.json"))
        (self.folder / "targets" / "trusted_root.json").write_bytes(content)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
        pass


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    made = Repository(tmp_path / "repository")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(made.folder)))
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


def update(run: Callable[..., Ran], repository: Repository) -> Ran:
    return run("trusted-root", "update", "--mirror", repository.url, "--root", repository.folder / "1.root.json")


def trusted(url: str) -> bytes:
    return json.dumps(FakeSigstore(url).trusted_root()).encode()


def test_the_new_root_is_in_force_afterwards(repository: Repository, trustkit: Trustkit) -> None:
    before = trustkit.must("trusted-root", "show").stdout
    assert "https://rekor.sigstore.dev" in before
    repository.publish(trusted("http://one.test"))
    done = update(trustkit.run, repository)
    assert done.status == 0, done.said
    assert "http://one.test" in trustkit.must("trusted-root", "show").stdout


def test_what_is_in_force_afterwards_is_on_record(repository: Repository, trustkit: Trustkit) -> None:
    content = trusted("http://one.test")
    repository.publish(content)
    assert update(trustkit.run, repository).status == 0
    (record,) = records(trustkit, "trust.sigstore_updated")
    assert record["body"]["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"  # type: ignore[index]


@pytest.mark.parametrize("how", BROKEN)
def test_nothing_is_fetched_beside_a_broken_log(repository: Repository, trustkit: Trustkit, how: str) -> None:
    repository.publish(trusted("http://one.test"))
    assert update(trustkit.run, repository).status == 0
    repository.publish(trusted("http://two.test"))
    said, status = BROKEN[how]
    with broken(trustkit.home, how):
        done = update(trustkit.run, repository)
    assert (done.status, said in done.stderr.lower()) == (status, True), done.said
    assert "http://one.test" in trustkit.must("trusted-root", "show").stdout


def test_an_older_repository_is_refused_and_changes_nothing(repository: Repository, trustkit: Trustkit) -> None:
    repository.publish(trusted("http://two.test"), version=2)
    assert update(trustkit.run, repository).status == 0
    repository.publish(trusted("http://one.test"), version=1)
    done = update(trustkit.run, repository)
    assert done.status == 1, done.said
    assert "http://two.test" in trustkit.must("trusted-root", "show").stdout


def test_a_target_that_nobody_signed_is_refused(repository: Repository, trustkit: Trustkit) -> None:
    repository.publish(trusted("http://one.test"))
    (repository.folder / "targets" / "trusted_root.json").write_bytes(trusted("http://other.test"))
    done = update(trustkit.run, repository)
    assert done.status in (1, 3), done.said
    assert "http://other.test" not in trustkit.must("trusted-root", "show").stdout


def test_a_mirror_without_a_first_root_is_a_usage_error(repository: Repository, trustkit: Trustkit) -> None:
    assert trustkit.run("trusted-root", "update", "--mirror", repository.url).status == 2


def test_a_mirror_that_does_not_answer_is_no_answer(repository: Repository, trustkit: Trustkit) -> None:
    repository.publish(trusted("http://one.test"))
    root = repository.folder / "1.root.json"
    done = trustkit.run("trusted-root", "update", "--mirror", "http://127.0.0.1:9", "--root", root)
    assert done.status == 3, done.said


def test_in_fips_mode_the_module_checks_the_repository(repository: Repository, fips: Trustkit) -> None:
    repository.publish(trusted("http://one.test"))
    done = update(fips.run, repository)
    assert done.status == 0, done.said
