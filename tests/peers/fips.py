"""A real FIPS module (Debian's, NOT validated) installed for tests, once a process: it tests itself once a process."""

import atexit
import shutil
import subprocess
import sys
import tempfile
import textwrap
from functools import cache
from pathlib import Path

from peers.processes import PeerError
from peers.trustkit import Trustkit
from trustkit.fips import installation
from trustkit.fips.mode import MODULE
from trustkit.fips.provider import CryptoProvider
from trustkit.fips.providers.ossl_fips import OsslFipsProvider
from trustkit.fips.select import NAMES, provider
from trustkit.fips.selftest import SelfTestedProvider

ROOT = Path(__file__).resolve().parents[2]
FIPS = "ossl-fips"
EVERY_PROVIDER = (*NAMES, FIPS)
SHARED_LIBRARY = ROOT / ".peers/root/openssl-fips/usr/lib/x86_64-linux-gnu/ossl-modules/fips.so"


def module_file() -> Path:
    """Return the module as Debian ships it. Raises PeerError when `make peers` has not brought it."""
    if not SHARED_LIBRARY.exists():
        raise PeerError(f"{SHARED_LIBRARY} is missing: run make peers")
    return SHARED_LIBRARY


@cache
def installed_module() -> installation.Installation:
    """Return the module as `trustkit fips install` lays it down, in a folder that goes with this process."""
    folder = Path(tempfile.mkdtemp(prefix="trustkit-fips-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return installation.install(module_file(), folder / "fips")


@cache
def fips_provider() -> OsslFipsProvider:
    """Return the module's provider, in a process that is not in FIPS mode."""
    return OsslFipsProvider(installed_module(), MODULE)


@cache
def crypto_named(name: str) -> CryptoProvider:
    """Return a provider by name, the module's too, behind its self-tests."""
    return SelfTestedProvider(fips_provider()) if name == FIPS else provider(name)


def enter_fips_mode(trustkit: Trustkit) -> Trustkit:
    """Install the module as `trustkit fips install` does, and turn the mode on by the configuration."""
    installation.install(module_file(), trustkit.home / "fips")
    (trustkit.home / "config.toml").write_text('[fips]\nmode = "module"\n')
    return trustkit


def inside(fips: Trustkit, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process that has entered FIPS mode."""
    folder = fips.home / "fips"
    env = {**fips.env, "OPENSSL_CONF": str(folder / "openssl.cnf"), "OPENSSL_MODULES": str(folder)}
    start = "from trustkit.cli import fips_start\nfips_start.enter([])\n"
    return subprocess.run(
        [sys.executable, "-I", "-c", start + textwrap.dedent(code), *arguments],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def corrupt_known_answer(pid: int, module: Path) -> None:
    """Flip one bit of what the module in a process's memory takes for SHA-512 of "abc", so that its self-test fails."""
    answer = bytes.fromhex("ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a")
    position = module.read_bytes().index(answer)
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        fields = line.split()
        begin, end = (int(part, 16) for part in fields[0].split("-"))
        offset = int(fields[2], 16)
        if fields[-1] == str(module) and offset <= position < offset + end - begin:
            with Path(f"/proc/{pid}/mem").open("r+b", buffering=0) as memory:
                memory.seek(begin + position - offset)
                memory.write(bytes([answer[0] ^ 1]))
            return
    raise PeerError(f"process {pid} has not mapped {module}")
