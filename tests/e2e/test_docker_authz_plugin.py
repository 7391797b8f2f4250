"""`trustkit serve docker-authz` without a dockerd: its socket, its protocol, and what it does with anything else."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.docker import start_plugin
from peers.processes import Process, wait_until
from peers.tools import ROOT
from peers.trustkit import Trustkit
from peers.workspace import short_folder

LARGEST = 4 * 1024 * 1024


class Plugin:
    def __init__(self, folder: Path, trustkit: Trustkit) -> None:
        self.process: Process = start_plugin(folder, trustkit)
        self.socket = folder / "run/plugins/trustkit.sock"

    def send(self, content: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(str(self.socket))
            try:
                connection.sendall(content)
                connection.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                return b""
            answer = b""
            try:
                while part := connection.recv(65536):
                    answer += part
            except ConnectionResetError:
                pass
            return answer

    def call(self, path: str, content: bytes) -> tuple[int, bytes]:
        head = f"POST {path} HTTP/1.1\r\nHost: p\r\nContent-Length: {len(content)}\r\n\r\n"
        answer = self.send(head.encode() + content)
        status, _, body = answer.partition(b"\r\n\r\n")
        return int(status.split(b" ")[1]), body

    def ask(self, **members: object) -> dict[str, object]:
        answer = json.loads(self.call("/AuthZPlugin.AuthZReq", json.dumps(members).encode())[1])
        assert isinstance(answer, dict)
        return answer


@pytest.fixture
def plugin(trustkit: Trustkit) -> Iterator[Plugin]:
    with short_folder("authz") as folder:
        running = Plugin(folder, trustkit)
        try:
            yield running
        finally:
            running.process.stop()


def test_it_says_what_it_implements(plugin: Plugin) -> None:
    assert plugin.call("/Plugin.Activate", b"") == (200, b'{"Implements": ["authz"]}')


def test_a_response_is_never_held_back(plugin: Plugin) -> None:
    for content in (
        b"",
        b"{}",
        b" " * (2 * LARGEST),
        b'{"RequestMethod":"POST","RequestUri":"/x","ResponseStatusCode":201}',
    ):
        assert plugin.call("/AuthZPlugin.AuthZRes", content) == (200, b'{"Allow": true}')


def test_a_read_is_allowed(plugin: Plugin) -> None:
    assert plugin.ask(RequestMethod="GET", RequestUri="/v1.41/info") == {"Allow": True}


def test_what_is_refused_has_a_reason_and_a_next_step(plugin: Plugin) -> None:
    answer = plugin.ask(RequestMethod="POST", RequestUri="/v1.41/swarm/init")
    assert (answer["Allow"], "--allow swarm" in str(answer["Msg"])) == (False, True)


@pytest.mark.parametrize("path", ["/AuthZPlugin.Other", "/authzplugin.authzreq", "/"])
def test_another_question_has_no_answer(plugin: Plugin, path: str) -> None:
    assert plugin.call(path, b"{}")[0] == 404


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\xff\n", b"GET / HTTP/9.9\r\n\r\n",
        b"POST /AuthZPlugin.AuthZReq HTTP/1.1\r\nHost: p\r\n" + b"a" * 100_000,
        b"POST /AuthZPlugin.AuthZReq HTTP/1.1\r\nHost: p\r\nContent-Length: 5\r\n\r\n{",
        b"POST /AuthZPlugin.AuthZReq HTTP/1.1\r\nHost: p\r\nContent-Length: 9999999\r\n\r\n" + b" " * (LARGEST + 1),
    ],
)  # fmt: skip
def test_bytes_that_are_no_question_are_never_allowed_and_do_no_harm(plugin: Plugin, content: bytes) -> None:
    assert b'"Allow": true' not in plugin.send(content)
    assert plugin.ask(RequestMethod="GET", RequestUri="/info") == {"Allow": True}
    assert "Traceback" not in plugin.process.log.read_text(encoding="utf-8")


def test_the_socket_is_its_owners_alone(plugin: Plugin) -> None:
    assert plugin.socket.stat().st_mode & 0o777 == 0o600


def test_another_user_gets_no_answer(plugin: Plugin) -> None:
    # as if somebody had loosened the mode
    plugin.socket.chmod(0o666)
    plugin.socket.parents[2].chmod(0o755)
    script = (
        "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        "s.sendall(b'POST /Plugin.Activate HTTP/1.1\\r\\nHost: p\\r\\nContent-Length: 0\\r\\n\\r\\n');"
        "print(s.recv(999))"
    )
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", script]
    done = subprocess.run([*words, str(plugin.socket)], check=False, capture_output=True, text=True, timeout=20)
    assert "Implements" not in done.stdout
    wait_until(lambda: "65534" in plugin.process.log.read_text(encoding="utf-8"), "the plugin's complaint")


def test_a_second_plugin_does_not_take_the_socket_away(plugin: Plugin, trustkit: Trustkit) -> None:
    done = trustkit.run("serve", "docker-authz", "--socket", plugin.socket)
    assert (done.status, "already answers there" in done.stderr) == (2, True), done.said


def test_it_ends_orderly(plugin: Plugin) -> None:
    os.killpg(plugin.process.pid, signal.SIGTERM)
    wait_until(lambda: not plugin.process.running(), "its end")
    assert not plugin.socket.exists()
    assert "Traceback" not in plugin.process.log.read_text(encoding="utf-8")


def test_a_dead_plugins_socket_is_replaced(trustkit: Trustkit) -> None:
    with short_folder("authz") as folder:
        first = Plugin(folder, trustkit)
        first.process.signal(signal.SIGKILL)
        wait_until(lambda: not first.process.running(), "its end")
        second = Plugin(folder, trustkit)
        try:
            assert second.ask(RequestMethod="GET", RequestUri="/info") == {"Allow": True}
        finally:
            second.process.stop()


@pytest.mark.parametrize(
    "words", [("--allow", "everything"), ("--socket", "/tmp/" + "x" * 120), ("--socket", "/proc/none/x.sock")]
)
def test_what_cannot_be_served_is_said(trustkit: Trustkit, words: tuple[str, ...]) -> None:
    done = trustkit.run("serve", "docker-authz", *words)
    assert done.status in (2, 4), done.said
    assert "Traceback" not in done.stderr


def test_a_policy_that_does_not_load_is_said_at_once(trustkit: Trustkit, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("kind: Other", encoding="utf-8")
    done = trustkit.run(
        "serve", "docker-authz", "--socket", tmp_path / "x.sock", env={"TRUSTKIT_TRUST_POLICY": str(policy)}
    )
    assert (done.status, "policy.yaml" in done.stderr) == (2, True), done.said


def test_the_unit_starts_what_there_is(trustkit: Trustkit) -> None:
    unit = (ROOT / "deploy/docker/trustkit-docker-authz.service").read_text(encoding="utf-8")
    started = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    words = started.partition("trustkit ")[2].split()
    assert trustkit.run(*words, "--help").status == 0
