"""Private keys in variables (`env://NAME`): the real cosign makes them, trustkit signs with them, cosign verifies."""

from pathlib import Path

import pytest

from peers.images import Image
from peers.registry import Registry
from peers.tools import Cosign
from peers.trustkit import Trustkit

PASSWORD = {"COSIGN_PASSWORD": "wonderland"}


@pytest.fixture(name="reference")
def reference_(registry: Registry, repository: str, image: Image) -> str:
    return registry.reference(repository, registry.push(image, repository, "v1"))


@pytest.fixture(name="pair")
def pair_(cosign3: Cosign) -> tuple[str, Path]:
    """The private key's text, and the public key's file."""
    private, public = cosign3.generate_key()
    return private.read_text(), public


def judged(cosign: Cosign, command: str, public: Path, reference: str, *words: str) -> int:
    return cosign.run(command, "--key", public, "--insecure-ignore-tlog=true", *words, reference).status


def test_cosign_verifies_what_a_key_of_a_variable_signed(
    trustkit: Trustkit, cosign3: Cosign, pair: tuple[str, Path], reference: str
) -> None:
    trustkit.must("sign", "--key", "env://SIGNER", reference, env={"SIGNER": pair[0], **PASSWORD})
    assert judged(cosign3, "verify", pair[1], reference) == 0


def test_cosign_verifies_what_a_key_of_a_variable_attested(
    trustkit: Trustkit, cosign3: Cosign, pair: tuple[str, Path], reference: str, tmp_path: Path
) -> None:
    (tmp_path / "said.json").write_text('{"built": "here"}')
    given = ("--type", "https://shop.example/build", "--predicate", tmp_path / "said.json")
    trustkit.must("attest", "--key", "env://SIGNER", *given, reference, env={"SIGNER": pair[0], **PASSWORD})
    assert judged(cosign3, "verify-attestation", pair[1], reference, "--type", "https://shop.example/build") == 0


@pytest.mark.parametrize(
    ("value", "password"),
    [(None, "wonderland"), ("", "wonderland"), ("no key", "wonderland"), ("KEY", "wrong"), ("PUBLIC", "wonderland")],
)
def test_a_variable_without_a_key_that_opens_signs_nothing(
    trustkit: Trustkit, cosign3: Cosign, pair: tuple[str, Path], reference: str, value: str | None, password: str
) -> None:
    content = {"KEY": pair[0], "PUBLIC": pair[1].read_text()}.get(value or "", value)
    env = {"COSIGN_PASSWORD": password, **({} if content is None else {"SIGNER": content})}
    done = trustkit.run("sign", "--key", "env://SIGNER", reference, env=env)
    assert done.status == 2, done.said
    assert "environment variable 'SIGNER'" in done.stderr
    assert judged(cosign3, "verify", pair[1], reference) != 0


def test_neither_the_key_nor_its_passphrase_is_said_or_kept(
    trustkit: Trustkit, pair: tuple[str, Path], reference: str
) -> None:
    env = {"SIGNER": pair[0], **PASSWORD}
    done = trustkit.must("sign", "--key", "env://SIGNER", reference, env=env)
    refused = trustkit.run("sign", "--key", "env://SIGNER", reference, env={**env, "COSIGN_PASSWORD": "other-secret"})
    kept = b"".join(file.read_bytes() for file in trustkit.home.rglob("*") if file.is_file())
    body = pair[0].splitlines()[1]
    for told in (done.said.encode(), refused.said.encode(), kept):
        assert not any(secret.encode() in told for secret in (body, "wonderland", "other-secret"))
