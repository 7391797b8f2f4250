"""FIPS mode cannot be turned off by a variable: not the file's, not the state directory's, not the machine's."""

import json
import platform
from pathlib import Path

import pytest

from peers.tools import Ran, run
from peers.trustkit import Trustkit

MODES = ("module", "validated", "off")


def mode_of(done: Ran) -> str:
    """Return the mode that `doctor` names, or the reason why it cannot."""
    rows = json.loads(done.stdout) if done.stdout else []
    said = next((row["said"] for row in rows if row["about"] == "FIPS mode"), done.stderr)
    return str(said.split()[1].rstrip(",") if said.startswith("mode ") else said)


def doctor(trustkit: Trustkit, env: dict[str, str]) -> Ran:
    return trustkit.run("doctor", "--output", "json", env=env)


# --- the file and the state directory


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRUSTKIT_FIPS", "0"),
        ("TRUSTKIT_FIPS", "off"),
        ("TRUSTKIT_FIPS", "maybe"),
        ("TRUSTKIT_FIPS_MODE", "off"),
        ("TRUSTKIT_FIPS_VALIDATED_LIST", "/tmp/list.json"),
        ("TRUSTKIT_FIPS_EXAMINE_EVERY", "0"),
        ("TRUSTKIT_FIPS_EXAMINE_EVERY", "999999999"),
        ("TRUSTKIT_CONFIG", "/nowhere.toml"),
    ],
)
def test_a_variable_that_would_weaken_the_mode_stops_the_command(fips: Trustkit, name: str, value: str) -> None:
    done = fips.run("key", "list", env={name: value})
    assert (done.status, done.stdout) == (2, ""), done.said


@pytest.mark.parametrize(
    "env",
    [
        {"TRUSTKIT_FIPS": "1", "TRUSTKIT_FIPS_MODE": "validated"},
        {"TRUSTKIT_FIPS": "validated", "TRUSTKIT_FIPS_MODE": "module"},
        {"TRUSTKIT_FIPS": "0", "TRUSTKIT_FIPS_MODE": "module"},
    ],
    ids=str,
)
def test_no_variable_hides_another(trustkit: Trustkit, env: dict[str, str]) -> None:
    done = trustkit.run("key", "list", env=env)
    assert (done.status, "asks for less than TRUSTKIT_FIPS" in done.stderr) == (2, True), done.said


@pytest.mark.parametrize("required", [True, False], ids=["required", "configured"])
@pytest.mark.parametrize(
    "env",
    [
        {"TRUSTKIT_CONFIG": "/dev/null"},
        {"TRUSTKIT_FIPS": ""},
        {"HOME": "/nowhere"},
        {"XDG_CONFIG_HOME": "/nowhere"},
        {"XDG_STATE_HOME": "/nowhere"},
        {"OPENSSL_CONF": "/dev/null", "OPENSSL_MODULES": "/nowhere"},
    ],
    ids=str,
)
def test_a_variable_does_not_turn_the_mode_off(fips: Trustkit, env: dict[str, str], required: bool) -> None:
    if required:
        fips.must("fips", "require", "module")
        (fips.home / "config.toml").unlink()
    assert mode_of(doctor(fips, env)) == "module"


@pytest.mark.parametrize(
    "env", [{"HOME": "/nowhere"}, {"XDG_CONFIG_HOME": "/nowhere"}, {"TRUSTKIT_CONFIG": "/dev/null"}]
)
def test_what_the_state_directory_requires_holds_under_every_configuration(fips: Trustkit, env: dict[str, str]) -> None:
    """With XDG's folders a variable chooses another configuration, and the state directory is the same."""
    state = fips.user_home / ".local" / "state"
    (fips.user_home / ".config" / "trustkit").mkdir(parents=True)
    state.mkdir(parents=True)
    fips.home.rename(state / "trustkit")
    fips.home = state / "trustkit"
    del fips.env["TRUSTKIT_HOME"]
    fips.must("fips", "install", "--module", fips.home / "fips" / "fips.so")
    fips.must("fips", "require", "module")
    assert mode_of(doctor(fips, {**env, "XDG_STATE_HOME": str(state)})) == "module"


@pytest.mark.parametrize("content", ["", "modul", "module module", "\0", "x" * 100])
def test_a_requirement_that_is_no_mode_stops_every_command(fips: Trustkit, content: str) -> None:
    (fips.home / "fips-required").write_text(content)
    assert fips.run("key", "list").status == 2


def test_a_requirement_needs_a_module(trustkit: Trustkit) -> None:
    done = trustkit.run("fips", "require", "module")
    assert (done.status, "fips install" in done.stderr) == (2, True)
    assert not (trustkit.home / "fips-required").exists()


def test_a_requirement_outlives_a_new_installation_and_is_lifted_by_name_only(fips: Trustkit, tmp_path: Path) -> None:
    (fips.home / "config.toml").unlink()
    module = tmp_path / "fips.so"
    module.write_bytes((fips.home / "fips" / "fips.so").read_bytes())
    fips.must("fips", "require", "module")
    fips.must("fips", "install", "--module", module)
    assert mode_of(doctor(fips, {})) == "module"
    fips.must("fips", "require", "off")
    assert mode_of(doctor(fips, {})) == "off"


