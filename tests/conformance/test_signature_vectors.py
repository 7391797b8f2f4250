"""Every vector gets the verdict on its label, and the labels are of both kinds."""

import json
import lzma
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from peers.fips import inside
from peers.trustkit import Trustkit

HERE = Path(__file__).resolve().parent
ARCHIVES = sorted((HERE / "vectors").glob("*.tar.xz"))
FEWEST_VALID, FEWEST_INVALID = 145, 256
# Their label depends on a policy that no input names: docs/decisions/0004-certificates-need-a-log-entry.md.
NOT_MET = {
    "keyless-cosign25-sig-tsaonly": ("invalid", "verification.log_missing"),
    "keyless-cosign31-bundle-tsaonly": ("invalid", "verification.log_missing"),
}
GIVEN = 308


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cases, unpacked."""
    folder = tmp_path_factory.mktemp("vectors")
    for archive in ARCHIVES:
        with lzma.open(archive) as packed, tarfile.open(fileobj=packed) as members:
            members.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def expected(vectors: Path) -> dict[str, dict[str, str]]:
    """The labels, by name of the case."""
    found = {file.parent.name: json.loads(file.read_bytes()) for file in vectors.glob("*/expected.json")}
    assert found
    return found


@pytest.fixture(scope="module")
def printed(vectors: Path) -> dict[str, tuple[str, str]]:
    """What the runner prints, by name of the case."""
    done = subprocess.run(
        [sys.executable, HERE / "run.py", vectors], check=True, capture_output=True, text=True, timeout=120
    )
    lines = [line.split(" ") for line in done.stdout.splitlines()]
    return {name: (verdict, code) for name, verdict, code in lines}


def test_every_case_but_two_gets_the_verdict_on_its_label(
    expected: dict[str, dict[str, str]], printed: dict[str, tuple[str, str]]
) -> None:
    wrong = {name: printed.get(name) for name, case in expected.items() if printed[name][0] != case["expect"]}
    assert wrong == NOT_MET


def test_every_case_that_was_given_is_here(expected: dict[str, dict[str, str]]) -> None:
    assert sum(not name.startswith("own-") for name in expected) == GIVEN


def test_each_refusal_names_the_check_its_label_names(
    expected: dict[str, dict[str, str]], printed: dict[str, tuple[str, str]]
) -> None:
    wrong = {
        name: (printed[name][1], case["code"])
        for name, case in expected.items()
        if "code" in case and printed[name][1] != case["code"]
    }
    assert not wrong


def test_every_verdict_is_the_same_in_fips_mode(
    vectors: Path, printed: dict[str, tuple[str, str]], fips: Trustkit
) -> None:
    done = inside(fips, f"""
        import sys
        sys.path.insert(0, {str(HERE)!r})
        import run
        run.main([{str(vectors)!r}])
        fips_start.require_alone()
    """)  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line.split(" ") for line in done.stdout.splitlines()]
    assert {name: (verdict, code) for name, verdict, code in lines} == printed


def test_there_are_enough_cases_of_both_kinds(expected: dict[str, dict[str, str]]) -> None:
    verdicts = [case["expect"] for case in expected.values()]
    assert verdicts.count("valid") >= FEWEST_VALID
    assert verdicts.count("invalid") >= FEWEST_INVALID


def test_the_runner_does_not_look_at_the_labels(
    vectors: Path, printed: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    for name in printed:
        case = tmp_path / name
        case.mkdir()
        for entry in (vectors / name).iterdir():
            (case / entry.name).symlink_to(entry)
        inputs = json.loads((case / "expected.json").read_bytes())
        (case / "expected.json").unlink()
        unlabelled = {key: value for key, value in inputs.items() if key not in ("expect", "why", "note", "code")}
        (case / "expected.json").write_text(json.dumps(unlabelled), encoding="utf-8")
    done = subprocess.run([sys.executable, HERE / "run.py", tmp_path], check=True, capture_output=True, text=True)
    again = {line.split(" ")[0]: tuple(line.split(" ")[1:]) for line in done.stdout.splitlines()}
    assert again == printed
