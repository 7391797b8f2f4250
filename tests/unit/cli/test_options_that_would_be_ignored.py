"""Whoever names two things that decide, or a root that vouches for nobody, is told so: nothing is ignored."""

from pathlib import Path

import pytest

from trustkit.cli.main import run
from trustkit.errors import UsageError

IMAGE = "registry.example/app:v1"
NOWHERE = "/nowhere"
WHO = ("--certificate-identity", "dev@acme.example", "--certificate-oidc-issuer", "https://idp.example")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTKIT_HOME", str(tmp_path))


@pytest.mark.parametrize(
    "words",
    [
        ("--key", "dev"),
        ("--annotations", "a=b"),
        ("--gpg-key", NOWHERE),
        ("--signed-identity", "matchExact"),
        ("--trusted-root", NOWHERE),
        WHO,
        WHO[2:],
    ],
    ids=lambda words: words[0],
)
def test_verify_takes_no_policy_beside_whom_to_trust(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match=f"--policy and {words[0]} exclude each other"):
        run(["verify", "--policy", NOWHERE, *words, IMAGE])


@pytest.mark.parametrize("option", ["--trust-policy", "--containers-policy"])
def test_another_tools_policy_takes_no_root(option: str) -> None:
    with pytest.raises(UsageError, match=f"{option} and --trusted-root exclude each other"):
        run(["verify", option, NOWHERE, "--trusted-root", NOWHERE, IMAGE])


@pytest.mark.parametrize("command", ["verify", "verify-attestation"])
@pytest.mark.parametrize("words", [(), ("--key", "dev")], ids=["alone", "beside a key"])
def test_a_root_without_an_identity_is_refused(command: str, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="--trusted-root is about certificates"):
        run([command, "--trusted-root", NOWHERE, *words, IMAGE])


@pytest.mark.parametrize("option", ["--key", "--gpg-key"])
def test_evidence_is_shown_under_a_policy_or_under_keys(option: str) -> None:
    with pytest.raises(UsageError, match=f"--policy and {option} exclude each other"):
        run(["inspect", "--evidence", "--policy", NOWHERE, option, NOWHERE, IMAGE])


@pytest.mark.parametrize("words", [("--policy", NOWHERE), (*WHO, "--trusted-root", NOWHERE)], ids=["policy", "root"])
def test_what_is_given_alone_is_opened(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match=NOWHERE):
        run(["verify", *words, IMAGE])
