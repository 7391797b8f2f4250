"""Ways around the gate that a user of the daemon's socket, or of the host, may try; each must fail."""

import http.client
import json
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from peers.images import Image, build
from peers.registry import Registry
from peers.signed import Signed
from peers.trustkit import Trustkit

ISOLATED = ("--network", "none")


class Api(http.client.HTTPConnection):
    """A client of the daemon's socket that sends what our own commands never would."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        """Connect to the unix socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))

    def ask(self, method: str, target: str, body: object = None) -> tuple[int, dict[str, object]]:
        """Return status and JSON of the answer."""
        self.request(method, target, json.dumps(body) if body is not None else None)
        answer = self.getresponse()
        content = answer.read()
        value = json.loads(content) if content.strip() else {}
        return answer.status, value if isinstance(value, dict) else {"items": value}


@pytest.fixture(name="signed")
def signed_(trustkit: Trustkit, registry: Registry, repository: str) -> Signed:
    return Signed(trustkit, registry, repository)


@pytest.fixture(name="reference")
def reference_(signed: Signed, image: Image) -> str:
    return signed.push(image)


@pytest.fixture(name="api")
def api_(trustkit: Trustkit) -> Iterator[Api]:
    trustkit.must("ps")
    with closing(Api(trustkit.home / "run" / "trustkit.sock")) as api:
        yield api


def runtime_policy(trustkit: Trustkit, signed: Signed, rules: str) -> None:
    """Put a policy in force that trusts the test's key and has these rules on runs."""
    pem = (signed.key_ring / "release.pub").read_text()
    indented = "\n".join(f"          {line}" for line in pem.splitlines())
    text = f"""apiVersion: trustkit.dev/v1
kind: Policy
metadata: {{name: attacked}}
spec:
  trust:
    keys:
      release:
        pem: |
{indented}
  verify:
    signatures: {{key: release}}
  require:
    runtime: {rules}
"""
    file = trustkit.home / "policy.yaml"
    file.write_text(text)
    trustkit.env["TRUSTKIT_TRUST_POLICY"] = str(file)


def test_a_request_cannot_name_a_program_as_its_runtime(
    trustkit: Trustkit, reference: str, api: Api, tmp_path: Path
) -> None:
    mark, program = tmp_path / "ran", tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\nexit 1\n")
    program.chmod(0o755)
    body = {"Image": reference, "Cmd": ["true"], "HostConfig": {"NetworkMode": "none", "Runtime": str(program)}}
    status, answer = api.ask("POST", "/containers/create", body)
    if status == 201:
        api.ask("POST", f"/containers/{answer['Id']}/start")
    assert not mark.exists()
    assert status == 400, answer


def test_a_numeric_user_is_that_number_whatever_the_images_passwd_says(trustkit: Trustkit, signed: Signed) -> None:
    runtime_policy(trustkit, signed, "{denyRootUser: true}")
    lies = b"root:x:0:0:root:/:/bin/sh\n1000:x:0:0:not root:/:/bin/sh\n"
    reference = signed.push(build(files={"etc/passwd": lies}, config={"User": "1000"}))
    done = trustkit.run("run", "--rm", *ISOLATED, reference, "id", "-u")
    assert done.stdout.strip() != "0"
    assert done.stdout.strip() == "1000", done.said


def test_a_host_path_swapped_for_a_link_after_its_admission_is_not_mounted(
    trustkit: Trustkit, reference: str, tmp_path: Path
) -> None:
    allowed, secret = tmp_path / "allowed", tmp_path / "secret"
    allowed.mkdir()
    secret.mkdir()
    (secret / "file").write_text("secret")
    trustkit.must("create", "--name", "swapped", *ISOLATED, "-v", f"{allowed}:/m", reference, "cat", "/m/file")
    allowed.rmdir()
    allowed.symlink_to(secret)
    done = trustkit.run("start", "-a", "swapped")
    assert "secret\n" not in done.stdout + "\n"
    assert done.status == 1, done.said
    assert "Traceback" not in done.stderr


def test_an_exec_cannot_be_root_where_the_policy_denies_root(trustkit: Trustkit, signed: Signed, image: Image) -> None:
    runtime_policy(trustkit, signed, "{denyRootUser: true}")
    reference = signed.push(image)
    trustkit.must("run", "-d", "--name", "plain", *ISOLATED, "-u", "1000", reference, "sleep", "60")
    done = trustkit.run("exec", "-u", "0", "plain", "id", "-u")
    assert done.stdout.strip() != "0"
    assert done.status == 1, done.said


