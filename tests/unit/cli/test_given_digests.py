"""Digests on the command line: half a digest is a mistake, and never a tag of a repository called sha256."""

from pathlib import Path

import pytest

from trustkit.cli.commands.verify_blob import blob_of
from trustkit.cli.main import run
from trustkit.errors import UsageError

HALVES = ["sha256:abc", "sha256:", f"sha256:{'A' * 64}", f"sha256:{'1' * 63}"]


@pytest.fixture(autouse=True)
def home_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTKIT_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize("given", [*HALVES, "sha256", f"sha512:{'1' * 64}", "sha384:abc"])
def test_half_a_digest_is_revoked_nowhere_and_asked_of_no_registry(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trustkit.sources.Sources.__call__", lambda *_: pytest.fail("a registry was asked"))
    with pytest.raises(UsageError, match="is no whole digest") as refused:
        run(["fleet", "revoke", given, "--reason", "x"])
    assert refused.value.next_step


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_a_whole_digest_is_revoked_without_asking_anybody(
    algorithm: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("trustkit.sources.Sources.__call__", lambda *_: pytest.fail("a registry was asked"))
    digest = f"{algorithm}:{'1' * {'sha256': 64, 'sha384': 96, 'sha512': 128}[algorithm]}"
    assert run(["fleet", "revoke", digest, "--reason", "x"]) == 0
    assert digest in capsys.readouterr().out


@pytest.mark.parametrize("given", HALVES)
def test_half_a_digest_is_the_callers_mistake_elsewhere_too(given: str) -> None:
    with pytest.raises(UsageError, match="is no whole digest"):
        run(["audit", "log", "--digest", given])
    with pytest.raises(UsageError, match="is no whole digest"):
        blob_of(given)
