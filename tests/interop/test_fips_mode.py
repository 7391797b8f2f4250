"""FIPS mode on a real module (Debian's, NOT validated): what works, what is refused, and that it cannot be left."""

import json
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from peers.fips import inside, module_file
from peers.images import Image
from peers.registry import Registry
from peers.tools import Cosign
from peers.trustkit import Trustkit

PASSPHRASE = {"TRUSTKIT_PASSWORD": "a passphrase"}
ON = {"TRUSTKIT_FIPS": "1"}


@pytest.fixture(name="cosign")
def cosign_(tmp_path: Path) -> Cosign:
    return Cosign("cosign3", tmp_path / "cosign")


@pytest.fixture(name="reference")
def reference_(registry: Registry, repository: str, image: Image) -> str:
    return registry.reference(repository, registry.push(image, repository, "v1"))


# --- what works


def test_status_says_what_is_loaded_and_claims_no_validation(fips: Trustkit) -> None:
    status = fips.json("fips", "status")
    assert isinstance(status, dict)
    module = status["module"]
    assert (status["mode"], module["version"], module["validated"]) == ("module", "3.5.9", False)
    assert module["path"] == str(fips.home / "fips" / "fips.so")
    assert module["mac_matches"]
    assert "NOT VALIDATED" in status["claim"]
    assert all(test["passed"] for test in module["self_tests"])


def test_no_other_cryptography_is_mapped(fips: Trustkit) -> None:
    status = fips.json("fips", "status")
    assert isinstance(status, dict)
    assert [path for path in status["other_libraries"] if "/_sha" not in path] == []


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-3072"])
def test_what_the_module_signs_cosign_verifies(fips: Trustkit, cosign: Cosign, reference: str, kind: str) -> None:
    fips.must("key", "generate", "k", "--kind", kind, env=PASSPHRASE)
    fips.must("sign", "--key", "k", "--layout", "legacy", reference, env=PASSPHRASE)
    cosign.must("verify", "--key", fips.home / "keys" / "k.pub", "--insecure-ignore-tlog=true", reference)


def test_what_cosign_signs_the_module_verifies_and_the_record_names_its_file(
    fips: Trustkit, cosign: Cosign, reference: str
) -> None:
    key, public = cosign.generate_key()
    cosign.must("sign", "--key", key, "--use-signing-config=false", "--tlog-upload=false", reference)
    done = fips.must("verify", "--key", public, reference)
    assert "not FIPS validated" in done.stdout
    events = fips.json("audit", "log")
    assert isinstance(events, list)
    status = fips.json("fips", "status")
    assert isinstance(status, dict)
    records = json.dumps([row for row in events if row["kind"] == "decision"])
    assert status["module"]["sha256"] in records


def test_every_probe_holds_in_the_mode(fips: Trustkit) -> None:
    rows = fips.json("fips", "prove")
    assert isinstance(rows, list)
    assert [row["about"] for row in rows if not row["holds"]] == []
    process = [row for row in rows if row["where"] == "process"]
    assert len(process) > 6
    assert all(row["control"] and not row["worked"] for row in process)


def test_outside_the_mode_prove_says_what_it_did_not_try(trustkit: Trustkit) -> None:
    trustkit.must("fips", "install", "--module", module_file())
    done = trustkit.must("fips", "prove")
    assert "FIPS mode is off: what a process in it must refuse was not tried" in done.stdout
    assert "hashlib" not in done.stdout


@pytest.mark.parametrize(
    "work",
    [
        "crypto.verify(key.public, name, signature, message)",
        "key.sign(name, message)",
        "crypto.hasher('sha256').update(large)",
    ],
)
def test_the_maths_takes_its_time_in_the_module_s_file(fips: Trustkit, work: str) -> None:
    """Samples of the instruction pointer: what a flag says about FIPS mode is no evidence."""
    tests = str(Path(__file__).resolve().parents[1])
    done = inside(fips, f"""
        import json, sys, time
        sys.path.insert(0, {tests!r})
        from peers.sampling import samples
        from trustkit.fips.select import provider
        crypto = provider()
        key, name, message, large = crypto.generate("ecdsa-p384"), "ecdsa-p384-sha384", b"x" * 300, bytes(1 << 20)
        signature = key.sign(name, message)
        def work():
            end = time.monotonic() + 0.5
            while time.monotonic() < end:
                {work}
        print(json.dumps(samples(work)))
    """)  # fmt: skip
    found = json.loads(done.stdout) if done.stdout else {}
    assert found, done.stderr
    module = found.get(str(fips.home / "fips" / "fips.so"), 0)
    assert module / sum(found.values()) > 0.7, found


