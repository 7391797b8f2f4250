"""The key store: names, permissions, passphrases, import and export."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from trustkit.errors import KeyFileError, MalformedError, TrustkitError, UsageError
from trustkit.fips import keyfile
from trustkit.fips.parse import public_key_to_pem
from trustkit.fips.select import provider
from trustkit.signing.key_providers.env import EnvironmentKeys
from trustkit.signing.key_providers.file import FileKeys
from trustkit.signing.keyring import COSIGN, PKCS8, PUBLIC, Keyring

RIGHT = b"correct horse"


def ask(_: str) -> bytes:
    return RIGHT


def refuse_to_ask(what: str) -> bytes:
    raise AssertionError(f"asked for the passphrase of {what}")


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "keys", provider())


@pytest.fixture
def stored(ring: Keyring) -> Path:
    return ring.generate("release", "ecdsa-p256", RIGHT).private_path


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-3072"])
def test_a_generated_key_opens_and_is_listed(ring: Keyring, kind: str) -> None:
    made = ring.generate("release", kind, RIGHT)
    assert ring.open("release", ask).public == made.public
    assert ring.list() == (made,)


def test_a_private_half_is_encrypted_and_closed_to_others(stored: Path) -> None:
    assert stored.stat().st_mode & 0o777 == 0o600
    assert stored.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")


def test_an_empty_store_lists_nothing(ring: Keyring) -> None:
    assert ring.list() == ()


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "-x", "a b", "a\n", "x" * 65, "ä", "a\0b"])
def test_a_name_that_is_no_plain_file_name_is_refused(ring: Keyring, name: str) -> None:
    with pytest.raises(UsageError):
        ring.generate(name, "ecdsa-p256", RIGHT)


def test_a_taken_name_is_refused_and_the_key_stays(ring: Keyring, stored: Path) -> None:
    before = stored.read_bytes()
    with pytest.raises(UsageError, match="exists"):
        ring.generate("release", "ecdsa-p256", RIGHT)
    assert stored.read_bytes() == before


def test_a_lone_private_half_does_not_block_the_name_and_is_kept(ring: Keyring, stored: Path) -> None:
    before = stored.read_bytes()
    stored.with_suffix(".pub").unlink()
    ring.generate("release", "ecdsa-p256", RIGHT)
    assert stored.with_suffix(".key.saved").read_bytes() == before


def test_an_empty_passphrase_is_refused_and_nothing_is_left(ring: Keyring) -> None:
    with pytest.raises(KeyFileError):
        ring.generate("release", "ecdsa-p256", b"")
    assert ring.list() == ()


def test_a_wrong_passphrase_is_refused(ring: Keyring, stored: Path) -> None:
    assert stored.exists()
    with pytest.raises(KeyFileError, match="passphrase"):
        ring.open("release", lambda _: b"wrong")


def test_halves_of_different_keys_are_refused(ring: Keyring, stored: Path) -> None:
    other = ring.generate("other", "ecdsa-p256", RIGHT)
    stored.write_bytes(other.private_path.read_bytes())
    with pytest.raises(KeyFileError, match="different keys"):
        ring.open("release", ask)


def test_an_unknown_name_is_refused(ring: Keyring) -> None:
    with pytest.raises(UsageError, match="no key is called"):
        ring.show("nobody")


def test_a_broken_public_half_is_refused_by_its_path(ring: Keyring, stored: Path) -> None:
    stored.with_suffix(".pub").write_bytes(b"nonsense")
    with pytest.raises(KeyFileError, match=r"release\.pub"):
        ring.list()


@pytest.mark.parametrize("form", [PKCS8, COSIGN])
def test_an_exported_key_comes_back(ring: Keyring, stored: Path, tmp_path: Path, form: str) -> None:
    assert stored.exists()
    file = tmp_path / "out.key"
    file.write_bytes(ring.export("release", form, ask, b"another"))
    file.chmod(0o600)
    again = ring.import_key("again", file, lambda _: b"another", RIGHT)
    assert again.public == ring.show("release").public


def test_a_public_half_is_exported_without_a_passphrase(ring: Keyring, stored: Path) -> None:
    exported = ring.export("release", PUBLIC, refuse_to_ask)
    assert exported == stored.with_suffix(".pub").read_bytes()


def test_an_unknown_export_format_is_refused(ring: Keyring, stored: Path) -> None:
    assert stored.exists()
    with pytest.raises(UsageError, match="format"):
        ring.export("release", "jwk", ask)


def test_a_plain_key_is_imported_only_when_allowed(ring: Keyring, tmp_path: Path) -> None:
    file = tmp_path / "plain.pem"
    file.write_bytes(plain_pem())
    file.chmod(0o600)
    with pytest.raises(KeyFileError, match="not encrypted"):
        ring.import_key("plain", file, refuse_to_ask, RIGHT)
    assert ring.import_key("plain", file, refuse_to_ask, RIGHT, insecure_allow_plain=True).has_private


def test_a_public_key_can_be_kept_alone(ring: Keyring) -> None:
    pem = public_key_to_pem(provider().generate("ed25519").public)
    assert not ring.import_public("theirs", pem).has_private
    with pytest.raises(KeyFileError):
        ring.open("theirs", ask)


def test_a_public_key_that_is_none_is_refused(ring: Keyring) -> None:
    with pytest.raises(MalformedError):
        ring.import_public("theirs", b"nonsense")


def test_a_removed_key_is_gone(ring: Keyring, stored: Path) -> None:
    ring.remove("release")
    assert not stored.exists()
    assert ring.list() == ()


def plain_pem() -> bytes:
    from trustkit.codec import pem

    return pem.encode(keyfile.PLAIN, provider().generate("ecdsa-p256").to_pkcs8())


# --- key providers --------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o622, 0o601])
def test_a_key_file_that_others_can_use_is_refused(stored: Path, mode: int) -> None:
    stored.chmod(mode)
    with pytest.raises(KeyFileError, match="mode") as refused:
        FileKeys(provider()).open(str(stored), refuse_to_ask)
    assert "chmod 600" in refused.value.next_step


def test_a_loose_key_file_is_opened_when_asked_for(stored: Path) -> None:
    stored.chmod(0o644)
    assert FileKeys(provider(), insecure_allow_loose_permissions=True).open(f"file:{stored}", ask)


def test_a_key_file_of_another_user_is_refused(stored: Path) -> None:
    os.chown(stored, 65534, 65534)
    with pytest.raises(KeyFileError, match="belongs to user"):
        FileKeys(provider()).open(str(stored), refuse_to_ask)


def make_nothing(path: Path) -> None:
    assert not path.exists()


def make_large(path: Path) -> None:
    path.write_bytes(b"x" * 70_000)
    path.chmod(0o600)


@pytest.mark.parametrize("make", [make_nothing, Path.mkdir, os.mkfifo, make_large])
def test_what_is_no_key_file_is_refused(tmp_path: Path, make: Callable[[Path], object]) -> None:
    path = tmp_path / "odd"
    make(path)
    with pytest.raises(KeyFileError, match="odd"):
        FileKeys(provider()).open(str(path), refuse_to_ask)


def test_a_key_in_the_environment_opens(stored: Path) -> None:
    keys = EnvironmentKeys(provider(), {"SIGNER": stored.read_text("ascii")})
    assert keys.open("env://SIGNER", ask).public.kind == "ecdsa-p256"


@pytest.mark.parametrize(
    "value", ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", "\udcff"]
)
def test_a_variable_without_an_encrypted_key_is_refused_by_name(value: str) -> None:
    with pytest.raises(TrustkitError, match="SIGNER"):
        EnvironmentKeys(provider(), {"SIGNER": value}).open("env://SIGNER", ask)
