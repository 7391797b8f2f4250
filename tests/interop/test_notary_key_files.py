"""Key files of the real notary: imported into the key ring, signing images from there; nothing else gets SHA-1."""

import subprocess
from pathlib import Path

import pytest

from peers.images import Image
from peers.registry import Registry
from peers.tools import clean_environment, peer, run
from peers.trustkit import Trustkit
from trustkit.errors import AlgorithmNotApprovedError, KeyFileError, TrustkitError
from trustkit.fips import keyfile
from trustkit.fips.select import provider
from trustkit.model.crypto import ModuleStatus

PASSPHRASE = "wonderland"


@pytest.fixture(scope="module")
def notary_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key that notary made."""
    folder = tmp_path_factory.mktemp("notary")
    env = clean_environment(HOME=str(folder), NOTARY_TARGETS_PASSPHRASE=PASSPHRASE)
    done = run([peer("notary"), "-d", folder / "d", "key", "generate", "ecdsa", "--role", "targets"], env=env)
    assert done.status == 0, done.said
    (file,) = (folder / "d" / "private").glob("*.key")
    return file


def test_a_key_of_notary_is_imported_and_signs_images(
    notary_key: Path, trustkit: Trustkit, registry: Registry, image: Image, repository: str
) -> None:
    reference = registry.reference(repository, registry.push(image, repository))
    trustkit.env["TRUSTKIT_PASSWORD"] = PASSPHRASE
    trustkit.must("key", "import", "targets", notary_key)
    trustkit.must("sign", "--key", "targets", reference)
    assert trustkit.run("verify", "--key", "targets", reference).status == 0
    assert b"role" not in (trustkit.home / "keys" / "targets.key").read_bytes()


def test_a_wrong_passphrase_does_not_open_it(notary_key: Path) -> None:
    with pytest.raises(KeyFileError, match="wrong passphrase"):
        keyfile.read(notary_key.read_bytes(), b"looking glass", provider())


def test_the_same_encryption_without_notarys_header_is_refused(notary_key: Path) -> None:
    bare = notary_key.read_bytes().replace(b"role: targets\n\n", b"")
    with pytest.raises(TrustkitError, match="not PBES2 with PBKDF2-HMAC-SHA-256"):
        keyfile.read(bare, PASSPHRASE.encode(), provider())


def test_in_fips_mode_it_is_not_opened(notary_key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class InFipsMode:
        def status(self) -> ModuleStatus:
            return ModuleStatus("ossl-fips", "", "", mode="module")

    monkeypatch.setattr("trustkit.fips.notary_key.provider", InFipsMode)
    with pytest.raises(AlgorithmNotApprovedError, match="not used in FIPS mode"):
        keyfile.read(notary_key.read_bytes(), PASSPHRASE.encode(), provider())


@pytest.mark.parametrize(
    "headers",
    [b"Proc-Type: 4,ENCRYPTED\n\n", b"role: a\nrole: b\n\n", b"role:\n\n", b"role: a\n", b"role: a b\n\n"],
)
def test_other_headers_are_refused(headers: bytes, notary_key: Path) -> None:
    spoiled = notary_key.read_bytes().replace(b"role: targets\n\n", headers)
    with pytest.raises(TrustkitError):
        keyfile.read(spoiled, PASSPHRASE.encode(), provider())


def test_a_plain_key_as_notation_keeps_it_is_imported_when_allowed(trustkit: Trustkit, tmp_path: Path) -> None:
    file = tmp_path / "notation.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(file)],
                   check=True, capture_output=True)  # fmt: skip
    file.chmod(0o600)
    trustkit.env["TRUSTKIT_PASSWORD"] = PASSPHRASE
    assert trustkit.run("key", "import", "theirs", file).status != 0
    trustkit.must("key", "import", "theirs", file, "--insecure-allow-plain")
