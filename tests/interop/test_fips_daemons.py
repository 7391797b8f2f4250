"""What runs long in FIPS mode decides nothing more once its module was harmed; each is asked by its own protocol."""

import base64
import http.client
import json
import socket
import ssl
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from peers.docker import start_plugin
from peers.fips import corrupt_known_answer
from peers.images import Image
from peers.processes import free_port, wait_until
from peers.registry import Registry, Tls
from peers.reviews import container, encoded, pod_spec, review, workload
from peers.signed import Signed, daemon_pids
from peers.trust import trust_server
from peers.trustkit import Trustkit
from peers.workspace import short_folder

PASSWORD = "a long secret"
# Asks one question and returns whether the answer was yes, and all its words.
Ask = Callable[[], tuple[bool, str]]


class Unix(http.client.HTTPConnection):
    """HTTP over a socket in a folder."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(self._path))


def _answer(connection: http.client.HTTPConnection, path: str, body: object, **headers: str) -> tuple[int, str]:
    try:
        connection.request("POST" if body else "GET", path, encoded(body) if body else None, headers)
        found = connection.getresponse()
        return found.status, found.read().decode()
    finally:
        connection.close()


@contextmanager
def _daemon(fips: Trustkit, image: str, tls: Tls) -> Iterator[tuple[int, Ask]]:
    fips.must("ps")
    (pid,) = daemon_pids(fips.home)

    def ask() -> tuple[bool, str]:
        question = {"image": image, "engine": "test", "purpose": "pull"}
        status, said = _answer(Unix(fips.home / "run" / "trustkit.sock"), "/trustkit/decisions", question)
        return status == 200 and json.loads(said)["verdict"] == "allow", said

    yield pid, ask


@contextmanager
def _webhook(fips: Trustkit, image: str, tls: Tls) -> Iterator[tuple[int, Ask]]:
    port = free_port()
    words = ("--listen", f"127.0.0.1:{port}", "--tls-cert", tls.certificate_file, "--tls-key", tls.key_file)
    process = fips.start("serve", "webhook", *words)

    def connection() -> http.client.HTTPConnection:
        context = ssl.create_default_context(cafile=tls.ca_file)
        return http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)

    def ready() -> bool:
        try:
            return _answer(connection(), "/readyz", None)[0] == 200
        except OSError:
            return False

    def ask() -> tuple[bool, str]:
        pod = review(workload("Pod", pod_spec(container(image))))
        try:
            status, said = _answer(connection(), "/mutate?timeout=20s", pod)
        except OSError as error:
            return False, f"no TLS any more: {error}"
        return status == 200 and "patch" in json.loads(said)["response"], said

    try:
        process.wait_until(ready)
        yield process.pid, ask
    finally:
        process.stop()


@contextmanager
def _plugin(fips: Trustkit, image: str, tls: Tls) -> Iterator[tuple[int, Ask]]:
    name, tag = image.rsplit(":", 1)
    question = {
        "RequestMethod": "POST",
        "RequestUri": f"/v1.41/images/create?fromImage={urllib.parse.quote(name, safe='')}&tag={tag}",
    }
    with short_folder("authz") as folder:
        process = start_plugin(folder, fips)

        def ask() -> tuple[bool, str]:
            where = folder / "run/plugins/trustkit.sock"
            status, said = _answer(Unix(where), "/AuthZPlugin.AuthZReq", question)
            return status == 200 and json.loads(said)["Allow"] is True, said

        try:
            yield process.pid, ask
        finally:
            process.stop()


@contextmanager
def _trust_server(fips: Trustkit, image: str, tls: Tls) -> Iterator[tuple[int, Ask]]:
    hashed = fips.must("trust", "serve", "--hash-password", env={"TRUSTKIT_PASSWORD": PASSWORD}).stdout.strip()
    users = fips.home / "users.toml"
    users.write_text(
        f'[[user]]\nname = "alice"\npassword = "{hashed}"\nrepositories = ["*"]\nactions = ["pull", "push"]\n'
    )
    login = base64.b64encode(f"alice:{PASSWORD}".encode()).decode()

    with trust_server(fips, "--users", users, tls=tls) as server:

        def ask() -> tuple[bool, str]:
            context = ssl.create_default_context(cafile=tls.ca_file)
            connection = http.client.HTTPSConnection(server.host, context=context, timeout=30)
            path = "/v2/registry.example/app/_trust/tuf/timestamp.key"
            try:
                status, said = _answer(connection, path, None, Authorization=f"Basic {login}")
            except OSError as error:
                return False, f"no TLS any more: {error}"
            return status == 200, said

        yield server.process.pid, ask


# --- harms


def _replace(fips: Trustkit, pid: int) -> None:
    module = fips.home / "fips" / "fips.so"
    content = module.read_bytes()
    module.rename(module.with_name("away.so"))
    module.write_bytes(content)


def _remove(fips: Trustkit, pid: int) -> None:
    (fips.home / "fips" / "fips.so").unlink()


def _write_one_byte(fips: Trustkit, pid: int) -> None:
    with (fips.home / "fips" / "fips.so").open("r+b") as file:
        file.seek(-1, 2)
        (last,) = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last ^ 1]))


def _fail_a_self_test(fips: Trustkit, pid: int) -> None:
    corrupt_known_answer(pid, fips.home / "fips" / "fips.so")


FILE, TEST = "changed or removed while in use", "failed its self-test"
HARMS = {_replace: FILE, _remove: FILE, _write_one_byte: FILE, _fail_a_self_test: TEST}
CASES = [
    *((_daemon, harm) for harm in HARMS),
    *((server, harm) for server in (_webhook, _plugin, _trust_server) for harm in (_remove, _fail_a_self_test)),
]


@pytest.mark.parametrize(("server", "harm"), CASES, ids=lambda part: part.__name__.strip("_"))
def test_after_a_harm_to_its_module_nothing_is_decided(
    server: Callable[..., AbstractContextManager[tuple[int, Ask]]],
    harm: Callable[[Trustkit, int], None],
    fips: Trustkit,
    registry: Registry,
    repository: str,
    image: Image,
    tls: Tls,
) -> None:
    name = Signed(fips, registry, repository).push(image)
    with (fips.home / "config.toml").open("a") as file:
        file.write("examine_every = 0.3\n")
    with server(fips, name, tls) as (pid, ask):
        assert ask()[0], ask()[1]
        harm(fips, pid)
        if HARMS[harm] == FILE:
            assert not ask()[0]
        wait_until(lambda: not ask()[0], "the refusal")
        assert HARMS[harm] in ask()[1] + _log(fips)
        assert not ask()[0]


def _log(fips: Trustkit) -> str:
    logs = [*fips.home.glob("*.log"), *fips.user_home.glob("*.log")]
    return "".join(log.read_text(errors="replace") for log in logs)