def test_an_rsa_key_of_2048_bits_verifies_with_a_warning_and_its_size_is_on_record(
    trustkit: Trustkit, reference: str, tmp_path: Path
) -> None:
    key = tmp_path / "rsa.pem"
    command = ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key]
    subprocess.run(command, check=True, capture_output=True)
    trustkit.must("key", "import", "old", key, "--insecure-allow-plain", env=PASSPHRASE)
    trustkit.must("sign", "--key", "old", reference, env=PASSPHRASE)
    assert "2030-12-31" in trustkit.must("verify", reference).stdout
    events = trustkit.json("audit", "log")
    assert isinstance(events, list)
    assert '"key_bits": 2048' in json.dumps([row for row in events if row["kind"] == "decision"])
    assert "2030-12-31" in trustkit.must("trust", "status").stdout


# --- what is refused


def test_without_a_module_nothing_runs(trustkit: Trustkit) -> None:
    done = trustkit.run("key", "list", env=ON)
    assert done.status == 2
    assert "fips install" in done.stderr


@pytest.mark.parametrize("name", ["fips.so", "openssl.cnf", "module.json"])
def test_one_changed_byte_of_the_installation_stops_every_command(fips: Trustkit, name: str) -> None:
    path = fips.home / "fips" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    for command in (("key", "list"), ("audit", "verify"), ("fips", "prove")):
        assert fips.run(*command).status == 4, command


def test_a_module_of_another_origin_does_not_pass_the_module_s_own_integrity_check(fips: Trustkit) -> None:
    """The checksum is made to fit, so that it is the module's own test that fails."""
    from zlib import crc32

    path = fips.home / "fips" / "fips.so"
    content = path.read_bytes() + b"\0"
    path.write_bytes(content)
    record = json.loads((fips.home / "fips" / "module.json").read_text())
    record["crc32"] = f"{crc32(content):08x}"
    (fips.home / "fips" / "module.json").write_text(json.dumps(record))
    done = fips.run("key", "list")
    assert done.status == 4, done.said
    assert "KAT" in done.stderr or "Integrity" in done.stderr


def test_mode_validated_refuses_a_module_without_certificate(fips: Trustkit) -> None:
    done = fips.run("key", "list", env={"TRUSTKIT_FIPS": "validated"})
    assert done.status == 4
    assert "not validated here" in done.stderr


def test_another_provider_in_the_configuration_is_not_used(fips: Trustkit, reference: str) -> None:
    done = fips.run("verify", reference, env={"TRUSTKIT_CRYPTO_PROVIDER": "pyca"})
    assert "ossl-fips" in done.stdout


def test_cosign_s_key_files_are_not_read(fips: Trustkit, cosign: Cosign) -> None:
    key, _ = cosign.generate_key()
    done = fips.run("key", "import", "c", key, env={"TRUSTKIT_PASSWORD": "", "COSIGN_PASSWORD": ""})
    assert done.status != 0
    assert not (fips.home / "keys" / "c.key").exists()


def test_hashlib_stands_on_the_module(fips: Trustkit) -> None:
    done = inside(fips, "import hashlib; print(type(hashlib.sha256()).__module__)")
    assert done.stdout == "_hashlib\n", done.stderr


def test_hashlib_is_loaded_without_a_word(fips: Trustkit) -> None:
    done = inside(fips, "import sys; sys.modules.pop('hashlib', None); import hashlib")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_failing_self_test_of_the_module_stops_the_start(fips: Trustkit) -> None:
    code = """
        from trustkit.fips.libcrypto import fips_module
        hear = fips_module._Tests._hear
        def corrupting(self, rows, argument):
            hear(self, rows, argument)
            told = [fips_module.string_at(rows[i].data) for i in range(3)]
            return 0 if told[0] == b"Corrupt" and told[2] == b"ECDSA" else 1
        fips_module._Tests._hear = corrupting
        from trustkit.cli import fips_start
        from trustkit.errors import SelfTestError
        try:
            fips_start.enter([])
        except SelfTestError as error:
            print(error.message)
    """
    folder = fips.home / "fips"
    env = {**fips.env, "OPENSSL_CONF": str(folder / "openssl.cnf"), "OPENSSL_MODULES": str(folder)}
    done = subprocess.run(
        [sys.executable, "-I", "-c", textwrap.dedent(code)], env=env, capture_output=True, text=True, check=False
    )
    assert "KAT_Signature ECDSA" in done.stdout, done.stderr


