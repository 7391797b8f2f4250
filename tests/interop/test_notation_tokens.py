"""Notation signatures by a key that stays in a token (SoftHSM): the real notation verifies them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.images import Image
from peers.notation import Notation
from peers.registry import Registry
from peers.softhsm import PIN, SoftToken, make_token
from peers.trustkit import Trustkit
from peers.workspace import short_folder


@pytest.fixture(scope="module")
def token() -> Iterator[SoftToken]:
    with short_folder("hsm") as folder:
        yield make_token(folder)


@pytest.mark.parametrize("media", ["jws", "cose"])
@pytest.mark.parametrize(("kind", "number"), [("ecdsa-p256", "01"), ("ecdsa-p384", "02"), ("rsa", "03")])
def test_notation_verifies_what_a_token_signed(
    trustkit: Trustkit, registry: Registry, repository: str, image: Image, tmp_path: Path, token: SoftToken,
    kind: str, number: str, media: str,
) -> None:  # fmt: skip
    reference = registry.reference(repository, registry.push(image, repository, "v1"))
    name = f"{kind}-{media}"
    public = token.add(kind, name, f"{number}{'01' if media == 'jws' else '02'}")
    notation = Notation(tmp_path, public=public)
    notation.trust()
    trustkit.env.update(token.env, TRUSTKIT_PIN=PIN)
    given = ("--key", token.uri(name), "--certificate-chain", notation.chain, "--signature-format", media)
    trustkit.must("sign", "--format", "notation", *given, reference)
    verified = notation.verify(reference)
    assert verified.status == 0, verified.said
