"""Keys in services: the real client libraries of AWS and Vault against FAKE services; real cosign verifies.

Nothing here has met a real cloud. Google's and Azure's clients are replaced by fakes inside the process.
"""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from peers.fake_cloud import FakeCloud, fake_cloud, make_key, spki
from peers.fips import module_file
from peers.images import Image
from peers.registry import Registry
from peers.tools import Cosign
from peers.trustkit import Trustkit
from trustkit.errors import AlgorithmNotApprovedError, KeyUnavailableError, UsageError
from trustkit.fips.select import provider
from trustkit.model.keys import ECDSA_P256_SHA256
from trustkit.signing.key_providers.kms import open_service

AWS = "awskms:///alias/"
VAULT = "hashivault://"
GCP = "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"
AZURE = "azurekms://fake-vault.vault.azure.net/image-key"


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    """A fake of our own."""
    with fake_cloud() as running:
        yield running


@pytest.fixture
def signing(trustkit: Trustkit, cloud: FakeCloud) -> Trustkit:
    """The command, sent to the fake."""
    trustkit.env.update(cloud.env)
    return trustkit


@pytest.fixture
def reference(registry: Registry, image: Image, repository: str) -> str:
    """An image nobody signed."""
    return registry.reference(repository, registry.push(image, repository))


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        (f"{AWS}ecdsa-p256", "ecdsa-p256"),
        (f"{AWS}rsa", "rsa"),
        (f"{VAULT}ecdsa-p256", "ecdsa-p256"),
        (f"{VAULT}ecdsa-p384", "ecdsa-p384"),
        (f"{VAULT}ed25519/1", "ed25519"),
    ],
)
def test_cosign_verifies_what_a_service_signed(
    uri: str, kind: str, signing: Trustkit, cloud: FakeCloud, reference: str, cosign3: Cosign, tmp_path: Path
) -> None:
    signing.must("sign", "--key", uri, reference)
    (tmp_path / "cloud.pub").write_bytes(spki(cloud.keys[kind], Encoding.PEM))
    done = cosign3.run("verify", "--key", tmp_path / "cloud.pub", "--insecure-ignore-tlog=true", reference)
    assert done.status == 0, done.said
    assert signing.run("verify", "--key", uri, reference).status == 0


def test_a_p384_key_of_aws_signs_with_its_own_hash(signing: Trustkit, reference: str) -> None:
    # AWS has no other; cosign refuses it, its own signatures of that kind included (sigstore/cosign#5091)
    uri = f"{AWS}ecdsa-p384"
    signing.must("sign", "--key", uri, reference)
    assert signing.run("verify", "--key", uri, reference).status == 0


def test_a_services_key_is_imported_and_used_by_name(signing: Trustkit, reference: str) -> None:
    signing.must("key", "import", "cloud", f"{AWS}ecdsa-p256")
    shown = signing.json("sign", "--key", "cloud", reference)
    assert isinstance(shown, list)
    assert shown[0]["signed_in"] == {"service": "AWS KMS", "key": "alias/ecdsa-p256"}
    assert signing.run("verify", "--key", "cloud", reference).status == 0


@pytest.mark.parametrize("uri", [f"{AWS}ecdsa-p256", f"{VAULT}ecdsa-p256"])
@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [("other-key", "is no signature"), ("garbage", "is no signature"), ("denied", "FAKE")],
)
def test_what_a_service_gets_wrong_is_not_published(
    uri: str, behaviour: str, reason: str, signing: Trustkit, cloud: FakeCloud, reference: str
) -> None:
    cloud.behaviour = behaviour
    done = signing.run("sign", "--key", uri, reference)
    assert (done.status, reason in done.stderr) == (4, True), done.said
    assert "fake-token" not in done.stderr
    cloud.behaviour = "well"
    assert signing.run("verify", "--key", uri, reference).status == 1


@pytest.mark.parametrize(
    ("uri", "status", "reason"),
    [
        (f"{AWS}missing", 4, "no key missing"),
        (f"{AWS}pss-only", 4, "Unsupported"),
        ("awskms://kms.example/alias/x", 2, "AWS_ENDPOINT_URL_KMS"),
        ("awskms:///", 2, "is written"),
        (f"{VAULT}missing", 4, "HashiCorp Vault"),
        (f"{VAULT}ecdsa-p256/9", 4, "no version 9"),
        (f"{VAULT}rsa", 1, "keys of kind rsa"),
        (f"{VAULT}../../sys/seal", 2, "is written"),
        (f"{VAULT}a b", 2, "characters no URI has"),
        ("gcpkms://projects/p", 2, "is written"),
        ("azurekms://evil.example/keys/k", 2, "is written"),
        ("azurekms://fake.vault.azure.net.evil.example/k", 2, "is written"),
    ],
)
def test_a_key_that_is_not_there_or_not_named_well_signs_nothing(
    uri: str, status: int, reason: str, signing: Trustkit, reference: str
) -> None:
    done = signing.run("sign", "--key", uri, reference)
    assert (done.status, reason in done.stderr) == (status, True), done.said
    assert "Traceback" not in done.stderr


