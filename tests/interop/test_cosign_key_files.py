"""Key files travel both ways between trustkit and the real cosign."""

import os
import subprocess
from pathlib import Path

import pytest

from trustkit.fips import keyfile, parse
from trustkit.fips.select import provider

_BINARIES = Path(__file__).parents[2] / ".peers" / "bin"
_PASSPHRASE = "correct horse"


def _cosign(version: str, folder: Path, *arguments: str) -> bytes:
    done = subprocess.run(
        [str(_BINARIES / f"cosign{version}"), *arguments],
        cwd=folder,
        env={**os.environ, "COSIGN_PASSWORD": _PASSPHRASE, "HOME": str(folder)},
        check=True,
        capture_output=True,
        timeout=60,
    )
    return done.stdout


@pytest.mark.parametrize("version", ["2", "3"])
def test_a_key_made_by_cosign_is_read(version: str, tmp_path: Path) -> None:
    _cosign(version, tmp_path, "generate-key-pair", "--output-key-prefix", "made")
    content = (tmp_path / "made.key").read_bytes()
    key = keyfile.read(content, _PASSPHRASE.encode(), provider())
    assert key.public == parse.public_key_from_pem((tmp_path / "made.pub").read_bytes())


@pytest.mark.parametrize("version", ["2", "3"])
@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-3072"])
def test_cosign_reads_a_key_made_here(version: str, kind: str, tmp_path: Path) -> None:
    key = provider().generate(kind)
    (tmp_path / "ours.key").write_bytes(keyfile.write_cosign(key, _PASSPHRASE.encode()))
    shown = _cosign(version, tmp_path, "public-key", "--key", "ours.key")
    assert shown == parse.public_key_to_pem(key.public)


def test_openssl_opens_our_encrypted_pkcs8(tmp_path: Path) -> None:
    key = provider().generate("ecdsa-p256")
    content = keyfile.write(key, _PASSPHRASE.encode())
    (tmp_path / "ours.pem").write_bytes(content)
    shown = subprocess.run(
        ["openssl", "pkey", "-in", "ours.pem", "-passin", f"pass:{_PASSPHRASE}", "-pubout"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert shown.stdout == parse.public_key_to_pem(key.public)