def test_an_exec_is_on_record(trustkit: Trustkit, reference: str) -> None:
    trustkit.must("run", "-d", "--name", "plain", *ISOLATED, reference, "sleep", "60")
    trustkit.must("exec", "plain", "echo", "on-the-record")
    log = json.dumps(trustkit.json("audit", "log"))
    assert "on-the-record" in log


def test_a_policy_named_in_the_configuration_later_is_in_force_at_once(
    trustkit: Trustkit, signed: Signed, reference: str
) -> None:
    trustkit.must("run", "--rm", *ISOLATED, reference, "true")
    runtime_policy(trustkit, signed, "{readOnlyRoot: true}")
    file = trustkit.env.pop("TRUSTKIT_TRUST_POLICY")
    (trustkit.home / "config.toml").write_text(f'[trust]\npolicy = "{file}"\n')
    assert trustkit.run("run", "--rm", *ISOLATED, reference, "true").status == 1


def test_a_caller_who_counts_on_another_policy_than_the_daemons_is_told_so(
    trustkit: Trustkit, signed: Signed, reference: str
) -> None:
    trustkit.must("run", *ISOLATED, "--rm", reference, "true")
    runtime_policy(trustkit, signed, "{runAsNonRoot: true}")
    # Only this command's: the daemon that runs was started without it.
    done = trustkit.run("run", *ISOLATED, "--rm", reference, "true")
    assert (done.status, done.stdout) == (2, "")
    assert "this daemon decides by" in done.said


def test_explain_judges_the_privileged_run_it_is_asked_about(
    trustkit: Trustkit, signed: Signed, reference: str
) -> None:
    runtime_policy(trustkit, signed, "{denyPrivileged: true}")
    assert trustkit.run("policy", "explain", reference).status == 0
    done = trustkit.run("policy", "explain", "--privileged", reference)
    assert done.status == 1, done.said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Tmpfs", {"/run": ""}),
        ("PortBindings", {"80/tcp": [{"HostIp": "", "HostPort": ""}]}),
        ("Annotations", {"a": ""}),
    ],
)
def test_what_is_asked_for_with_empty_values_is_not_dropped_in_silence(
    reference: str, api: Api, name: str, value: object
) -> None:
    body = {"Image": reference, "Cmd": ["true"], "HostConfig": {"NetworkMode": "none", name: value}}
    status, answer = api.ask("POST", "/containers/create", body)
    assert status == 400, answer


def test_a_layout_named_relative_is_the_callers_not_the_daemons(
    trustkit: Trustkit, signed: Signed, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    trustkit.run("ps", cwd=there)
    done = trustkit.run("run", "--rm", "oci:layout", "true", cwd=here)
    assert str(here) in done.stderr, done.said


def altered_row(trustkit: Trustkit, name: str, **members: object) -> None:
    """Change the engine's record of a container while no daemon runs."""
    trustkit.must("daemon", "--stop")
    files = list((trustkit.home / "engine").glob("*.db")) + list((trustkit.home / "engine").glob("*.sqlite*"))
    database = sqlite3.connect(files[0])
    with database:
        [(text,)] = database.execute("select body from containers where name = ?", (name,)).fetchall()
        database.execute(
            "update containers set body = ? where name = ?", (json.dumps({**json.loads(text), **members}), name)
        )
    database.close()


def test_a_container_without_network_does_not_get_the_hosts_from_an_altered_record(
    trustkit: Trustkit, reference: str
) -> None:
    trustkit.must("run", "--name", "quiet", *ISOLATED, reference, "readlink", "/proc/self/ns/net")
    altered_row(trustkit, "quiet", netns="")
    done = trustkit.run("start", "-a", "quiet")
    assert str(Path("/proc/self/ns/net").readlink()) not in done.stdout, done.said


def test_another_command_in_an_altered_record_does_not_run(trustkit: Trustkit, reference: str) -> None:
    trustkit.must("run", "--name", "other", *ISOLATED, reference, "true")
    altered_row(trustkit, "other", arguments=["echo", "not what was admitted"])
    done = trustkit.run("start", "-a", "other")
    assert "not what was admitted" not in done.stdout, done.said