def test_an_interval_of_more_than_a_day_is_refused(fips: Trustkit) -> None:
    with (fips.home / "config.toml").open("a") as file:
        file.write("examine_every = 86401\n")
    assert fips.run("key", "list").status == 2


# --- the machine


class Machine:
    """A machine whose /etc/trustkit is a folder of ours: an overlay in a mount namespace, so the real path is read."""

    def __init__(self, trustkit: Trustkit, folder: Path) -> None:
        self.trustkit, self.etc = trustkit, folder / "etc"
        (self.etc / "trustkit").mkdir(parents=True)
        self.file = self.etc / "trustkit" / "config.toml"

    def run(self, *words: str, env: dict[str, str] | None = None) -> Ran:
        mounting = f'mount -t overlay overlay -o "lowerdir={self.etc}:/etc" /etc && exec "$@"'
        inside = ["unshare", "--mount", "--propagation", "private", "sh", "-c", mounting, "sh"]
        command = [*inside, *self.trustkit.command(*words)]
        return run(command, env={**self.trustkit.env, **(env or {})}, cwd=self.trustkit.user_home)


@pytest.fixture(name="machine")
def machine_(fips: Trustkit, tmp_path: Path) -> Machine:
    (fips.home / "config.toml").unlink()
    made = Machine(fips, tmp_path)
    made.file.write_text('[fips]\nmode = "module"\n')
    return made


@pytest.mark.parametrize(
    "env", [{}, {"TRUSTKIT_CONFIG": "/dev/null"}, {"HOME": "/nowhere"}, {"TRUSTKIT_FIPS": ""}], ids=str
)
def test_the_machine_s_file_turns_the_mode_on(machine: Machine, env: dict[str, str]) -> None:
    assert mode_of(machine.run("doctor", "--output", "json", env=env)) == "module"


@pytest.mark.parametrize(
    "env",
    [
        {"TRUSTKIT_FIPS": "off"},
        {"TRUSTKIT_FIPS_MODE": "off"},
        {"TRUSTKIT_HOME": "/nowhere"},
        {"TRUSTKIT_HOME": "", "XDG_STATE_HOME": "/nowhere"},
        {"TRUSTKIT_HOME": "", "HOME": "/nowhere"},
        {"TRUSTKIT_FIPS_VALIDATED_LIST": "/tmp/list.json"},
    ],
    ids=str,
)
def test_where_the_machine_asks_for_the_mode_no_variable_gets_around_it(machine: Machine, env: dict[str, str]) -> None:
    """Another state directory holds no module: nothing runs there."""
    done = machine.run("key", "list", env=env)
    assert (done.status, done.stdout) == (2, ""), done.said


@pytest.mark.parametrize("whose", ["machine's", "user's"])
def test_the_machine_s_list_of_validated_modules_is_the_only_one(machine: Machine, whose: str) -> None:
    module = json.loads(machine.run("fips", "status", "--output", "json").stdout)["module"]
    release = platform.freedesktop_os_release()
    here = {"os": f"{release['ID']}-{release['VERSION_ID']}", "machine": platform.machine()}
    entry = {
        "number": "1", "standard": "FIPS 140-3", "module": "ours", "version": module["version"], "status": "active",
        "sunset": "2099-01-01", "sha256": [module["sha256"]], "environments": [here],
    }  # fmt: skip
    listed = machine.trustkit.home / "list.json"
    listed.write_text(json.dumps({"certificates": [entry]}))
    file = machine.file if whose == "machine's" else machine.trustkit.home / "config.toml"
    file.write_text(f'[fips]\nmode = "module"\nvalidated_list = "{listed}"\n')
    status = json.loads(machine.run("fips", "status", "--output", "json").stdout)
    assert (status["mode"], status["module"]["validated"]) == ("module", whose == "machine's")


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        ('[fips]\nmode = "module"\n', 0o666),
        ('[fips]\nmode = "module"\n', 0o620),
        ('[fips]\nmode = "on"\n', 0o644),
        ("[fips]\nmode = 1\n", 0o644),
        ("[fips\n", 0o644),
        ('[trust]\npolicy = "/tmp/policy.yaml"\n', 0o644),
        ("[fips]\nexamine_every = 0\n", 0o644),
        ("[fips]\nexamine_every = 999999\n", 0o644),
        ('[fips]\nmodes = "off"\n', 0o644),
    ],
)
def test_a_machine_s_file_that_cannot_be_believed_stops_every_command(
    machine: Machine, content: str, mode: int
) -> None:
    machine.file.write_text(content)
    machine.file.chmod(mode)
    done = machine.run("key", "list")
    assert (done.status, done.stdout) == (2, ""), done.said
    assert (
        "/etc/trustkit/config.toml" in done.stderr or "more than a day" in done.stderr or "fips.mode is" in done.stderr
    )


def test_a_machine_s_file_of_another_user_stops_every_command(machine: Machine) -> None:
    import os

    os.chown(machine.file, 65534, 65534)
    assert machine.run("key", "list").status == 2