# --- a process that lives long

WATCHED = """
    import time
    from trustkit.cli import fips_start
    from trustkit.errors import SelfTestError
    from trustkit.fips.select import provider
    crypto = provider()
    key, running = crypto.generate("ecdsa-p256"), crypto.hasher("sha256")
    {harm}
    tries = {{
        "hash": lambda: crypto.hasher("sha256"),
        "random": lambda: crypto.random(16),
        "sign": lambda: key.sign("ecdsa-p256-sha256", b""),
        "hmac": lambda: crypto.hmac("sha256", bytes(32), b""),
        "generate": lambda: crypto.generate("ecdsa-p256"),
        "seal": lambda: crypto.seal(bytes(32), b"", b""),
    }}
    def refused(trial):
        try:
            trial()
        except SelfTestError:
            return True
        return False
    fips_start._entered[0] = fips_start._entered[0]._replace(examine_every=0.05)
    with fips_start.watched():
        end = time.monotonic() + {seconds}
        while not refused(tries["hash"]) and time.monotonic() < end:
            time.sleep(0.02)
    print(sorted(name for name, trial in tries.items() if refused(trial)))
"""
EVERYTHING = "['generate', 'hash', 'hmac', 'random', 'seal', 'sign']\n"


def test_a_module_that_fails_its_test_later_does_nothing_more(fips: Trustkit) -> None:
    harm = """from trustkit.fips.libcrypto import fips_module
    module = crypto._inner.module
    def corrupting(rows, argument):
        module._tests._hear(rows, argument)
        told = [fips_module.string_at(rows[i].data) for i in range(3)]
        return 0 if told[0] == b"Corrupt" and told[2] == b"ECDSA" else 1
    heard = fips_module._Report(corrupting)
    module.library.call("OSSL_SELF_TEST_set_callback", module.context, heard, None)"""
    done = inside(fips, WATCHED.format(harm=harm, seconds=20))
    assert done.stdout == EVERYTHING, done.stderr


def test_other_cryptography_that_is_mapped_later_ends_everything(fips: Trustkit, tmp_path: Path) -> None:
    other = tmp_path / "libsodium.so.23"
    other.write_bytes(bytes(4096))
    harm = f"import mmap; file = open({str(other)!r}, 'rb'); held = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)"
    done = inside(fips, WATCHED.format(harm=harm, seconds=20))
    assert done.stdout == EVERYTHING, done.stderr


def test_a_module_whose_file_is_changed_and_whose_stamp_is_not_ends_everything(fips: Trustkit) -> None:
    """Only its SHA-256 tells."""
    harm = f"""path = {str(fips.home / "fips" / "fips.so")!r}
    with open(path, "ab") as file: file.write(bytes(1))
    from trustkit.fips.libcrypto.fips_module import stamp_of
    crypto._inner.module._stamp = stamp_of(crypto._inner.installation.module)"""
    done = inside(fips, WATCHED.format(harm=harm, seconds=20))
    assert done.stdout == EVERYTHING, done.stderr


def test_a_sound_module_stays_in_use(fips: Trustkit) -> None:
    done = inside(fips, WATCHED.format(harm="", seconds=1))
    assert done.stdout == "[]\n", done.stderr


def test_a_daemon_examines_its_module(fips: Trustkit, reference: str) -> None:
    fips.must("key", "generate", "k", env=PASSPHRASE)
    fips.must("sign", "--key", "k", reference, env=PASSPHRASE)
    with (fips.home / "config.toml").open("a") as file:
        file.write("examine_every = 0.2\n")
    fips.must("ps")
    log = fips.home / "daemon.log"
    until = time.monotonic() + 20
    while "self-tests again" not in log.read_text() and time.monotonic() < until:
        time.sleep(0.1)
    assert "self-tests again" in log.read_text()
    fips.must("run", "--rm", "--network", "none", reference, "true")
