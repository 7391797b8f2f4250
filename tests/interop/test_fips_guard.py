"""The guard of FIPS mode: what would do cryptography outside the module, and TLS that would be less than approved."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.fips import inside
from peers.processes import Process, free_port, listens
from peers.registry import Tls
from peers.trustkit import Trustkit

# The extension of `cryptography`, loaded by its file: the import of its package is never asked for.
RUST = f"""
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
file = "{sys.prefix}/lib/python3.{sys.version_info.minor}/site-packages/cryptography/hazmat/bindings/_rust.abi3.so"
module_from_spec(spec_from_loader("_rust", ExtensionFileLoader("_rust", file)))
"""


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import hashlib; hashlib.md5(b'')", "no attribute 'md5'"),
        ("import hashlib; hashlib.new('blake2b')", "unsupported hash type"),
        ("import _sha256", "ModuleNotFoundError"),
        ("import cryptography", "GuardError"),
        ("import nacl.secret", "GuardError"),
        ("from Crypto.Hash import MD5", "GuardError"),
        ("import subprocess; subprocess.run(['gpg', '--version'])", "GuardError"),
        ("import subprocess; subprocess.run('openssl version', shell=True)", "GuardError"),
        ("import subprocess; subprocess.run(['env', 'openssl', 'version'])", "GuardError"),
        ("import os; os.system('openssl version')", "GuardError"),
        ("import os; os.execvp('openssl', ['openssl', 'version'])", "GuardError"),
        (
            "import os, sys; os.posix_spawn(sys.executable, [sys.executable, '-c', 'import cryptography'], {})",
            "GuardError",
        ),
        ("import cffi; cffi.FFI().dlopen('libgcrypt.so.20')", "GuardError"),
        ("import _cffi_backend", "GuardError"),
        ("import _crypt", "ModuleNotFoundError"),
        (RUST, "_rust.abi3.so does cryptography"),
        ("from securesystemslib._vendor.ed25519.ed25519 import checkvalid; checkvalid(b'', b'', b'')", "GuardError"),
        ("import subprocess; subprocess.run(['/usr/bin/openssl', 'version'])", "GuardError"),
        ("import ctypes; ctypes.CDLL('libgcrypt.so.20')", "GuardError"),
        ("from trustkit.fips.select import provider; provider('pyca')", "AlgorithmNotApprovedError"),
        ("from trustkit.fips.select import choose; choose('openssl')", "AlgorithmNotApprovedError"),
        ("from trustkit.fips.select import provider; provider().hasher('md5')", "SP 800-131A"),
        ("from trustkit.fips.select import provider; provider().generate('rsa-1024')", "AlgorithmNotApprovedError"),
        ("from trustkit.fips import cosign_key; cosign_key.encrypt(b'', b'')", "GuardError"),
    ],
)
def test_denied_at_run_time(fips: Trustkit, code: str, words: str) -> None:
    done = inside(fips, code)
    assert done.returncode == 1
    assert words in done.stderr


def test_securesystemslib_is_loaded_without_its_own_cryptography(fips: Trustkit) -> None:
    done = inside(fips, "import securesystemslib.signer; print('loaded')")
    assert done.stdout == "loaded\n", done.stderr


def test_what_trustkit_starts_is_started(fips: Trustkit) -> None:
    done = inside(fips, "import subprocess; print(subprocess.run(['runc', '--version']).returncode)")
    assert done.stdout.splitlines()[-1:] == ["0"], done.stderr


@pytest.mark.parametrize("program", ["containerd", "/opt/crun", "docker-credential-none", "iptables-restore"])
def test_a_program_of_trustkit_s_own_or_of_the_configuration_passes_the_guard(fips: Trustkit, program: str) -> None:
    with (fips.home / "config.toml").open("a") as file:
        file.write('[engine]\nruntime = "/opt/crun"\n')
    code = f"import os; os.posix_spawn('/nowhere/' + {program!r}.rpartition('/')[2], ['x'], {{}})"
    assert "FileNotFoundError" in inside(fips, code).stderr


# --- what is mapped without anybody asking


@pytest.fixture(name="stranger")
def stranger_(tmp_path: Path) -> Path:
    """A library that is harmless, under the name of one that is not."""
    library = tmp_path / "libsodium.so.23"
    shutil.copy("/lib/x86_64-linux-gnu/libutil.so.1", library)
    return library


def test_a_stranger_in_memory_at_the_start_stops_a_command(fips: Trustkit, stranger: Path) -> None:
    done = fips.run("key", "list", env={"LD_PRELOAD": str(stranger)})
    assert (done.status, str(stranger) in done.stderr) == (4, True), done.said


def test_outside_the_mode_the_same_library_stops_nothing(trustkit: Trustkit, stranger: Path) -> None:
    assert trustkit.run("key", "list", env={"LD_PRELOAD": str(stranger)}).status == 0


@pytest.mark.parametrize("what", ["provider().status()", "fips_start.require_alone()"])
def test_a_stranger_that_comes_later_stops_decisions_and_the_end_of_a_command(
    fips: Trustkit, stranger: Path, what: str
) -> None:
    done = inside(fips, f"""
        import mmap
        from trustkit.fips.select import provider
        provider().status()
        with open({str(stranger)!r}, "rb") as file:
            held = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        {what}
    """)  # fmt: skip
    assert "was loaded: " + str(stranger) in done.stderr
    assert "SelfTestError" in done.stderr


# --- TLS


@pytest.fixture(name="tls_server", params=["X25519", "P-256"])
def tls_server_(request: pytest.FixtureRequest, tls: Tls, tmp_path: Path) -> Iterator[tuple[str, int]]:
    port = free_port()
    args = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-groups", str(request.param)]
    server = Process(
        [*args, "-cert", str(tls.certificate_file), "-key", str(tls.key_file)], log=tmp_path / "log", env={}
    )
    try:
        server.wait_until(lambda: listens(port))
        yield str(request.param), port
    finally:
        server.stop()


def test_tls_agrees_on_nist_curves_only(fips: Trustkit, tls: Tls, tls_server: tuple[str, int]) -> None:
    group, port = tls_server
    done = inside(fips, f"""
        import socket, ssl
        context = ssl.create_default_context(cafile={str(tls.ca_file)!r})
        with socket.create_connection(("127.0.0.1", {port})) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                print(secure.cipher()[0])
    """)  # fmt: skip
    if group == "X25519":
        assert "handshake failure" in done.stderr.lower(), done.stdout + done.stderr
    else:
        assert "AES" in done.stdout, done.stderr


@pytest.mark.parametrize(
    "change",
    [
        "set_ciphers('ALL:@SECLEVEL=0')",
        "set_ciphers('DEFAULT')",
        "set_ecdh_curve('prime256v1')",
        "load_dh_params('/dev/null')",
        "__setattr__('minimum_version', ssl.TLSVersion.TLSv1)",
        "__setattr__('minimum_version', ssl.TLSVersion.MINIMUM_SUPPORTED)",
    ],
)
@pytest.mark.parametrize("made", ["create_default_context()", "SSLContext(ssl.PROTOCOL_TLS_SERVER)"])
def test_nobody_widens_tls(fips: Trustkit, made: str, change: str) -> None:
    done = inside(fips, f"import ssl; context = ssl.{made}; context.{change}")
    assert "GuardError: TLS settings are fixed" in done.stderr


@pytest.mark.parametrize("made", ["create_default_context()", "SSLContext(ssl.PROTOCOL_TLS)", "SSLContext(2)"])
def test_every_context_has_approved_suites_only(fips: Trustkit, made: str) -> None:
    """CPython writes suites of its own into each: they would be AES-CBC, too."""
    done = inside(fips, f"""
        import ssl
        context = ssl.{made}
        print([row["name"] for row in context.get_ciphers() if "GCM" not in row["name"]], context.minimum_version.name)
    """)  # fmt: skip
    assert done.stdout == "[] TLSv1_2\n", done.stderr


def test_a_server_that_signs_with_sha_1_only_is_refused(fips: Trustkit, tls: Tls, tmp_path: Path) -> None:
    port = free_port()
    args = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-tls1_2", "-sigalgs", "ECDSA+SHA1:RSA+SHA1"]
    args += ["-cipher", "ALL:@SECLEVEL=0", "-cert", str(tls.certificate_file), "-key", str(tls.key_file)]
    server = Process(args, log=tmp_path / "log", env={})
    try:
        server.wait_until(lambda: listens(port))
        done = inside(fips, f"""
            import socket, ssl
            context = ssl.create_default_context(cafile={str(tls.ca_file)!r})
            with socket.create_connection(("127.0.0.1", {port})) as plain:
                context.wrap_socket(plain, server_hostname="127.0.0.1")
        """)  # fmt: skip
    finally:
        server.stop()
    assert "SSLError" in done.stderr
