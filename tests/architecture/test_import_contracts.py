"""The import contracts bite: a planted import that breaks a floor fails the contract meant for it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLANTED = {
    "a lower floor reaches up": ("trustkit/model/planted.py", "import trustkit.oci.source\n", "only point down"),
    "a package nobody placed": ("trustkit/planted/__init__.py", "", "only point down"),
    "policy opens a socket": ("trustkit/policy/planted.py", "import socket\n", "Policy judges facts"),
    "verification reaches the network": (
        "trustkit/signing/formats/planted.py",
        "import trustkit.oci.source\n",
        "Verification establishes facts",
    ),
    "cryptography outside the door": ("trustkit/signing/planted.py", "import cryptography\n", "inside fips only"),
    "a command that loads grpc": ("trustkit/cli/commands/planted.py", "import grpc\n", "Only the engine speaks gRPC"),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package and its contracts, to be spoiled."""
    shutil.copytree(ROOT / "trustkit", tmp_path / "trustkit", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter there."""
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([program, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_a_planted_import_breaks_its_contract(name: str, copy: Path) -> None:
    path, text, contract = PLANTED[name]
    planted = copy / path
    planted.parent.mkdir(exist_ok=True)
    planted.write_text(text, encoding="utf-8")
    done = lint(copy)
    verdicts = " ".join(done.stdout.split("Contracts: ")[0].split())
    assert done.returncode == 1
    assert re.search(f"{contract}((?! KEPT).)* BROKEN", verdicts), done.stdout


def test_the_tree_as_it_is_keeps_every_contract(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout
