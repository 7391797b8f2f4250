"""Keys in a real token (SoftHSM): trustkit signs with them, real cosign verifies, and nothing leaks or is guessed."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.fips import module_file
from peers.images import Image
from peers.registry import Registry
from peers.softhsm import MODULE, PIN, SoftToken, make_token
from peers.tools import Cosign, clean_environment
from peers.trustkit import Trustkit
from peers.workspace import short_folder

KINDS = ("ecdsa-p256", "ecdsa-p384", "ed25519", "rsa")


@pytest.fixture(scope="module")
def token() -> Iterator[SoftToken]:
    """A token with a key of every kind, each called by its kind."""
    with short_folder("hsm") as folder:
        made = make_token(folder)
        for number, kind in enumerate(KINDS, 1):
            made.add(kind, kind, f"0{number}")
        yield made


@pytest.fixture
def signing(trustkit: Trustkit, token: SoftToken) -> Trustkit:
    """The command, able to find the token and its PIN."""
    trustkit.env.update(token.env, TRUSTKIT_PIN=PIN)
    return trustkit


@pytest.fixture
def reference(registry: Registry, image: Image, repository: str) -> str:
    """An image nobody signed."""
    return registry.reference(repository, registry.push(image, repository))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", ["bundle", "legacy"])
def test_cosign_verifies_what_a_token_signed(
    kind: str, layout: str, signing: Trustkit, token: SoftToken, reference: str, cosign2: Cosign, cosign3: Cosign
) -> None:
    signing.must("sign", "--key", token.uri(kind), "--layout", layout, reference)
    cosign = cosign3 if layout == "bundle" else cosign2
    done = cosign.run("verify", "--key", token.folder / f"{kind}.pub", "--insecure-ignore-tlog=true", reference)
    assert done.status == 0, done.said


def test_verify_takes_the_public_half_from_the_token_without_a_pin(
    signing: Trustkit, token: SoftToken, reference: str
) -> None:
    signing.must("sign", "--key", token.uri("ecdsa-p256"), reference)
    del signing.env["TRUSTKIT_PIN"]
    assert signing.run("verify", "--key", token.uri("ecdsa-p256"), reference).status == 0
    refused = signing.run("verify", "--key", token.uri("rsa"), reference)
    assert refused.status == 1, refused.said


def test_cosign_verifies_what_a_token_attested(
    signing: Trustkit, token: SoftToken, reference: str, cosign3: Cosign, tmp_path: Path
) -> None:
    (tmp_path / "p.json").write_text('{"answer": 42}')
    kind = "https://example.com/answer/v1"
    signing.must("attest", "--key", token.uri("ecdsa-p256"), "--type", kind, "--predicate", tmp_path / "p.json",
                 reference)  # fmt: skip
    done = cosign3.run("verify-attestation", "--key", token.folder / "ecdsa-p256.pub", "--type", kind,
                       "--insecure-ignore-tlog=true", reference)  # fmt: skip
    assert done.status == 0, done.said


def test_the_output_and_the_log_name_the_token(signing: Trustkit, token: SoftToken, reference: str) -> None:
    shown = signing.json("sign", "--key", token.uri("ecdsa-p256"), reference)
    assert isinstance(shown, list)
    place = shown[0]["signed_in"]
    assert (place["label"], place["model"], place["manufacturer"]) == ("signing", "SoftHSM v2", "SoftHSM project")
    assert place["serial"]
    assert place["serial"] in signing.must("audit", "show", str(shown[0]["record"]), "--output", "json").stdout


def pin_file(token: SoftToken, mode: int = 0o600) -> str:
    file = token.folder / "pin"
    file.write_text(f"{PIN}\n")
    file.chmod(mode)
    return str(file)


@pytest.mark.parametrize("how", ["pin-value", "pin-source", "pin-source-uri", "cosign"])
def test_the_pin_is_found_where_the_uri_or_the_environment_says(
    how: str, signing: Trustkit, token: SoftToken, reference: str
) -> None:
    del signing.env["TRUSTKIT_PIN"]
    query = {
        "pin-value": {"pin-value": PIN},
        "pin-source": {"pin-source": pin_file(token)},
        "pin-source-uri": {"pin-source": f"file:{pin_file(token)}"},
        "cosign": {},
    }[how]
    env = {"COSIGN_PKCS11_PIN": PIN} if how == "cosign" else {}
    done = signing.run("sign", "--key", token.uri("ecdsa-p256", query), reference, env=env)
    assert done.status == 0, done.said


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ({"pin-value": "314159"}, 4, "wrong PIN"),
        ({"pin-value": PIN, "pin-source": "/x"}, 2, "both"),
        ({"pin-source": "|echo"}, 2, "no absolute path"),
        ({"pin-source": "http:%2F%2Fx"}, 2, "no absolute path"),
        ({"pin-source": "/nowhere"}, 2, "no such file"),
        ({}, 2, "no terminal"),
    ],
)  # fmt: skip
def test_a_pin_that_is_not_there_or_wrong_signs_nothing(
    query: dict[str, str], status: int, reason: str, signing: Trustkit, token: SoftToken, reference: str
) -> None:
    del signing.env["TRUSTKIT_PIN"]
    # a passphrase of key files must not be tried as a PIN
    done = signing.run("sign", "--key", token.uri("ecdsa-p256", query), reference, env={"TRUSTKIT_PASSWORD": PIN})
    assert (done.status, reason in done.stderr) == (status, True), done.said
    assert "314159" not in done.stdout + done.stderr
    assert PIN not in done.stdout + done.stderr


def test_a_pin_file_that_others_can_read_is_refused(signing: Trustkit, token: SoftToken, reference: str) -> None:
    query = {"pin-source": pin_file(token, 0o644)}
    done = signing.run("sign", "--key", token.uri("ecdsa-p256", query), reference)
    assert (done.status, "lets others use it" in done.stderr) == (2, True), done.said


@pytest.mark.parametrize(
    ("uri", "status", "reason"),
    [
        ("pkcs11:token=signing;object=nobody?module-path={module}", 4, "0 private keys fit"),
        ("pkcs11:token=signing?module-path={module}", 4, "4 private keys fit"),
        ("pkcs11:token=other;object=rsa?module-path={module}", 4, "0 tokens fit"),
        ("pkcs11:serial=0;object=rsa?module-path={module}", 4, "0 tokens fit"),
        ("pkcs11:model=YubiKey;object=rsa?module-path={module}", 4, "0 tokens fit"),
        ("pkcs11:token=signing;object=rsa;type=public?module-path={module}", 2, "does not sign"),
        ("pkcs11:token=signing;object=rsa;id=%01?module-path={module}", 4, "0 private keys fit"),
        ("pkcs11:token=signing;object=rsa", 2, "names no PKCS#11 library"),
        ("pkcs11:token=signing;object=rsa?module-path=softhsm.so", 2, "not absolute"),
        ("pkcs11:token=signing;object=rsa?module-path=/nowhere.so", 4, "no such file"),
        ("pkcs11:token=signing;object=rsa?module-path=/etc/hostname", 4, "cannot be loaded"),
        ("pkcs11:token=signing;object=rsa?module-name=nowhere", 2, "no such module"),
        ("pkcs11:token=signing;object=rsa?module-name=..%2Fsofthsm", 2, "no such module"),
        ("pkcs11:nonsense", 2, "none of"),
    ],
)
def test_a_uri_that_does_not_name_one_key_of_one_token_signs_nothing(
    uri: str, status: int, reason: str, signing: Trustkit, reference: str
) -> None:
    done = signing.run("sign", "--key", uri.format(module=MODULE), reference)
    assert (done.status, reason in done.stderr) == (status, True), done.said
    assert "Traceback" not in done.stderr


def test_the_library_may_be_configured_or_found_by_name(signing: Trustkit, token: SoftToken, reference: str) -> None:
    plain = "pkcs11:token=signing;object=rsa"
    assert signing.run("sign", "--key", plain, reference, env={"TRUSTKIT_KEYS_PKCS11_MODULE": str(MODULE)}).status == 0
    assert signing.run("sign", "--key", f"{plain}?module-name=softhsm2", reference).status == 0


def test_a_policy_names_the_token_and_the_machine_its_library(
    signing: Trustkit, token: SoftToken, reference: str, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    document = (
        "apiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n"
        "  trust: {keys: {release: {kms: 'pkcs11:token=signing;object=rsaQUERY'}}}\n"
        "  verify: {signatures: {key: release}}\n"
    )
    signing.must("sign", "--key", token.uri("rsa"), reference)
    policy.write_text(document.replace("QUERY", ""))
    configured = {"TRUSTKIT_KEYS_PKCS11_MODULE": str(MODULE)}
    assert signing.run("verify", "--policy", policy, reference, env=configured).status == 0
    done = signing.run("policy", "check", "--resolve", policy, env=configured)
    assert done.status == 0, done.said
    done = signing.run("verify", "--policy", policy, reference)
    assert (done.status, "names no PKCS#11 library" in done.stderr) == (2, True), done.said
    policy.write_text(document.replace("QUERY", f"?module-path={MODULE}"))
    done = signing.run("verify", "--policy", policy, reference, env=configured)
    assert (done.status, "which library is loaded" in done.stderr) == (2, True), done.said


def test_a_library_that_others_can_change_is_not_loaded(
    signing: Trustkit, token: SoftToken, reference: str, tmp_path: Path
) -> None:
    copy = tmp_path / "module.so"
    copy.write_bytes(MODULE.read_bytes())
    copy.chmod(0o777)
    done = signing.run("sign", "--key", f"pkcs11:token=signing;object=rsa?module-path={copy}", reference)
    assert (done.status, "others can change" in done.stderr) == (4, True), done.said


def test_in_fips_mode_the_token_signs_and_the_module_hashes_and_verifies(
    signing: Trustkit, token: SoftToken, reference: str
) -> None:
    signing.must("fips", "install", "--module", module_file())
    signing.env["TRUSTKIT_FIPS"] = "1"
    for kind in KINDS:
        done = signing.must("sign", "--key", token.uri(kind), reference)
        assert done.stderr == ""
    shown = signing.json("verify", "--key", token.uri("rsa"), reference)
    assert isinstance(shown, dict)
    assert (shown["verdict"], shown["crypto"]["provider"]) == ("allow", "ossl-fips")


SWAP_IDENTIFIERS = """
import sys, pkcs11
from pkcs11 import Attribute, ObjectClass
library = pkcs11.lib(sys.argv[1])
with library.get_token(token_label="mixed").open(rw=True, user_pin=sys.argv[2]) as session:
    public = {one.label: one for one in session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY})}
    public["b"][Attribute.ID] = b"\\x01"
    public["a"].destroy()
"""


def test_a_signature_that_its_public_half_does_not_verify_is_not_published(
    signing: Trustkit, reference: str, registry: Registry
) -> None:
    with short_folder("mixed") as folder:
        mixed = make_token(folder, "mixed")
        mixed.add("ecdsa-p256", "a", "01")
        mixed.add("ecdsa-p256", "b", "02")
        subprocess.run([sys.executable, "-c", SWAP_IDENTIFIERS, str(MODULE), PIN], check=True,
                       env=clean_environment(**mixed.env))  # fmt: skip
        done = signing.run("sign", "--key", mixed.uri("a"), reference, env=mixed.env)
    assert (done.status, "does not fit its own public key" in done.stderr) == (4, True), done.said
