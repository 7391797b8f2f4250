"""What `fips status`, `doctor` and `docker info` say of the mode: as measured, and no more than is known."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from peers.fips import inside, module_file
from peers.tools import clean_environment, run
from peers.trustkit import Trustkit
from trustkit.fips.hashing import digest_of
from trustkit.fips.host import measured

PASSPHRASE = {"TRUSTKIT_PASSWORD": "a passphrase"}


def status(trustkit: Trustkit) -> dict[str, object]:
    shown = trustkit.json("fips", "status")
    assert isinstance(shown, dict)
    return shown


def listed(trustkit: Trustkit, **changes: object) -> None:
    """Have the configuration name a list whose one certificate covers the module's file on this machine."""
    host = measured()
    row = {
        "number": "9999", "standard": "FIPS 140-3", "level": 1, "module": "A test, no certificate", "version": "3.5.9",
        "status": "active", "sunset": "2099-01-01", "security_policy": "https://policy.example/9999",
        "sha256": [digest_of(module_file().read_bytes()).hex],
        "environments": [{"os": host.os, "machine": host.machine}], **changes,
    }  # fmt: skip
    path = trustkit.home / "list.json"
    path.write_text(json.dumps({"certificates": [row]}))
    (trustkit.home / "config.toml").write_text(f'[fips]\nmode = "module"\nvalidated_list = "{path}"\n')


def test_every_row_of_a_module_without_certificate_stands_at_none(fips: Trustkit) -> None:
    shown = status(fips)
    rows = shown["flows"]
    assert isinstance(rows, list)
    assert {row["standing"] for row in rows} == {"none"}
    assert {(row["module"], row["version"]) for row in rows[:6]} == {("OpenSSL FIPS Provider", "3.5.9")}
    assert all(row["environment"] == str(measured()) for row in rows[:6])


def test_a_certificate_of_the_list_is_told_with_all_it_says(fips: Trustkit) -> None:
    listed(fips)
    module = status(fips)["module"]
    assert isinstance(module, dict)
    told = [module[name] for name in ("validated", "standing", "certificate", "level", "status", "sunset")]
    assert told == [True, "validated", "9999", 1, "active", "2099-01-01"]
    assert module["security_policy"] == "https://policy.example/9999"


def test_a_certificate_s_list_of_algorithms_is_what_may_be_done(fips: Trustkit) -> None:
    services = ["sha256", "hmac", "ecdsa", "ctr-drbg", "pbkdf2-hmac-sha256", "aes-cbc"]
    listed(fips, algorithms=services)
    module = status(fips)["module"]
    assert isinstance(module, dict)
    assert (module["services"], module["services_by"]) == (sorted(services), "certificate #9999")
    fips.must("key", "generate", "k", env=PASSPHRASE)
    done = fips.run("key", "generate", "e", "--kind", "ed25519", env=PASSPHRASE)
    assert done.status != 0
    assert "certificate #9999 does not list it" in done.stderr


def test_an_update_is_called_an_update_and_mode_validated_refuses_it(fips: Trustkit) -> None:
    listed(fips, sha256=[], update_stream=[digest_of(module_file().read_bytes()).hex])
    module = status(fips)["module"]
    assert isinstance(module, dict)
    assert (module["validated"], module["standing"]) == (False, "update stream")
    assert fips.run("key", "list", env={"TRUSTKIT_FIPS": "validated"}).status == 4


@pytest.mark.parametrize("environment", [{"os": "debian-12", "machine": "s390x"}, {"os": "a-1", "machine": "x86_64"}])
def test_another_environment_is_not_this_one(fips: Trustkit, environment: dict[str, str]) -> None:
    listed(fips, environments=[environment])
    module = status(fips)["module"]
    assert isinstance(module, dict)
    assert not module["validated"]
    assert measured().machine in module["why"]


def test_status_says_when_and_what_was_done_and_which_tls_and_keys(fips: Trustkit) -> None:
    fips.must("key", "generate", "k", "--kind", "ecdsa-p384", env=PASSPHRASE)
    shown = json.loads(json.dumps(status(fips)))
    assert abs((datetime.now(UTC) - datetime.fromisoformat(shown["at"])).total_seconds()) < 60
    assert shown["keys"] == [{"kind": "ecdsa-p384", "bits": 384, "storage": "key file", "number": 1}]
    assert (shown["tls"]["minimum"], shown["tls"]["groups"]) == ("TLSv1_2", ["P-256", "P-384"])
    assert all("GCM" in suite for suite in shown["tls"]["suites"])
    assert shown["approved_services"]["HMAC"] >= 1
    assert shown["daemon"] is None


def test_what_the_guard_denied_is_counted(fips: Trustkit) -> None:
    done = inside(fips, """
        import json
        from trustkit.fips.select import usage
        for name in ("cryptography", "cryptography", "nacl"):
            try:
                __import__(name)
            except Exception:
                pass
        print(json.dumps(usage()["denied"]))
    """)  # fmt: skip
    assert json.loads(done.stdout) == {"cryptography": 2, "nacl": 1}, done.stderr


def test_docker_info_and_status_show_the_daemon_s_mode_and_module(fips: Trustkit, tmp_path: Path) -> None:
    fips.must("ps")
    shown = json.loads(json.dumps(status(fips)))
    assert shown["daemon"]["crypto"]["sha256"] == shown["module"]["sha256"]
    assert set(shown["daemon"]) == {"crypto", "approved", "denied"}
    docker = Path(__file__).resolve().parents[2] / ".peers/bin/docker28"
    socket = f"unix://{fips.home}/run/trustkit.sock"
    done = run([str(docker), "-H", socket, "info"], env=clean_environment(HOME=str(tmp_path)), cwd=tmp_path)
    assert "  fips\n   Profile: module; not FIPS validated\n" in done.stdout, done.said


def test_outside_the_mode_docker_info_shows_no_fips(trustkit: Trustkit, tmp_path: Path) -> None:
    trustkit.must("ps")
    docker = Path(__file__).resolve().parents[2] / ".peers/bin/docker28"
    socket = f"unix://{trustkit.home}/run/trustkit.sock"
    done = run([str(docker), "-H", socket, "info"], env=clean_environment(HOME=str(tmp_path)), cwd=tmp_path)
    assert "seccomp" in done.stdout
    assert "fips" not in done.stdout


def test_doctor_says_validated_or_not_and_whether_the_mac_matches(fips: Trustkit) -> None:
    said = fips.run("doctor").stdout
    assert "NOT VALIDATED" in said
    assert "MAC matches" in said
    assert "no other cryptography in use" in said
    listed(fips)
    said = fips.run("doctor").stdout
    assert "certificate #9999" in said
    assert "NOT VALIDATED" not in said
