"""`trustkit doctor` on a state that is well, and on one broken thing at a time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from peers.trustkit import Trustkit

MANIFEST = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes" / "trustkit-webhook.yaml"
PASSPHRASE = {"TRUSTKIT_PASSWORD": "secret"}


def states(trustkit: Trustkit) -> dict[str, str]:
    rows = trustkit.json("doctor")
    assert isinstance(rows, list)
    return {row["about"]: row["state"] for row in rows}


@pytest.fixture(name="used")
def used_(trustkit: Trustkit) -> Trustkit:
    trustkit.must("key", "generate", "release", env=PASSPHRASE)
    return trustkit


def test_a_machine_that_is_well_has_nothing_broken(used: Trustkit) -> None:
    found = states(used)
    assert {"containerd", "runtime", "kernel", "decision log", "cryptography"} <= set(found)
    assert "broken" not in found.values()
    assert used.run("doctor").status == 0


def damage_log(trustkit: Trustkit) -> None:
    (trustkit.home / "audit" / "checkpoint").unlink()


def damage_policy(trustkit: Trustkit) -> None:
    (trustkit.home / "policy.yaml").write_text("kind: Nothing\n")
    trustkit.env["TRUSTKIT_TRUST_POLICY"] = str(trustkit.home / "policy.yaml")


def damage_keys(trustkit: Trustkit) -> None:
    (trustkit.home / "keys" / "release.key").chmod(0o644)


def damage_fips(trustkit: Trustkit) -> None:
    (trustkit.home / "fips").mkdir()


def damage_runtime(trustkit: Trustkit) -> None:
    trustkit.env["TRUSTKIT_ENGINE_RUNTIME"] = "/nowhere/runc"


@pytest.mark.parametrize(
    ("about", "damage"),
    [
        ("decision log", damage_log),
        ("policy", damage_policy),
        ("key ring", damage_keys),
        ("FIPS mode", damage_fips),
        ("runtime", damage_runtime),
    ],
)
def test_one_broken_thing_is_named_and_is_the_status(
    used: Trustkit, about: str, damage: Callable[[Trustkit], None]
) -> None:
    damage(used)
    found = states(used)
    assert [name for name, state in found.items() if state == "broken"] == [about]
    assert used.run("doctor").status == 4


def test_it_changes_nothing(trustkit: Trustkit) -> None:
    trustkit.must("doctor")
    assert not trustkit.home.exists() or list(trustkit.home.iterdir()) == []


def test_what_a_cluster_does_not_ask_about_is_broken(trustkit: Trustkit) -> None:
    manifest = MANIFEST.read_text(encoding="utf-8").replace("caBundle: Cg==", "caBundle: Q0VSVA==")
    file = trustkit.user_home / "webhooks.yaml"
    file.write_text(manifest, encoding="utf-8")
    well = trustkit.run("doctor", "--webhook", file)
    assert (well.status, "asked about every kind" in well.stdout) == (0, True), well.said
    assert "pods in kube-system are not asked about" in well.stdout
    open_ = trustkit.run(
        "doctor", "--webhook", "-", stdin=manifest.replace("failurePolicy: Fail", "failurePolicy: Ignore")
    )
    assert (open_.status, "everything passes" in open_.stdout) == (4, True), open_.said
    assert "✔" not in open_.stdout


def test_a_cluster_that_could_lock_itself_out_is_worth_a_look(trustkit: Trustkit) -> None:
    manifest = MANIFEST.read_text(encoding="utf-8").replace("caBundle: Cg==", "caBundle: Q0VSVA==")
    done = trustkit.run("doctor", "--webhook", "-", stdin=manifest.replace(", kube-system]", "]"))
    assert (done.status, "cannot come back" in done.stdout) == (0, True), done.said
    assert "not asked about" not in done.stdout


@pytest.mark.parametrize("content", ["{", "a: &b [*b]\n", ""])
def test_a_registration_that_is_none_is_not_well(trustkit: Trustkit, content: str) -> None:
    done = trustkit.run("doctor", "--webhook", "-", stdin=content)
    assert done.status in (2, 4), done.said
    assert "Traceback" not in done.stderr
