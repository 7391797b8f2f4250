"""A real containerd 2.1 asks `trustkit-image-verifier` before it pulls."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers import engines, images
from peers.engines import Containerd
from peers.processes import Process
from peers.registry import Registry
from peers.signed import Signed
from peers.tools import Ran, peer, run
from peers.trustkit import COMMAND, Trustkit

VERIFIER = COMMAND.with_name("trustkit-image-verifier")


@pytest.fixture
def signed(trustkit: Trustkit, registry: Registry, repository: str) -> Signed:
    return Signed(trustkit, registry, repository)


@pytest.fixture
def verifiers(tmp_path: Path) -> Path:
    folder = tmp_path / "verifiers"
    folder.mkdir()
    (folder / "trustkit").symlink_to(VERIFIER)
    return folder


@pytest.fixture
def guarded(trustkit: Trustkit, verifiers: Path) -> Iterator[Containerd]:
    with engines.containerd2(verifiers, HOME=str(trustkit.user_home), TRUSTKIT_HOME=str(trustkit.home)) as running:
        yield running


def pull(containerd: Containerd, reference: str) -> Ran:
    return run([peer("ctr2"), "--address", containerd.socket, "images", "pull", "--plain-http", reference])


def names(containerd: Containerd) -> str:
    return run([peer("ctr2"), "--address", containerd.socket, "images", "ls", "-q"]).stdout


def test_a_signed_image_is_pulled(guarded: Containerd, signed: Signed, image: images.Image) -> None:
    reference = signed.push(image)
    done = pull(guarded, reference)
    assert done.status == 0, done.said
    assert reference in names(guarded)


def test_an_unsigned_image_is_refused_with_the_rule(guarded: Containerd, signed: Signed, image: images.Image) -> None:
    reference = signed.push(image, sign=False)
    done = pull(guarded, reference)
    assert done.status != 0
    assert "built-in/verify.signatures" in done.stderr, done.said
    assert reference not in names(guarded)


def test_a_running_daemon_decides_and_records(
    guarded: Containerd, signed: Signed, image: images.Image, trustkit: Trustkit
) -> None:
    good, bad = signed.push(image), signed.push(images.build(files={"bad": b"1"}), "bad", sign=False)
    trustkit.must("info")
    assert pull(guarded, good).status == 0
    assert "verify.signatures" in pull(guarded, bad).stderr
    log = trustkit.must("audit", "log", "--output", "json").stdout
    assert log.count('"containerd"') >= 2


def test_a_policy_that_does_not_load_admits_nothing(
    guarded: Containerd, signed: Signed, image: images.Image, trustkit: Trustkit
) -> None:
    (trustkit.home / "config.toml").write_text('[trust]\npolicy = "nowhere.yaml"\n')
    assert pull(guarded, signed.push(image)).status != 0


def asked(trustkit: Trustkit, *words: str, stdin: str | bytes = b"", **env: str) -> Ran:
    return run([VERIFIER, *words], env={**trustkit.env, **env}, stdin=stdin, timeout=20)


DIGEST = "sha256:" + "a" * 64
TYPE = "application/vnd.oci.descriptor.v1+json"
GOOD = ("-name", "127.0.0.1:1/app:1", "-digest", DIGEST, "-stdin-media-type", TYPE)
DESCRIPTOR = '{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "DIGEST", "size": 2}'.replace(
    "DIGEST", DIGEST
)


@pytest.mark.parametrize(
    ("words", "stdin", "reason"),
    [
        ((), DESCRIPTOR, "-name is missing"),
        (GOOD[:4], DESCRIPTOR, "-stdin-media-type is missing"),
        ((*GOOD, "-name", "x"), DESCRIPTOR, "repeated"),
        ((*GOOD[:5], "text/plain"), DESCRIPTOR, "not application/vnd.oci.descriptor"),
        (("-name", f"127.0.0.1:1/app@sha256:{'b' * 64}", *GOOD[2:]), DESCRIPTOR, "the name says"),
        (("-name", "oci:/etc:1", *GOOD[2:]), DESCRIPTOR, "no image of a registry"),
        (GOOD, "", "not JSON"),
        (GOOD, DESCRIPTOR.replace("aaa", "bbb", 1), "the descriptor is of"),
        (GOOD, DESCRIPTOR.replace("image.manifest", "something"), "no image's media type"),
        (GOOD, DESCRIPTOR.replace("2}", "-2}"), "size"),
        (GOOD, DESCRIPTOR[:-1] + ', "Digest": "x"}', "descriptor"),
        (GOOD, " " * 70_000 + DESCRIPTOR, "more than"),
        (GOOD, "[" * 60_000, "nested"),
        (GOOD, DESCRIPTOR, "127.0.0.1:1"),
    ],
)
def test_what_is_odd_or_cannot_be_found_out_is_refused_with_a_reason(
    trustkit: Trustkit, words: tuple[str, ...], stdin: str, reason: str
) -> None:
    done = asked(trustkit, *words, stdin=stdin)
    assert done.status == 1
    assert reason in done.stdout, done.said


def test_silence_ends_in_a_refusal_before_containerd_gives_up(trustkit: Trustkit, tmp_path: Path) -> None:
    silent = (
        "import socket,time;s=socket.create_server(('127.0.0.1',0));print(s.getsockname()[1],flush=True);time.sleep(60)"
    )
    process = Process(["python3", "-c", silent], log=tmp_path / "log", env=trustkit.env)
    try:
        process.wait_until(lambda: (tmp_path / "log").read_text().endswith("\n"))
        port = (tmp_path / "log").read_text().strip()
        done = asked(trustkit, "-name", f"127.0.0.1:{port}/app:1", *GOOD[2:], stdin=DESCRIPTOR)
    finally:
        process.stop()
    assert done.status == 1
    assert "within 8 seconds" in done.stdout, done.said
    assert done.seconds < 10


def test_an_empty_folder_pulls_everything_and_the_check_says_so(
    trustkit: Trustkit, tmp_path: Path, signed: Signed, image: images.Image
) -> None:
    (tmp_path / "empty").mkdir()
    with engines.containerd2(tmp_path / "empty") as unguarded:
        assert pull(unguarded, signed.push(image, sign=False)).status == 0
    done = asked(trustkit, "--check", str(tmp_path / "empty"))
    assert (done.status, "pulls everything unasked" in done.stdout) == (1, True)


def test_a_missing_folder_fails_the_check(trustkit: Trustkit, tmp_path: Path) -> None:
    assert asked(trustkit, "--check", str(tmp_path / "nowhere")).status == 1


def test_a_folder_of_strangers_fails_the_check(trustkit: Trustkit, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("#!/bin/sh\n")
    assert "trustkit is not asked" in asked(trustkit, "--check", str(tmp_path)).stdout


def test_a_folder_that_asks_passes_the_check(trustkit: Trustkit, verifiers: Path) -> None:
    assert asked(trustkit, "--check", str(verifiers)).status == 0
