"""The trust server in FIPS mode, with passwords and TLS, against the real `notary` and `openssl`."""

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.fips import enter_fips_mode
from peers.postgres import postgres
from peers.registry import Tls
from peers.trust import Notary, TrustServer, trust_server
from peers.trustkit import Trustkit
from peers.workspace import short_folder

GUN = "registry.example/team/app"
PASSWORD = "a long secret"


@pytest.fixture(name="server", scope="module")
def server_(tls: Tls) -> Iterator[TrustServer]:
    with short_folder("trust") as folder:
        (folder / "state").mkdir(mode=0o700)
        yield from _served(enter_fips_mode(Trustkit(folder / "state")), tls)


def _served(fips: Trustkit, tls: Tls) -> Iterator[TrustServer]:
    hashed = fips.must("trust", "serve", "--hash-password", env={"TRUSTKIT_PASSWORD": PASSWORD}).stdout.strip()
    users = fips.home / "users.toml"
    users.write_text(
        f'[[user]]\nname = "alice"\npassword = "{hashed}"\nrepositories = ["{GUN}"]\nactions = ["push", "pull"]\n'
    )
    with trust_server(fips, "--users", users, tls=tls) as running:
        yield running


def _alice(server: TrustServer, folder: Path, password: str) -> Notary:
    return Notary(server, folder / "alice", base64.b64encode(f"alice:{password}".encode()).decode())


def _handshake(server: TrustServer, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["openssl", "s_client", "-connect", server.host, *words]
    return subprocess.run(command, input="", capture_output=True, text=True, check=False)


def test_a_user_logs_in_and_publishes_with_a_password_the_module_hashed(server: TrustServer, tmp_path: Path) -> None:
    alice = _alice(server, tmp_path, PASSWORD)
    alice.must("init", "-p", GUN)
    alice.sign(GUN, "v1", "1" * 64)


def test_another_password_is_refused(server: TrustServer, tmp_path: Path) -> None:
    assert _alice(server, tmp_path, "a long guess").run("init", "-p", GUN).status != 0


def test_a_short_password_is_not_stored(fips: Trustkit) -> None:
    done = fips.run("trust", "serve", "--hash-password", env={"TRUSTKIT_PASSWORD": "short"})
    assert (done.status, done.stdout, "SP 800-63B" in done.stderr) == (2, "", True)


def test_a_database_whose_library_brings_other_cryptography_is_refused_at_the_start(fips: Trustkit) -> None:
    """Debian's libpq links libldap, and that one GnuTLS."""
    with postgres() as cluster:
        words = ("trust", "serve", "--listen", "127.0.0.1:0", "--database", cluster.database())
        done = fips.run(*words, env={"TRUSTKIT_PASSWORD": PASSWORD})
    assert (done.status, "libgnutls" in done.stderr, "trust server at" in done.stdout) == (4, True, False), done.said


@pytest.mark.parametrize("group", ["P-256", "P-384"])
def test_the_server_agrees_on_a_curve_of_nist(server: TrustServer, group: str) -> None:
    assert _handshake(server, "-groups", group).returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        ("-groups", "X25519"),
        ("-groups", "X448"),
        ("-tls1_2", "-groups", "X25519"),
        ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
        ("-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"),
        ("-tls1_2", "-cipher", "ECDHE+CHACHA20"),
        ("-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES256-SHA384"),
        ("-tls1_2", "-cipher", "ADH:@SECLEVEL=0"),
        ("-tls1_2", "-sigalgs", "RSA+SHA1:ECDSA+SHA1", "-cipher", "ALL:@SECLEVEL=0"),
    ],
    ids=" ".join,
)
def test_the_server_refuses_a_client_of_nothing_approved(server: TrustServer, words: tuple[str, ...]) -> None:
    done = _handshake(server, *words)
    assert (done.returncode, "Cipher is (NONE)" in done.stdout) == (1, True), done.stderr