def test_a_service_that_does_not_answer_signs_nothing(signing: Trustkit, reference: str) -> None:
    nobody = {"VAULT_ADDR": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_KMS": "http://127.0.0.1:1"}
    for uri in (f"{VAULT}ecdsa-p256", f"{AWS}ecdsa-p256"):
        done = signing.run("sign", "--key", uri, reference, env=nobody)
        assert (done.status, "Connection" in done.stderr) == (4, True), done.said


@pytest.mark.parametrize("uri", [f"{AWS}ecdsa-p256", f"{VAULT}ecdsa-p256"])
def test_in_fips_mode_no_service_is_asked(uri: str, signing: Trustkit, cloud: FakeCloud, reference: str) -> None:
    signing.must("fips", "install", "--module", module_file())
    done = signing.run("sign", "--key", uri, reference, env={"TRUSTKIT_FIPS": "1"})
    assert (done.status, "outside the FIPS module" in done.stderr) == (1, True), done.said
    assert cloud.asked == []


KEY = make_key("ecdsa-p256")


class FakeGoogle:
    """FAKE KeyManagementServiceClient."""

    algorithm = 12  # EC_SIGN_P256_SHA256

    def get_public_key(self, request: dict[str, object]) -> object:
        assert request["name"] == GCP.removeprefix("gcpkms://")
        data = SimpleNamespace(data=spki(KEY, Encoding.PEM))
        return SimpleNamespace(algorithm=self.algorithm, public_key=data)

    def asymmetric_sign(self, request: dict[str, dict[str, bytes]]) -> object:
        assert isinstance(KEY, ec.EllipticCurvePrivateKey)
        digest = request["digest"]["sha256"]
        return SimpleNamespace(signature=KEY.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256()))))


def test_googles_signer_is_used_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("google.cloud.kms.KeyManagementServiceClient", FakeGoogle)
    key = open_service(GCP, provider())
    assert key.sign(ECDSA_P256_SHA256, b"message")
    with pytest.raises(AlgorithmNotApprovedError):
        key.sign("ecdsa-p256-sha512", b"message")


def test_a_google_key_that_signs_by_pss_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("google.cloud.kms.KeyManagementServiceClient", FakeGoogle)
    monkeypatch.setattr(FakeGoogle, "algorithm", 2)  # RSA_SIGN_PSS_2048_SHA256
    with pytest.raises(AlgorithmNotApprovedError, match="pss"):
        open_service(GCP, provider())


class FakeAzure:
    """FAKE KeyClient and CryptographyClient."""

    def __init__(self, *_: object, **__: object) -> None:
        """Take what the real ones take."""

    def get_key(self, name: str) -> object:
        assert isinstance(KEY, ec.EllipticCurvePrivateKey)
        numbers = KEY.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        kid = f"https://fake-vault.vault.azure.net/keys/{name}/{'ab' * 16}"
        return SimpleNamespace(key=SimpleNamespace(kty="EC", crv="P-256", x=x, y=y, kid=kid))

    def sign(self, _algorithm: object, digest: bytes) -> object:
        assert isinstance(KEY, ec.EllipticCurvePrivateKey)
        r, s = decode_dss_signature(KEY.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256()))))
        return SimpleNamespace(signature=r.to_bytes(32, "big") + s.to_bytes(32, "big"))


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Azure's clients replaced."""
    module = "securesystemslib.signer._azure_signer"
    for name in ("KeyClient", "CryptographyClient", "DefaultAzureCredential"):
        monkeypatch.setattr(f"{module}.{name}", FakeAzure)


@pytest.mark.usefixtures("azure")
def test_azures_signer_is_used_and_checked() -> None:
    for uri in (AZURE, f"{AZURE}/{'ab' * 16}", AZURE.replace("net/", "net/keys/")):
        assert open_service(uri, provider()).sign(ECDSA_P256_SHA256, b"message")


@pytest.mark.usefixtures("azure")
def test_an_older_version_of_an_azure_key_is_refused() -> None:
    with pytest.raises(KeyUnavailableError, match="no longer the key's newest"):
        open_service(f"{AZURE}/{'cd' * 16}", provider())


@pytest.mark.parametrize("uri", ["awskms:" + "x" * 2000, "awskms:///a\nb", "hashivault://é"])
def test_what_is_no_uri_reaches_no_library(uri: str) -> None:
    with pytest.raises(UsageError):
        open_service(uri, provider())


def test_a_policy_trusts_a_key_by_where_it_lies(signing: Trustkit, reference: str) -> None:
    policy = signing.home / "policy.yaml"
    policy.write_text(
        "apiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n"
        f"  trust: {{keys: {{release: {{kms: '{AWS}ecdsa-p256'}}}}}}\n  verify: {{signatures: {{key: release}}}}\n"
    )
    assert signing.run("verify", "--policy", policy, reference).status == 1
    signing.must("sign", "--key", f"{VAULT}ecdsa-p384", reference)
    assert signing.run("verify", "--policy", policy, reference).status == 1
    signing.must("sign", "--key", f"{AWS}ecdsa-p256", reference)
    assert signing.run("verify", "--policy", policy, reference).status == 0


def test_a_policy_whose_key_cannot_be_asked_for_admits_nothing(signing: Trustkit, reference: str) -> None:
    policy = signing.home / "policy.yaml"
    policy.write_text(
        "apiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n"
        f"  trust: {{keys: {{release: {{kms: '{AWS}nobodys'}}}}}}\n  verify: {{signatures: {{key: release}}}}\n"
    )
    done = signing.run("verify", "--policy", policy, reference)
    assert (done.status != 0, "nobodys" in done.stderr) == (True, True)
