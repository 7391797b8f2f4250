"""Signatures without keys of one's own: trustkit, real cosign 3.1 and the `sigstore` package judge each other's.

Fulcio, Rekor, the certificate log and the timestamp authority are our own fakes of sigstore's cloud services.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from peers import fake_sigstore
from peers.fake_sigstore import FakeSigstore
from peers.images import Image
from peers.registry import Registry
from peers.tools import Cosign, Ran

Run = Callable[..., Ran]
WHO, IDP = "dev@acme.example", "https://idp.example"
ASKED = ("--certificate-identity", WHO, "--certificate-oidc-issuer", IDP)


@pytest.fixture(scope="module")
def services() -> Iterator[FakeSigstore]:
    with fake_sigstore.serve() as fake:
        yield fake


class Place(NamedTuple):
    """An image, the services, and files for the commands."""

    reference: str
    services: FakeSigstore
    root: Path
    folder: Path

    def token(self, who: str = WHO) -> str:
        return fake_sigstore.identity_token(who, IDP)

    def flags(self, version: int = 1) -> tuple[str, ...]:
        """How trustkit signs here."""
        url = self.services.url
        stamp = f"{url}/api/v1/timestamp"
        urls = ("--fulcio-url", url, "--rekor-url", url, "--timestamp-url", stamp)
        return (
            "--identity-token",
            self.token(),
            *urls,
            "--rekor-version",
            str(version),
            "--trusted-root",
            str(self.root),
        )

    def signing_config(self) -> Path:
        """How cosign signs here."""
        url = self.services.url

        def service(address: str) -> dict[str, object]:
            return {
                "url": address,
                "majorApiVersion": 1,
                "operator": "fake",
                "validFor": {"start": "2024-01-01T00:00:00Z"},
            }

        config = {
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [service(url)],
            "oidcUrls": [service(IDP)],
            "rekorTlogUrls": [service(url)],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": [service(f"{url}/api/v1/timestamp")],
            "tsaConfig": {"selector": "ANY"},
        }
        file = self.folder / "signing-config.json"
        file.write_text(json.dumps(config), encoding="utf-8")
        return file


@pytest.fixture
def place(services: FakeSigstore, registry: Registry, image: Image, repository: str, tmp_path: Path) -> Place:
    root = tmp_path / "trusted_root.json"
    root.write_text(json.dumps(services.trusted_root()), encoding="utf-8")
    digest = registry.push(image, repository)
    return Place(registry.reference(repository, digest), services, root, tmp_path)


@pytest.mark.parametrize("version", [1, 2])
def test_cosign_verifies_what_we_sign_without_a_key(
    place: Place, version: int, run_trustkit: Run, cosign3: Cosign
) -> None:
    signed = run_trustkit("sign", *place.flags(version), place.reference)
    assert signed.status == 0, signed.said
    done = cosign3.run("verify", "--trusted-root", place.root, *ASKED, "--use-signed-timestamps", place.reference)
    assert done.status == 0, done.said


@pytest.mark.parametrize("version", [1, 2])
def test_we_verify_what_we_sign_without_a_key(place: Place, version: int, run_trustkit: Run) -> None:
    assert run_trustkit("sign", *place.flags(version), place.reference).status == 0
    done = run_trustkit("verify", "--trusted-root", place.root, *ASKED, "--output", "json", place.reference)
    assert done.status == 0, done.said
    (found,) = json.loads(done.stdout)["verified"]
    assert (found["signer"]["subject"], found["signer"]["issuer"]) == (WHO, IDP)
    assert found["log"].startswith(place.services.url)


def test_we_verify_what_cosign_signs_without_a_key(place: Place, run_trustkit: Run, cosign3: Cosign) -> None:
    config = place.signing_config()
    cosign3.must(
        "sign", "--signing-config", config, "--trusted-root", place.root, "--identity-token", place.token(), "-y",
        place.reference,
    )  # fmt: skip
    done = run_trustkit("verify", "--trusted-root", place.root, *ASKED, place.reference)
    assert done.status == 0, done.said


def cosign2_environment(place: Place) -> dict[str, str]:
    """What tells cosign 2.5 whom to trust: files instead of its own root."""
    services, folder = place.services, place.folder

    def key(name: str, public: fake_sigstore.PublicKey) -> str:
        encoded = fake_sigstore.spki(public)
        body = fake_sigstore.b64(encoded)
        (folder / name).write_text(f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n", encoding="ascii")
        return str(folder / name)

    chain = folder / "fulcio.pem"
    chain.write_bytes(b"".join(fake_sigstore.pem(one) for one in services.fulcio.chain))
    return {
        "SIGSTORE_ROOT_FILE": str(chain),
        "SIGSTORE_REKOR_PUBLIC_KEY": key("rekor.pub", services.log_key.public_key()),
        "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE": key("ctfe.pub", services.ct_key.public_key()),
    }


@pytest.mark.parametrize("what", ["signature", "attestation", "attestation as intoto"])
def test_we_verify_what_cosign_2_makes_without_a_key(
    place: Place, what: str, run_trustkit: Run, cosign2: Cosign
) -> None:
    url = place.services.url
    flags = ("--fulcio-url", url, "--rekor-url", url, "--identity-token", place.token(), "-y")
    environment = cosign2_environment(place)
    asked = ("--trusted-root", place.root, *ASKED)
    if what == "signature":
        cosign2.must("sign", *flags, place.reference, env=environment)
        done = run_trustkit("verify", *asked, place.reference)
    else:
        predicate = place.folder / "predicate.json"
        predicate.write_text('{"any":"thing"}', encoding="utf-8")
        kind = "https://example.com/predicate/v1"
        entry = ("--rekor-entry-type", "intoto") if what.endswith("intoto") else ()
        made = ("--predicate", predicate, "--type", kind, *entry)
        cosign2.must("attest", *flags, *made, place.reference, env=environment)
        done = run_trustkit("verify-attestation", "--type", kind, *asked, place.reference)
    assert done.status == 0, done.said


KIND = "https://example.com/predicate/v1"


@pytest.fixture
def predicate(tmp_path: Path) -> Path:
    file = tmp_path / "predicate.json"
    file.write_text('{"any":"thing"}', encoding="utf-8")
    return file


def untimed(place: Place) -> tuple[str, ...]:
    """How trustkit signs here without a timestamp."""
    flags = place.flags()
    at = flags.index("--timestamp-url")
    return flags[:at] + flags[at + 2 :]


def test_cosign_2_verifies_our_legacy_signature_without_a_key(place: Place, run_trustkit: Run, cosign2: Cosign) -> None:
    signed = run_trustkit("sign", *untimed(place), "--layout", "legacy", "-a", "build=42", place.reference)
    assert signed.status == 0, signed.said
    environment = cosign2_environment(place)
    done = cosign2.run("verify", *ASKED, "-a", "build=42", place.reference, env=environment)
    assert done.status == 0, done.said
    ours = run_trustkit("verify", "--trusted-root", place.root, *ASKED, place.reference)
    assert ours.status == 0, ours.said
    for wrong in (("-a", "build=41"), ("--certificate-identity", "ceo@acme.example")):
        assert cosign2.run("verify", *ASKED, *wrong, place.reference, env=environment).status != 0


def test_cosign_2_verifies_our_legacy_attestation_without_a_key(
    place: Place, predicate: Path, run_trustkit: Run, cosign2: Cosign
) -> None:
    made = ("--predicate", predicate, "--type", KIND, "--layout", "legacy")
    signed = run_trustkit("attest", *untimed(place), *made, place.reference)
    assert signed.status == 0, signed.said
    environment = cosign2_environment(place)
    done = cosign2.run("verify-attestation", *ASKED, "--type", KIND, place.reference, env=environment)
    assert done.status == 0, done.said
    assert cosign2.run("verify-attestation", *ASKED, "--type", "vuln", place.reference, env=environment).status != 0
    asked = ("--type", KIND, "--trusted-root", place.root, *ASKED)
    assert run_trustkit("verify-attestation", *asked, place.reference).status == 0


@pytest.mark.parametrize("version", [1, 2])
def test_cosign_3_verifies_our_attestation_without_a_key(
    place: Place, predicate: Path, version: int, run_trustkit: Run, cosign3: Cosign
) -> None:
    made = ("--predicate", predicate, "--type", KIND)
    signed = run_trustkit("attest", *place.flags(version), *made, place.reference)
    assert signed.status == 0, signed.said
    asked = ("--trusted-root", place.root, *ASKED)
    theirs = ("verify-attestation", *asked, "--use-signed-timestamps", "--type")
    done = cosign3.run(*theirs, KIND, place.reference)
    assert done.status == 0, done.said
    assert cosign3.run(*theirs, "https://example.com/other", place.reference).status != 0
    ours = run_trustkit("verify-attestation", *asked, "--type", KIND, place.reference)
    assert ours.status == 0, ours.said


@pytest.mark.parametrize(
    ("command", "version", "said"), [("sign", 2, "promise"), ("attest", 1, "timestamp"), ("attest", 2, "promise")]
)
def test_what_the_legacy_layout_cannot_say_is_not_signed(
    place: Place, predicate: Path, command: str, version: int, said: str, run_trustkit: Run
) -> None:
    about = ("--predicate", predicate, "--type", KIND) if command == "attest" else ()
    done = run_trustkit(command, *place.flags(version), *about, "--layout", "legacy", place.reference)
    assert done.status == 2, done.said
    assert said in done.stderr
    asked = ("verify-attestation", "--type", KIND) if command == "attest" else ("verify",)
    assert run_trustkit(*asked, "--trusted-root", place.root, *ASKED, place.reference).status == 1


def test_an_attestation_by_somebody_else_is_refused(place: Place, predicate: Path, run_trustkit: Run) -> None:
    made = ("--predicate", predicate, "--type", KIND)
    assert run_trustkit("attest", *place.flags(), *made, place.reference).status == 0
    asked = ("--certificate-identity", "ceo@acme.example", "--certificate-oidc-issuer", IDP)
    done = run_trustkit("verify-attestation", "--type", KIND, "--trusted-root", place.root, *asked, place.reference)
    assert done.status == 1, done.said


@pytest.mark.parametrize(
    "asked",
    [
        ("--certificate-identity", "ceo@acme.example", "--certificate-oidc-issuer", IDP),
        ("--certificate-identity", WHO, "--certificate-oidc-issuer", "https://accounts.google.com"),
        ("--certificate-identity-regexp", "dev@", "--certificate-oidc-issuer", IDP),
        ("--certificate-identity-regexp", "ev@acme.example", "--certificate-oidc-issuer", IDP),
        ("--certificate-identity", WHO, "--certificate-oidc-issuer-regexp", "https://idp"),
    ],
)
def test_somebody_elses_certificate_is_refused(place: Place, asked: tuple[str, ...], run_trustkit: Run) -> None:
    assert run_trustkit("sign", *place.flags(), place.reference).status == 0
    done = run_trustkit("verify", "--trusted-root", place.root, *asked, place.reference)
    assert done.status == 1, done.said


def test_a_root_that_does_not_know_the_authority_refuses(place: Place, run_trustkit: Run) -> None:
    assert run_trustkit("sign", *place.flags(), place.reference).status == 0
    done = run_trustkit("verify", *ASKED, place.reference)
    assert done.status == 1, done.said
    # its timestamp authority is a stranger to that root, and comes first
    assert "verification.timestamp" in done.stdout


def test_cosigns_blob_bundle_and_ours_agree_with_the_sigstore_package(
    place: Place, run_trustkit: Run, cosign3: Cosign
) -> None:
    from sigstore.models import Bundle, TrustedRoot
    from sigstore.verify import Verifier
    from sigstore.verify.policy import Identity

    blob, bundle = place.folder / "blob", place.folder / "bundle.json"
    blob.write_bytes(b"some bytes to sign")
    cosign3.must(
        "sign-blob", "--signing-config", place.signing_config(), "--trusted-root", place.root, "--identity-token",
        place.token(), "--bundle", bundle, "-y", blob,
    )  # fmt: skip
    done = run_trustkit("verify-blob", blob, "--bundle", bundle, "--trusted-root", place.root, *ASKED)
    assert done.status == 0, done.said
    digest = "sha256:" + hashlib.sha256(blob.read_bytes()).hexdigest()
    by_digest = run_trustkit("verify-blob", digest, "--bundle", bundle, "--trusted-root", place.root, *ASKED)
    assert by_digest.status == 0, by_digest.said
    verifier = Verifier(trusted_root=TrustedRoot.from_file(str(place.root)))
    verifier.verify_artifact(
        blob.read_bytes(), Bundle.from_json(bundle.read_bytes()), Identity(identity=WHO, issuer=IDP)
    )
    blob.write_bytes(b"other bytes")
    assert run_trustkit("verify-blob", blob, "--bundle", bundle, "--trusted-root", place.root, *ASKED).status == 1


def test_a_blob_signed_by_a_key_verifies_by_file_and_by_digest(
    place: Place, run_trustkit: Run, cosign3: Cosign
) -> None:
    none = [f"--no-default-{one}" for one in ("fulcio", "oidc", "rekor", "tsa")]
    config = place.folder / "none.json"
    cosign3.must("signing-config", "create", *none, "--out", config)
    private, public = cosign3.generate_key()
    blob, bundle = place.folder / "blob", place.folder / "bundle.json"
    blob.write_bytes(b"some bytes to sign")
    cosign3.must("sign-blob", "--signing-config", config, "--key", private, "--bundle", bundle, "-y", blob)
    for given in (blob, "sha256:" + hashlib.sha256(blob.read_bytes()).hexdigest()):
        done = run_trustkit("verify-blob", given, "--bundle", bundle, "--key", public)
        assert done.status == 0, done.said
    for wrong in ("sha256:" + "ab" * 32, bundle):
        assert run_trustkit("verify-blob", wrong, "--bundle", bundle, "--key", public).status == 1
    run_trustkit("key", "import", "theirs", public)
    assert run_trustkit("key", "revoke", "theirs", "--reason", "laptop stolen").status == 0
    for given in (blob, "sha256:" + hashlib.sha256(blob.read_bytes()).hexdigest()):
        done = run_trustkit("verify-blob", given, "--bundle", bundle, "--key", public)
        assert (done.status, "laptop stolen" in done.said) == (1, True), done.said


@pytest.mark.parametrize("token", ["not a token", "a.b.c"])
def test_a_broken_token_is_a_usage_error(place: Place, token: str, run_trustkit: Run) -> None:
    flags = ("--identity-token", token, *place.flags()[2:])
    done = run_trustkit("sign", *flags, place.reference)
    assert done.status == 2, done.said


def test_services_that_do_not_answer_leave_nothing_behind(place: Place, run_trustkit: Run) -> None:
    url = "http://127.0.0.1:9"
    flags = ("--identity-token", place.token(), "--fulcio-url", url, "--rekor-url", url, "--trusted-root", place.root)
    done = run_trustkit("sign", *flags, place.reference)
    assert done.status == 4, done.said
    assert "Traceback" not in done.stderr
    assert run_trustkit("verify", "--trusted-root", place.root, *ASKED, place.reference).status == 1
