"""Which keys a name or the key ring stands for: never one that the user does not see."""

from pathlib import Path

import pytest

from trustkit.app import key_ring, public_keys
from trustkit.config import Config, load
from trustkit.errors import KeyFileError

PEM = b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"


@pytest.fixture(name="config")
def config_(tmp_path: Path) -> Config:
    config = load({"HOME": str(tmp_path), "TRUSTKIT_HOME": str(tmp_path / "state")})
    config.keys.mkdir(parents=True)
    (config.keys / "release.pub").write_bytes(PEM)
    return config


def test_the_ring_is_every_public_half(config: Config) -> None:
    assert key_ring(config) == {"release": PEM}


@pytest.mark.parametrize("name", [".hidden.pub", "two words.pub", "-x.pub", f"{'n' * 65}.pub"])
def test_a_key_that_the_list_would_not_show_is_not_trusted_in_silence(config: Config, name: str) -> None:
    (config.keys / name).write_bytes(PEM)
    with pytest.raises(KeyFileError, match="no key name"):
        key_ring(config)


def test_a_file_that_happens_to_lie_here_is_not_taken_for_the_key_of_that_name(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("release").write_bytes(b"somebody else's")
    with pytest.raises(KeyFileError, match="both"):
        public_keys(config, ["release"])
    assert public_keys(config, ["./release"]) == {"./release": b"somebody else's"}
