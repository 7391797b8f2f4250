"""Where the real commands spend their processor time in FIPS mode: samples of the instruction pointer, by mapped file.

What a flag says about FIPS mode is no evidence; this is. libcrypto.so.3 drives the module, so some samples fall there:
contexts made and freed, names looked up. A check of RSA or Ed25519 costs less than being called.
"""

import json
from collections import Counter
from pathlib import Path

import pytest

from peers.fips import enter_fips_mode, inside
from peers.images import Image, write_layout
from peers.trustkit import Trustkit

LIBCRYPTO = "libcrypto.so.3"
# Each of these holds arithmetic: Python's own hashes, and what the wheels of this environment bring.
OTHERS = ("_rust", "Crypto", "_sha", "_md5", "_blake2", "libgcrypt", "libsodium", "_cffi", "cygrpc", "libgmp")
# kind: the least share of the module in what `verify` spends in files that hold cryptography
KINDS = {"ecdsa-p256": 0.6, "ecdsa-p384": 0.85, "ecdsa-p521": 0.85, "ed25519": 0.4, "rsa-3072": 0.4}
COMMANDS = """
    import contextlib, io, json, sys
    tests, kind, layout = sys.argv[1:]
    sys.path.insert(0, tests)
    from peers.sampling import samples
    from trustkit.cli import main
    # this process is in the mode already
    fips_start.enter = lambda arguments: None
    def run(*arguments):
        with contextlib.redirect_stdout(io.StringIO()):
            assert main.run(list(arguments)) == 0, arguments
    def often(count, *arguments):
        return lambda: [run(*arguments) for _ in range(count)]
    print(json.dumps({
        "key generate": samples(often(1, "key", "generate", "k", "--kind", kind)),
        "sign": samples(often(3, "sign", "--key", "k", layout)),
        "verify": samples(often(50, "verify", "--key", "k", layout)),
    }))
"""


@pytest.fixture(name="layout")
def layout_(image: Image, tmp_path: Path) -> str:
    write_layout(image, tmp_path / "layout", "v1")
    return f"oci:{tmp_path / 'layout'}:v1"


def sampled(trustkit: Trustkit, kind: str, layout: str) -> dict[str, Counter[str]]:
    """Return, of each command, how many samples fell into each file that may hold cryptography."""
    trustkit.env["TRUSTKIT_PASSWORD"] = "a passphrase"
    done = inside(trustkit, COMMANDS, str(Path(__file__).resolve().parents[1]), kind, layout)
    assert done.returncode == 0, done.stderr
    found: dict[str, Counter[str]] = {}
    for command, counts in json.loads(done.stdout).items():
        kept = (LIBCRYPTO, "fips.so", *OTHERS)
        found[command] = Counter(
            {path.rpartition("/")[2]: count for path, count in counts.items() if any(name in path for name in kept)}
        )
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_command_does_its_maths_in_the_module_s_file(trustkit: Trustkit, layout: str, kind: str) -> None:
    found = sampled(enter_fips_mode(trustkit), kind, layout)
    shares = {command: counts["fips.so"] / (counts.total() or 1) for command, counts in found.items()}
    assert set().union(*found.values()) <= {"fips.so", LIBCRYPTO}, found
    whole: Counter[str] = sum(found.values(), Counter())
    assert whole["fips.so"] > 0.9 * whole.total() > 200, found
    assert shares["key generate"] > 0.9, found
    assert shares["sign"] > 0.9, found
    assert shares["verify"] > KINDS[kind], found


def test_outside_fips_mode_the_same_samples_fall_elsewhere(trustkit: Trustkit, layout: str) -> None:
    """The control: were the maths in libcrypto, these samples would say so."""
    found = sampled(trustkit, "ecdsa-p384", layout)
    for command, counts in found.items():
        assert counts["fips.so"] == 0, command
        assert counts[LIBCRYPTO] > 50, command
