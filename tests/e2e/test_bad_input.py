"""Whatever is wrong ends in one clear line and a documented exit status, and a second try works."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from peers import images
from peers.misbehaving import Answer, MisbehavingRegistry
from peers.processes import pids_with_environment, wait_until
from peers.registry import Registry
from peers.tools import Ran
from peers.trustkit import Trustkit

PASSPHRASE = {"TRUSTKIT_PASSWORD": "wonderland"}
QUICK = {"TRUSTKIT_REGISTRY_TIMEOUT": "1"}


def one_clear_line(done: Ran) -> str:
    """Return the line that says what is wrong, after checking that there is just one and no traceback."""
    assert "Traceback" not in done.stderr, done.said
    lines = [line for line in done.stderr.splitlines() if line.startswith("trustkit: ")]
    assert len(lines) == 1, done.said
    return lines[0]


@pytest.mark.parametrize("given", ["UPPER/case", "a b", "x@sha256:12", "host:port/app:tag", "oci:", "x" * 2000])
def test_a_malformed_reference_is_a_usage_error(trustkit: Trustkit, given: str) -> None:
    done = trustkit.run("verify", given)
    assert done.status == 2, done.said
    assert "is not an image reference" in one_clear_line(done)


HUGE, LONG = "9" * 20, "9" * 5000
TIME = "0001-01-01T00:00:00+14:00"
PINNED = f"registry.example/x@sha256:{'1' * 64}"
GRANT = (
    "break-glass",
    "request",
    PINNED,
    "--rule",
    "require.vulnerabilities",
    "--reason",
    "x",
    "-o",
    "g",
    "--key",
    "k",
)
UNCOUNTABLE = [
    ("audit", "show", HUGE),
    ("audit", "show", "-1"),
    ("audit", "show", "99999"),
    ("audit", "log", "-n", HUGE),
    ("audit", "log", "-n", "-1"),
    ("audit", "log", "--since", TIME),
    ("audit", "report", "--until", TIME),
    ("trust", "status", "--within", "999999999999"),
    ("trust", "root", "init", "--key", "k", "--expires", f"timestamp={LONG}"),
    ("trust", "sign", f"{PINNED.replace('@', ':v1@')}", "--size", HUGE),
    ("trust", "serve", "--listen", f"127.0.0.1:{LONG}"),
    ("serve", "webhook", "--listen", f"127.0.0.1:{LONG}", "--tls-cert", "x", "--tls-key", "x"),
    ("policy", "what-if", "x", "--days", HUGE),
    ("key", "generate", "other", "--not-before", TIME),
    ("key", "revoke", "k", "--reason", "x", "--at", TIME),
    ("audit", "log", "--digest", "sha256:abc"),
    ("fleet", "revoke", "sha256:abc", "--reason", "x"),
    ("fleet", "revoke", "--key", "k", "--reason", "x", "--at", TIME),
    (*GRANT, "--from", "9999-12-31T00:00:00Z", "--for", "400d"),
    (*GRANT, "--from", TIME, "--for", "1h"),
    (*GRANT, "--for", HUGE + "d"),
]


def test_numbers_and_times_that_nobody_can_count_are_usage_errors(trustkit: Trustkit) -> None:
    trustkit.must("key", "generate", "k", env=PASSPHRASE)
    for words in UNCOUNTABLE:
        done = trustkit.run(*words, env=PASSPHRASE)
        assert done.status == 2, (words, done.said)
        assert "fault of ours" not in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [("stop", "-t", HUGE), ("logs", "--tail", LONG), ("logs", "--since", LONG + "h")])
def test_so_they_are_to_the_daemon(trustkit: Trustkit, signed: str, words: tuple[str, ...]) -> None:
    trustkit.must("run", "-d", "--name", "one", "--network", "none", signed, "sleep", "60")
    try:
        done = trustkit.run(*words, "one")
        # as docker, which shows the whole log for a tail that is no number
        assert done.status == (0 if "--tail" in words else 2), done.said
    finally:
        trustkit.run("rm", "-f", "one")


def test_a_missing_image_is_inconclusive(trustkit: Trustkit, registry: Registry) -> None:
    done = trustkit.run("verify", registry.reference("nobody/pushed/this"))
    assert done.status == 3, done.said
    assert "nobody/pushed/this" in one_clear_line(done)


def test_a_platform_that_is_not_there_is_named(trustkit: Trustkit, registry: Registry, repository: str) -> None:
    registry.push(images.index({"linux/amd64": images.build()}), repository, "v1")
    done = trustkit.run("verify", "--platform", "linux/s390x", registry.reference(repository, "v1"))
    assert done.status == 3, done.said
    assert "s390x" in one_clear_line(done)


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_a_registry_that_answers_with_an_error_is_inconclusive(
    trustkit: Trustkit, misbehaving_registry: MisbehavingRegistry, status: int
) -> None:
    misbehaving_registry.always("GET", "/v2/app/manifests/v1", Answer(status, headers={"Retry-After": "0"}))
    done = trustkit.run("verify", f"{misbehaving_registry.host}/app:v1")
    assert done.status == 3, done.said
    assert misbehaving_registry.host in one_clear_line(done)


def test_a_registry_that_hangs_is_inconclusive(trustkit: Trustkit, misbehaving_registry: MisbehavingRegistry) -> None:
    misbehaving_registry.always("GET", "/v2/app/manifests/v1", Answer(hang=True))
    done = trustkit.run("verify", f"{misbehaving_registry.host}/app:v1", env=QUICK)
    assert done.status == 3, done.said
    assert "stopped answering" in one_clear_line(done)


def test_a_registry_that_is_down_is_inconclusive(trustkit: Trustkit) -> None:
    done = trustkit.run("verify", "127.0.0.1:1/app:v1", env=QUICK)
    assert done.status == 3, done.said
    assert "127.0.0.1:1" in one_clear_line(done)


def test_a_redirect_of_a_manifest_to_another_host_is_not_followed(
    trustkit: Trustkit, misbehaving_registry: MisbehavingRegistry, registry: Registry, repository: str
) -> None:
    registry.push(images.build(), repository, "v1")
    elsewhere = f"http://{registry.host}/v2/{repository}/manifests/v1"
    misbehaving_registry.always("GET", "/v2/app/manifests/v1", Answer(307, headers={"Location": elsewhere}))
    done = trustkit.run("verify", f"{misbehaving_registry.host}/app:v1")
    assert done.status == 3, done.said
    one_clear_line(done)


def serve(fake: MisbehavingRegistry, content: bytes, **more: object) -> str:
    """Serve these bytes as the manifest of a tag; return the reference."""
    kind = {"Content-Type": images.OCI_MANIFEST}
    fake.always("GET", "/v2/app/manifests/v1", Answer(200, content, kind, **more))  # type: ignore[arg-type]
    return f"{fake.host}/app:v1"


def test_a_truncated_manifest_is_refused(trustkit: Trustkit, misbehaving_registry: MisbehavingRegistry) -> None:
    done = trustkit.run("verify", serve(misbehaving_registry, images.build().manifest[:-20]))
    assert done.status == 1, done.said
    one_clear_line(done)


def test_a_manifest_cut_off_by_the_connection_is_inconclusive(
    trustkit: Trustkit, misbehaving_registry: MisbehavingRegistry
) -> None:
    reference = serve(misbehaving_registry, images.build().manifest, cut_at=40)
    done = trustkit.run("verify", reference, env=QUICK)
    assert done.status == 3, done.said
    one_clear_line(done)


def test_an_oversized_manifest_is_refused(trustkit: Trustkit, misbehaving_registry: MisbehavingRegistry) -> None:
    reference = serve(misbehaving_registry, b" " * (5 * 1024 * 1024))
    done = trustkit.run("verify", reference)
    assert done.status == 1, done.said
    one_clear_line(done)


def test_a_manifest_with_duplicate_keys_is_refused(
    trustkit: Trustkit, misbehaving_registry: MisbehavingRegistry
) -> None:
    manifest = images.build().manifest.replace(b'"schemaVersion":2', b'"schemaVersion":2,"schemaVersion":2')
    done = trustkit.run("verify", serve(misbehaving_registry, manifest))
    assert done.status == 1, done.said
    assert "schemaVersion" in one_clear_line(done)


def test_content_with_another_digest_is_refused(trustkit: Trustkit, misbehaving_registry: MisbehavingRegistry) -> None:
    image, other = images.build(), images.build(files={"x": b"y"})
    misbehaving_registry.serve(image, "app")
    path = f"/v2/app/manifests/{image.digest}"
    misbehaving_registry.always("GET", path, Answer(200, other.manifest, {"Content-Type": other.media_type}))
    done = trustkit.run("verify", f"{misbehaving_registry.host}/app@{image.digest}")
    assert done.status == 1, done.said
    assert "digest" in one_clear_line(done)


@pytest.fixture
def signed(trustkit: Trustkit, registry: Registry, repository: str) -> str:
    """A signed image, and the key `release` in the key ring."""
    digest = registry.push(images.build(), repository, "v1")
    trustkit.must("key", "generate", "release", env=PASSPHRASE)
    reference = f"{registry.host}/{repository}@{digest}"
    trustkit.must("sign", "--key", "release", reference, env=PASSPHRASE)
    return reference


def test_a_wrong_passphrase_is_a_usage_error_and_the_right_one_then_works(trustkit: Trustkit, signed: str) -> None:
    done = trustkit.run("sign", "--key", "release", signed, env={"TRUSTKIT_PASSWORD": "looking glass"})
    assert done.status == 2, done.said
    assert "passphrase" in one_clear_line(done)
    assert trustkit.run("sign", "--key", "release", signed, env=PASSPHRASE).status == 0


def test_a_key_file_that_others_may_read_is_not_used(trustkit: Trustkit, signed: str) -> None:
    key = trustkit.home / "keys" / "release.key"
    key.chmod(0o644)
    done = trustkit.run("sign", "--key", "release", signed, env=PASSPHRASE)
    assert done.status == 2, done.said
    assert "lets others use it" in one_clear_line(done)
    key.chmod(0o600)
    assert trustkit.run("sign", "--key", "release", signed, env=PASSPHRASE).status == 0


def test_a_policy_with_an_unknown_field_names_file_line_and_field(trustkit: Trustkit, signed: str) -> None:
    policy = trustkit.user_home / "bad.yaml"
    policy.write_text("apiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {name: bad}\nspec:\n  verifi: {}\n")
    done = trustkit.run("verify", signed, env={"TRUSTKIT_TRUST_POLICY": str(policy)})
    assert done.status == 2, done.said
    line = one_clear_line(done)
    assert "bad.yaml:5" in line
    assert "verifi" in line


def fill(file: Path) -> None:
    """Write until the disk is full."""
    with file.open("wb", buffering=0) as opened, suppress(OSError):
        while True:
            opened.write(b"x" * 4096)


@pytest.fixture
def small_disk(trustkit: Trustkit) -> Iterator[Path]:
    """The state directory on a disk of one megabyte."""
    options = ["-t", "tmpfs", "-o", "size=1m", "tmpfs"]
    subprocess.run(["mount", *options, str(trustkit.home)], check=True)
    try:
        yield trustkit.home
    finally:
        subprocess.run(["umount", "--lazy", str(trustkit.home)], check=True)


def test_a_full_disk_refuses_and_space_makes_it_work_again(small_disk: Path, trustkit: Trustkit, signed: str) -> None:
    filler = small_disk / "filler"
    fill(filler)
    done = trustkit.run("verify", signed)
    assert done.status == 4, done.said
    assert "disk is full" in one_clear_line(done)
    filler.unlink()
    assert trustkit.run("verify", signed).status == 0


def test_a_read_only_state_directory_is_the_machines_fault(trustkit: Trustkit, signed: str) -> None:
    subprocess.run(["mount", "--bind", trustkit.home, trustkit.home], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", trustkit.home], check=True)
        done = trustkit.run("verify", signed)
    finally:
        subprocess.run(["umount", "--lazy", trustkit.home], check=True)
    assert done.status == 4, done.said
    assert "read-only" in one_clear_line(done)
    assert trustkit.run("verify", signed).status == 0


def test_one_bad_image_does_not_hide_the_others(trustkit: Trustkit, registry: Registry, signed: str) -> None:
    done = trustkit.run("verify", "--output", "json", registry.reference("not/there"), signed)
    assert done.status == 3, done.said
    assert [entry["verdict"] for entry in json.loads(done.stdout)] == ["unknown", "allow"]


def test_an_inconclusive_decision_is_on_record(trustkit: Trustkit, registry: Registry) -> None:
    trustkit.run("verify", registry.reference("not/there"))
    records = trustkit.json("audit", "log")
    assert isinstance(records, list)
    assert [record["outcome"] for record in records] == ["unknown"]


COMMANDS = {
    "sign": ("sign", "--key", "release"),
    "verify": ("verify",),
    "pull": ("pull",),
    "run": ("run", "--rm", "--network", "none"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_killed_in_the_middle_leaves_nothing_broken(trustkit: Trustkit, signed: str, command: str) -> None:
    words = COMMANDS[command]
    for milliseconds in (20, 60, 100, 140, 200):
        running = trustkit.start(*words, signed, env=PASSPHRASE)
        time.sleep(milliseconds / 1000)
        running.signal(signal.SIGKILL)
        running.stop()
    done = trustkit.run(*words, signed, env=PASSPHRASE)
    assert done.status == 0, done.said
    assert trustkit.run("audit", "verify").status == 0


@pytest.mark.parametrize("command", ["pull", "run"])
def test_a_daemon_killed_in_the_middle_leaves_nothing_broken(trustkit: Trustkit, signed: str, command: str) -> None:
    words = COMMANDS[command]
    for milliseconds in (30, 90, 150):
        trustkit.must("ps")
        running = trustkit.start(*words, signed, env=PASSPHRASE)
        time.sleep(milliseconds / 1000)
        for pid in daemons(trustkit):
            os.kill(pid, signal.SIGKILL)
        running.stop()
    done = trustkit.run(*words, signed, env=PASSPHRASE)
    assert done.status == 0, done.said
    assert trustkit.run("audit", "verify").status == 0


def daemons(trustkit: Trustkit) -> list[int]:
    """Return the daemon that serves this state directory."""
    ours = f"TRUSTKIT_HOME={trustkit.home}"
    return [pid for pid in pids_with_environment(ours) if b"daemon" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_a_daemon_that_is_not_ready_yet_is_waited_for(trustkit: Trustkit, signed: str) -> None:
    # Whoever began to start it was killed, so nothing but the engine's own lock tells of it.
    starting = trustkit.start("daemon")
    try:
        wait_until((trustkit.home / "engine" / "engine.lock").exists, "the engine's lock")
        done = trustkit.run("pull", signed, env=PASSPHRASE)
        assert done.status == 0, done.said
    finally:
        starting.stop()


def test_a_daemon_that_cannot_start_is_not_waited_for(trustkit: Trustkit, signed: str) -> None:
    (trustkit.home / "engine").write_text("no folder", encoding="ascii")
    done = trustkit.run("pull", signed, env=PASSPHRASE)
    assert (done.status, "could not start" in done.stderr) == (4, True), done.said
    assert done.seconds < 20
