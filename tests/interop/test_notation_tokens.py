"""Notation signatures by a key that stays in a token (SoftHSM): the real notation verifies them."""

import json
from pathlib import Path

import pytest

from peers.images import Image
from peers.registry import Registry, openssl
from peers.softhsm import PIN, make_token
from peers.tools import clean_environment, peer, run
from peers.trustkit import Trustkit
from peers.workspace import short_folder

NAME = "/C=US/ST=WA/O=acme/CN="
USAGE = "basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n"


def certified(folder: Path, public: Path) -> Path:
    """Have an authority certify the public key; return the chain."""
    root, key, leaf, usage, chain = (folder / name for name in ("root.pem", "root.key", "leaf.pem", "usage", "chain"))
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
            "-out", root, "-days", 30, "-subj", f"{NAME}root", "-addext", "basicConstraints=critical,CA:true",
            "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
    usage.write_text(USAGE)
    openssl("req", "-new", "-key", key, "-out", folder / "csr", "-subj", f"{NAME}signer")
    openssl("x509", "-req", "-in", folder / "csr", "-force_pubkey", public, "-CA", root, "-CAkey", key,
            "-set_serial", 7, "-days", 20, "-extfile", usage, "-out", leaf)  # fmt: skip
    chain.write_text(leaf.read_text() + root.read_text())
    return chain


def notation_verifies(folder: Path, reference: str) -> int:
    """Return the exit status of the real notation under the authority."""
    store = folder / "notation" / "truststore" / "x509" / "ca" / "acme"
    store.mkdir(parents=True)
    (store / "root.crt").write_bytes((folder / "root.pem").read_bytes())
    policy = {"name": "acme", "registryScopes": ["*"], "signatureVerification": {"level": "strict"},
              "trustStores": ["ca:acme"], "trustedIdentities": ["*"]}  # fmt: skip
    document = {"version": "1.0", "trustPolicies": [policy]}
    (folder / "notation" / "trustpolicy.json").write_text(json.dumps(document))
    env = clean_environment(HOME=str(folder), XDG_CONFIG_HOME=str(folder))
    return run([peer("notation"), "verify", "--insecure-registry", reference], env=env).status


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "rsa"])
def test_notation_verifies_what_a_token_signed(
    trustkit: Trustkit, registry: Registry, repository: str, image: Image, tmp_path: Path, kind: str
) -> None:
    reference = registry.reference(repository, registry.push(image, repository, "v1"))
    with short_folder("hsm") as folder:
        token = make_token(folder)
        token.add(kind, kind, "01")
        chain = certified(tmp_path, folder / f"{kind}.pub")
        trustkit.env.update(token.env, TRUSTKIT_PIN=PIN)
        trustkit.must("sign", "--format", "notation", "--key", token.uri(kind), "--certificate-chain", chain, reference)
    assert notation_verifies(tmp_path, reference) == 0
