"""Signatures in cosign's form between trustkit and the real skopeo, whose library is also Podman's and CRI-O's."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from peers import fake_sigstore
from peers.fake_sigstore import FakeSigstore
from peers.images import Image
from peers.registry import Registry
from peers.skopeo import Skopeo
from peers.tools import Cosign, Ran

Run = Callable[..., Ran]
ANY_NAME = {"type": "matchRepository"}
PASSWORD = "wonderland"
WHO, IDP = "dev@acme.example", "https://idp.example"


@pytest.fixture
def skopeo(tmp_path: Path) -> Skopeo:
    return Skopeo(tmp_path / "skopeo")


@pytest.fixture
def reference(registry: Registry, image: Image, repository: str) -> str:
    registry.push(image, repository, "latest")
    return registry.reference(repository)


@pytest.fixture
def keys(cosign2: Cosign) -> tuple[Path, Path]:
    return cosign2.generate_key()


def with_key(public: Path) -> dict[str, object]:
    return {"type": "sigstoreSigned", "keyPath": str(public), "signedIdentity": ANY_NAME}


def ours(run_trustkit: Run, reference: str, private: Path) -> None:
    done = run_trustkit("sign", "--key", private, "--layout", "legacy", reference, env={"TRUSTKIT_PASSWORD": PASSWORD})
    assert done.status == 0, done.said


def test_skopeo_admits_what_we_sign(skopeo: Skopeo, reference: str, keys: tuple[Path, Path], run_trustkit: Run) -> None:
    ours(run_trustkit, reference, keys[0])
    done = skopeo.copies(reference, with_key(keys[1]))
    assert done.status == 0, done.said


def test_skopeo_refuses_what_we_sign_with_another_key(
    skopeo: Skopeo, reference: str, keys: tuple[Path, Path], run_trustkit: Run, cosign2: Cosign
) -> None:
    ours(run_trustkit, reference, keys[0])
    _, other = cosign2.generate_key("other")
    done = skopeo.copies(reference, with_key(other))
    assert (done.status != 0, "invalid signature" in done.stderr) == (True, True), done.said


def test_skopeo_refuses_what_nobody_signed(skopeo: Skopeo, reference: str, keys: tuple[Path, Path]) -> None:
    done = skopeo.copies(reference, with_key(keys[1]))
    assert (done.status != 0, "no signature exists" in done.stderr) == (True, True), done.said


@pytest.fixture
def signed_by_skopeo(
    skopeo: Skopeo, reference: str, keys: tuple[Path, Path], registry: Registry, repository: str
) -> str:
    target = registry.reference(f"{repository}-signed")
    done = skopeo.sign(reference, target, keys[0], PASSWORD)
    assert done.status == 0, done.said
    return target


def test_we_verify_what_skopeo_signs(signed_by_skopeo: str, keys: tuple[Path, Path], run_trustkit: Run) -> None:
    done = run_trustkit("verify", "--key", keys[1], signed_by_skopeo)
    assert done.status == 0, done.said


def test_we_refuse_what_skopeo_signs_with_another_key(
    signed_by_skopeo: str, run_trustkit: Run, cosign2: Cosign
) -> None:
    _, other = cosign2.generate_key("other")
    done = run_trustkit("verify", "--key", other, signed_by_skopeo)
    assert done.status == 1, done.said


# --- without keys of one's own ---


@pytest.fixture(scope="module")
def services() -> Iterator[FakeSigstore]:
    with fake_sigstore.serve() as fake:
        yield fake


@pytest.fixture
def keyless(services: FakeSigstore, reference: str, run_trustkit: Run, tmp_path: Path) -> str:
    """An image that we signed with a certificate of Fulcio and an entry in Rekor."""
    root = tmp_path / "trusted_root.json"
    root.write_text(json.dumps(services.trusted_root()))
    urls = ("--fulcio-url", services.url, "--rekor-url", services.url, "--trusted-root", root)
    token = fake_sigstore.identity_token(WHO, IDP)
    done = run_trustkit("sign", "--identity-token", token, *urls, "--layout", "legacy", reference)
    assert done.status == 0, done.said
    return reference


def with_identity(services: FakeSigstore, folder: Path, who: str, issuer: str) -> dict[str, object]:
    chain, log = folder / "fulcio.pem", folder / "rekor.pub"
    chain.write_bytes(b"".join(fake_sigstore.pem(one) for one in services.fulcio.chain))
    body = fake_sigstore.b64(fake_sigstore.spki(services.log_key.public_key()))
    log.write_text(f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
    fulcio = {"caPath": str(chain), "oidcIssuer": issuer, "subjectEmail": who}
    return {"type": "sigstoreSigned", "fulcio": fulcio, "rekorPublicKeyPath": str(log), "signedIdentity": ANY_NAME}


def test_skopeo_admits_what_we_sign_without_a_key(
    skopeo: Skopeo, keyless: str, services: FakeSigstore, tmp_path: Path
) -> None:
    done = skopeo.copies(keyless, with_identity(services, tmp_path, WHO, IDP))
    assert done.status == 0, done.said


@pytest.mark.parametrize(
    ("who", "issuer", "reason"),
    [("ceo@acme.example", IDP, "Required email"), (WHO, "https://other.example", "OIDC issuer")],
)
def test_skopeo_refuses_another_identity_than_we_signed_as(
    skopeo: Skopeo, keyless: str, services: FakeSigstore, tmp_path: Path, who: str, issuer: str, reason: str
) -> None:
    done = skopeo.copies(keyless, with_identity(services, tmp_path, who, issuer))
    assert (done.status != 0, reason in done.stderr) == (True, True), done.said
