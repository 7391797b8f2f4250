"""Commands and daemons that do not do their maths in the same mode and the same module do not work together."""

import hashlib
import json
from pathlib import Path

import pytest

from peers.fips import module_file
from peers.registry import Tls
from peers.tools import Ran, run
from peers.trustkit import COMMAND, Trustkit

DESCRIPTOR = "application/vnd.oci.descriptor.v1+json"
ON = {"TRUSTKIT_FIPS": "1"}


def _installed(folder: Path, source: Path) -> Trustkit:
    folder.mkdir(mode=0o700)
    made = Trustkit(folder)
    made.must("fips", "install", "--module", source)
    return made


@pytest.fixture(name="other")
def other_(trustkit: Trustkit, tmp_path: Path) -> Trustkit:
    """Another state directory, whose module is one byte longer: the same code, and another file."""
    source = tmp_path / "fips.so"
    source.write_bytes(module_file().read_bytes() + b"\0")
    other = _installed(trustkit.home.parent / "other", source)
    other.env["TRUSTKIT_DAEMON_SOCKET"] = str(trustkit.home / "run" / "trustkit.sock")
    return other


@pytest.fixture(name="first")
def first_(trustkit: Trustkit) -> Trustkit:
    trustkit.must("fips", "install", "--module", module_file())
    return trustkit


def refused(done: Ran, *words: str) -> None:
    assert (done.status, done.stdout) == (2, ""), done.said
    for word in words:
        assert word in done.stderr


def test_a_daemon_outside_fips_mode_serves_no_command_in_it(first: Trustkit) -> None:
    first.must("ps")
    refused(first.run("ps", env=ON), "this daemon's FIPS mode is off, not module (module sha256:")


def test_a_daemon_in_fips_mode_serves_no_command_outside_it(first: Trustkit) -> None:
    first.must("ps", env=ON)
    refused(first.run("ps"), "this daemon's FIPS mode is module (module sha256:", ", not off")


def test_a_daemon_serves_no_command_of_another_module(first: Trustkit, other: Trustkit) -> None:
    first.must("ps", env=ON)
    mine, theirs = (kit.json("fips", "status")["module"]["sha256"] for kit in (other, first))  # type: ignore[index]
    refused(other.run("ps", env=ON), f"module (module sha256:{theirs}), not module (module sha256:{mine})")


def test_a_daemon_serves_commands_of_its_own_module(first: Trustkit) -> None:
    first.must("ps", env=ON)
    first.must("ps", env=ON)


@pytest.mark.parametrize("command", ["ps", "images"])
def test_a_daemon_is_stopped_by_a_command_of_any_mode_and_another_begins(first: Trustkit, command: str) -> None:
    first.must(command)
    first.must("daemon", "--stop", env=ON)
    first.must(command, env=ON)


@pytest.mark.parametrize(
    ("env", "said"),
    [(ON, "this daemon's FIPS mode is off, not module"), ({}, "127.0.0.1:1")],
    ids=["another mode", "the same mode"],
)
def test_containerd_s_question_is_answered_in_the_same_mode_only(
    first: Trustkit, env: dict[str, str], said: str
) -> None:
    """The registry does not answer: whoever comes so far was heard."""
    first.must("ps")
    done = _verifier(first, env)
    assert (done.status, said in done.stdout) == (1, True), done.said


def test_containerd_s_question_reaches_a_daemon_of_the_same_module(first: Trustkit) -> None:
    first.must("ps", env=ON)
    assert "127.0.0.1:1" in _verifier(first, ON).stdout


def test_containerd_s_question_does_not_reach_a_daemon_of_another_module(first: Trustkit, other: Trustkit) -> None:
    first.must("ps", env=ON)
    assert "not module (module sha256:" in _verifier(other, ON).stdout


def _verifier(trustkit: Trustkit, env: dict[str, str]) -> Ran:
    digest = "sha256:" + "a" * 64
    words = ["-name", "127.0.0.1:1/app:1", "-digest", digest, "-stdin-media-type", DESCRIPTOR]
    descriptor = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 2}
    program = COMMAND.with_name("trustkit-image-verifier")
    return run([program, *words], env={**trustkit.env, **env}, stdin=json.dumps(descriptor))


# --- a fleet under one policy

SERVERS = {
    "daemon": ("daemon",),
    "webhook": ("serve", "webhook", "--listen", "127.0.0.1:0"),
    "docker-authz": ("serve", "docker-authz", "--socket", "authz.sock"),
}


def _policy(trustkit: Trustkit, crypto: str, more: str = "") -> dict[str, str]:
    file = trustkit.home.parent / "policy.yaml"
    file.write_text(
        "apiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {name: fleet}\n"
        f"spec:\n  require: {{crypto: {crypto}}}\n{more}"
    )
    return {"TRUSTKIT_TRUST_POLICY": str(file)}


def _sha256() -> str:
    return hashlib.sha256(module_file().read_bytes()).hexdigest()


def _begun(trustkit: Trustkit, env: dict[str, str], server: str, tls: Tls) -> Ran:
    """Start a server; one that begins to serve is stopped after a while, with status 124."""
    words = [
        *SERVERS[server],
        *(["--tls-cert", tls.certificate_file, "--tls-key", tls.key_file] if server == "webhook" else []),
    ]
    return run(["timeout", "4", *trustkit.command(*words)], env={**trustkit.env, **env}, cwd=trustkit.user_home)


@pytest.mark.parametrize("server", SERVERS)
def test_a_node_with_another_module_than_the_policy_s_does_not_begin_to_serve(
    other: Trustkit, tls: Tls, server: str
) -> None:
    env = _policy(other, f"{{modes: [module, validated], sha256: [{_sha256()}]}}")
    done = _begun(other, {**env, **ON}, server, tls)
    assert (done.status, "refuses the crypto module" in done.stderr) == (2, True), done.said
    assert _sha256() in done.stderr


@pytest.mark.parametrize("crypto", ["{modes: [module]}", "{validated: true}"])
def test_a_node_in_another_mode_than_the_policy_s_does_not_begin_to_serve(
    first: Trustkit, tls: Tls, crypto: str
) -> None:
    done = _begun(first, _policy(first, crypto), "daemon", tls)
    assert (done.status, "nothing could be admitted here" in done.stderr) == (2, True), done.said


def test_a_node_with_the_policy_s_module_serves(first: Trustkit) -> None:
    first.must("ps", env={**_policy(first, f"{{modes: [module, validated], sha256: [{_sha256()}]}}"), **ON})


def test_a_node_that_may_admit_some_images_serves(first: Trustkit) -> None:
    others = (
        "---\napiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {name: rest}\n"
        'spec: {require: {crypto: {modes: ["off"]}}}\n'
    )
    first.must("ps", env=_policy(first, "{modes: [module]}", others))


def test_a_daemon_that_does_not_begin_says_so_to_the_command_that_started_it(first: Trustkit) -> None:
    done = first.run("ps", env=_policy(first, "{modes: [module]}"))
    assert done.status != 0
    assert "nothing could be admitted here" in done.stderr
