"""Content trust signed by keys in a token, and in FIPS mode; a server whose answer is lost on the way."""

import socket
import threading
from contextlib import contextmanager, suppress

import pytest

from peers.fips import enter_fips_mode
from peers.softhsm import PIN, make_token
from peers.trust import Notary, any_trust_server, trust_server
from peers.trust_author import Author, notary_keys
from peers.trustkit import Trustkit
from peers.workspace import short_folder

ONE = "1" * 64


@pytest.fixture(scope="module")
def server(tls):
    with any_trust_server("trustkit", tls) as running:
        yield running


@pytest.fixture
def author(trustkit_home, server, repository):
    return Author(trustkit_home, server, f"registry.example/{repository}")


@pytest.fixture
def notary(server, tmp_path):
    return Notary(server, tmp_path / "notary")


def test_root_and_targets_keys_stay_in_a_token(author, notary):
    with short_folder("hsm") as folder:
        token = make_token(folder)
        for number, name in enumerate(("root", "targets"), 1):
            token.add("ecdsa-p256", name, f"0{number}")
        author.trustkit.env.update(token.env, TRUSTKIT_PIN=PIN)
        author.must("init", author.gun, "--root-key", token.uri("root"), "--targets-key", token.uri("targets"))
        assert author.sign("v1", ONE).status != 0
        assert author.sign("v1", ONE, "--key", token.uri("targets")).status == 0
    assert notary.tags(author.gun) == {"v1": (ONE, "targets")}
    assert not list(author.folder.rglob("*.key"))


@pytest.fixture
def in_fips_mode(author, server):
    enter_fips_mode(author.trustkit)
    author.trustkit.env.update(TRUSTKIT_TRUST_SERVER=server.url, TRUSTKIT_REGISTRY_CA_FILE=str(server.tls.ca_file))
    return author


def test_in_fips_mode_keys_are_made_kept_and_used_in_the_module(in_fips_mode, notary):
    author = in_fips_mode.begun()
    assert notary.tags(author.gun) == {"v1": (ONE, "targets")}
    kept = list((author.folder / "private").glob("*.key"))
    assert len(kept) == 2


def test_in_fips_mode_keys_that_docker_keeps_are_not_opened(in_fips_mode, tmp_path):
    author = in_fips_mode
    done = author.keyed(notary_keys(tmp_path / "keys")).run("init", author.gun)
    assert (done.status, "not used in FIPS mode" in done.said) == (1, True)


class Lossy:
    """A relay to a server that loses the answer to the first publication."""

    def __init__(self, port):
        self.port, self.lost = port, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                inside, _ = self.listener.accept()
                threading.Thread(target=self._relay, args=(inside,), daemon=True).start()

    def _relay(self, inside):
        with suppress(OSError), inside, socket.create_connection(("127.0.0.1", self.port)) as outside:
            while request := inside.recv(1 << 20):
                outside.sendall(request)
                posted = request.startswith(b"POST ")
                inside.settimeout(0.2)
                with suppress(TimeoutError):
                    # headers and body may come one after the other
                    while posted and (more := inside.recv(1 << 20)):
                        outside.sendall(more)
                inside.settimeout(None)
                answer = outside.recv(1 << 20)
                if posted and not self.lost:
                    self.lost += 1
                    return
                inside.sendall(answer)


@contextmanager
def lossy_server():
    with short_folder("trust") as folder:
        (folder / "state").mkdir(mode=0o700)
        with trust_server(Trustkit(folder / "state")) as running:
            relay = Lossy(int(running.host.rpartition(":")[2]))
            try:
                yield running, relay
            finally:
                relay.listener.close()


@pytest.mark.parametrize("what", ["init", "sign"])
def test_a_publication_whose_answer_was_lost_is_found_to_be_there(trustkit_home, repository, tmp_path, what):
    with lossy_server() as (running, relay):
        author = Author(trustkit_home, running, f"registry.example/{repository}").keyed(notary_keys(tmp_path / "keys"))
        through = ("--server", f"http://127.0.0.1:{relay.listener.getsockname()[1]}")
        if what == "init":
            author.must("init", author.gun, *through)
        else:
            author.must("init", author.gun)
            done = author.sign("v1", ONE, *through)
            assert done.status == 0, done.said
        assert relay.lost == 1
        assert author.tags() == ({} if what == "init" else {"v1": (ONE, "targets")})
        found = author.trustkit.json("trust", "inspect", author.gun)
        assert [role["version"] for role in found["roles"]] == [1 if what == "init" else 2]
