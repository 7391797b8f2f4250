"""Images signed with ML-DSA keys (FIPS 204), by a provider that has them and by one that has not."""

import pytest

from peers.images import Image
from peers.registry import Registry
from peers.trustkit import Trustkit

PASSPHRASE = {"TRUSTKIT_PASSWORD": "a passphrase"}
HAS = {**PASSPHRASE, "TRUSTKIT_CRYPTO_PROVIDER": "pyca"}


@pytest.fixture(name="reference")
def reference_(registry: Registry, repository: str, image: Image) -> str:
    return registry.reference(repository, registry.push(image, repository, "v1"))


@pytest.mark.parametrize("layout", ["bundle", "legacy"])
@pytest.mark.parametrize("kind", ["ml-dsa-44", "ml-dsa-65", "ml-dsa-87"])
def test_an_image_signed_with_a_lattice_key_verifies(
    trustkit: Trustkit, reference: str, kind: str, layout: str
) -> None:
    trustkit.must("key", "generate", "k", "--kind", kind, env=HAS)
    trustkit.must("sign", "--key", "k", "--layout", layout, reference, env=HAS)
    assert f"algorithm  {kind}" in trustkit.must("verify", "--key", "k", reference, env=HAS).stdout


def test_a_lattice_key_that_did_not_sign_verifies_nothing(trustkit: Trustkit, reference: str) -> None:
    for name in ("one", "other"):
        trustkit.must("key", "generate", name, "--kind", "ml-dsa-44", env=HAS)
    trustkit.must("sign", "--key", "one", reference, env=HAS)
    assert trustkit.run("verify", "--key", "other", reference, env=HAS).status == 1


def test_a_provider_without_ml_dsa_refuses_the_signature_and_says_what_it_lacks(
    trustkit: Trustkit, reference: str
) -> None:
    trustkit.must("key", "generate", "k", "--kind", "ml-dsa-44", env=HAS)
    trustkit.must("sign", "--key", "k", reference, env=HAS)
    done = trustkit.run("verify", "--key", "k", reference, env={"TRUSTKIT_CRYPTO_PROVIDER": "pycryptodome"})
    assert done.status == 1
    assert "pycryptodome has no ML-DSA" in done.said


def test_beside_a_signature_that_cannot_be_checked_another_still_counts(trustkit: Trustkit, reference: str) -> None:
    trustkit.must("key", "generate", "new", "--kind", "ml-dsa-44", env=HAS)
    trustkit.must("key", "generate", "old", env=HAS)
    for name in ("new", "old"):
        trustkit.must("sign", "--key", name, reference, env=HAS)
    trustkit.must("verify", "--key", "new", "--key", "old", reference, env={"TRUSTKIT_CRYPTO_PROVIDER": "pycryptodome"})
