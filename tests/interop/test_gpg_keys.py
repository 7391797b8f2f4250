"""Keys and messages as a real gpg makes them, and how they are judged at one moment."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from peers.gpg import Gpg
from peers.workspace import short_folder
from trustkit import limits
from trustkit.codec.openpgp_key import binary
from trustkit.errors import (
    AlgorithmNotApprovedError,
    KeyExpiredError,
    KeyRevokedError,
    LimitExceededError,
    MalformedError,
    PayloadTypeError,
    SignatureExpiredError,
    SignatureMismatchError,
    SubjectMismatchError,
    TrustkitError,
    UnsupportedEvidenceError,
    UntrustedSignerError,
)
from trustkit.fips.select import provider
from trustkit.model.digest import Digest
from trustkit.model.evidence import LOOKASIDE, SIMPLE_SIGNING, Evidence, Place
from trustkit.model.signature import VerifiedSignature
from trustkit.signing.format import Check
from trustkit.signing.formats.simple_signing import SimpleSigning, payload
from trustkit.signing.trust.roots import OpenPgpKey, TrustRoots

IMAGE = Digest.parse("sha256:" + "ab" * 32)
NAME = "registry.example/shop/web:v1"
NOW = datetime.now(UTC)
PAYLOAD = payload(IMAGE, NAME, NOW)


@pytest.fixture
def gpg() -> Iterator[Gpg]:
    with short_folder("gpg") as folder:
        made = Gpg(folder / "gpg")
        try:
            yield made
        finally:
            made.stop()


def verified(content: bytes, *rings: Path, now: datetime | None = None) -> VerifiedSignature:
    trusted = tuple(OpenPgpKey(ring.name, binary(ring.read_bytes(), ring.name)) for ring in rings)
    check = Check(IMAGE, TrustRoots(openpgp=trusted), provider(), now or datetime.now(UTC))
    return SimpleSigning().verify(Evidence(Place(LOOKASIDE, ""), SIMPLE_SIGNING, IMAGE, content, {}), check)


def refused(error: type[TrustkitError], content: bytes, *rings: Path, now: datetime | None = None) -> str:
    with pytest.raises(error) as caught:
        verified(content, *rings, now=now)
    assert type(caught.value) is error
    return caught.value.message


def subkeys(gpg: Gpg) -> list[str]:
    listed = gpg.must("--with-colons", "--list-keys").stdout.splitlines()
    return [line.split(":")[9] for line in listed if line.startswith("fpr:")]


def with_subkey(gpg: Gpg, expires: str = "never") -> tuple[str, str]:
    """Return a primary key that only certifies, and its signing subkey."""
    gpg.must("--quick-generate-key", "Team <team@example.com>", "ed25519", "cert", "never")
    (primary,) = subkeys(gpg)
    gpg.must("--quick-add-key", primary, "ed25519", "sign", expires)
    return primary, subkeys(gpg)[1]


def test_the_signer_is_the_primary_key_and_the_claims_say_which_part(gpg: Gpg) -> None:
    primary, sub = with_subkey(gpg)
    found = verified(gpg.signed(PAYLOAD, f"{sub}!"), gpg.public(primary))
    assert found.signer.fingerprint == primary.lower()
    assert ("openpgp:key", sub.lower()) in found.signer.claims
    assert ("openpgp:user-id", "Team <team@example.com>") in found.signer.claims
    assert (found.claimed_name, found.time_source) == (NAME, "signer")


@pytest.mark.parametrize("hashing", ["SHA256", "SHA384", "SHA512"])
@pytest.mark.parametrize("packing", ["none", "zip", "zlib", "bzip2"])
def test_every_hash_and_packing_of_gpg_is_read(gpg: Gpg, hashing: str, packing: str) -> None:
    key = gpg.key("A <a@example.com>", "nistp256")
    assert verified(gpg.signed(PAYLOAD, key, "--digest-algo", hashing, "--compress-algo", packing), gpg.public(key))


@pytest.mark.parametrize("hashing", ["SHA1", "RIPEMD160", "SHA224"])
def test_weak_and_unusual_hashes_are_not_approved(gpg: Gpg, hashing: str) -> None:
    key = gpg.key("A <a@example.com>", "rsa3072")
    options = ("--digest-algo", hashing)
    assert "made with" in refused(AlgorithmNotApprovedError, gpg.signed(PAYLOAD, key, *options), gpg.public(key))


def test_a_revoked_subkey_signs_nothing(gpg: Gpg) -> None:
    primary, sub = with_subkey(gpg)
    signed = gpg.signed(PAYLOAD, f"{sub}!")
    words = b"key 1\nrevkey\ny\n0\n\ny\nsave\n"
    gpg.must("--command-fd", "0", "--no-batch", "--no-tty", "--edit-key", primary, stdin=words)
    assert sub in refused(KeyRevokedError, signed, gpg.public(primary)).upper()


def test_a_revoked_key_signs_nothing_not_even_earlier(gpg: Gpg) -> None:
    key = gpg.key("A <a@example.com>", "ed25519")
    signed = gpg.signed(PAYLOAD, key)
    gpg.revoke(key)
    refused(KeyRevokedError, signed, gpg.public(key))


def test_a_subkey_that_expired_signs_nothing(gpg: Gpg) -> None:
    primary, sub = with_subkey(gpg, "2d")
    signed = gpg.signed(PAYLOAD, f"{sub}!")
    ring = gpg.public(primary)
    assert verified(signed, ring).expires_at is not None
    refused(KeyExpiredError, signed, ring, now=NOW + timedelta(days=3))


def test_a_key_lives_as_long_as_its_newest_self_signature_says(gpg: Gpg) -> None:
    key = gpg.key("A <a@example.com>", "ed25519", "5d")
    signed = gpg.signed(PAYLOAD, key)
    refused(KeyExpiredError, signed, gpg.public(key), now=NOW + timedelta(days=6))
    gpg.must("--quick-set-expire", key, "30d")
    later = NOW + timedelta(days=6)
    assert verified(signed, gpg.public(key), now=later)


def test_a_signature_that_expired_is_none(gpg: Gpg) -> None:
    key = gpg.key("A <a@example.com>", "ed25519")
    signed = gpg.signed(PAYLOAD, key, "--default-sig-expire", "1d")
    assert verified(signed, gpg.public(key))
    refused(SignatureExpiredError, signed, gpg.public(key), now=NOW + timedelta(days=2))


def test_a_signature_from_the_future_is_none(gpg: Gpg) -> None:
    key = gpg.key("A <a@example.com>", "ed25519", fake_time="20240101T000000")
    signed = gpg.signed(PAYLOAD, key, fake_time="20400101T000000")
    assert "still to come" in refused(SignatureExpiredError, signed, gpg.public(key))


def test_a_subkey_that_is_not_in_the_ring_is_a_strangers(gpg: Gpg) -> None:
    primary, sub = with_subkey(gpg)
    signed = gpg.signed(PAYLOAD, f"{sub}!")
    alone = gpg.home / "alone"
    gpg.must("--export-options", "export-minimal", "--export-filter", "drop-subkey=key_algo -gt 0",
             "--output", alone, "--export", primary)  # fmt: skip
    refused(UntrustedSignerError, signed, alone)


def test_a_critical_notation_that_nobody_knows_is_unsupported(gpg: Gpg) -> None:
    key = gpg.key("A <a@example.com>", "ed25519")
    signed = gpg.signed(PAYLOAD, key, "--set-notation", "!only@example.com=staging")
    assert "notation" in refused(UnsupportedEvidenceError, signed, gpg.public(key))


def test_a_notation_that_is_not_critical_does_no_harm(gpg: Gpg) -> None:
    key = gpg.key("A <a@example.com>", "ed25519")
    assert verified(gpg.signed(PAYLOAD, key, "--set-notation", "build@example.com=7"), gpg.public(key))


def test_two_signatures_in_one_message_are_refused(gpg: Gpg) -> None:
    one, two = gpg.key("A <a@example.com>", "ed25519"), gpg.key("B <b@example.com>", "ed25519")
    signed = gpg.signed(PAYLOAD, one, "--local-user", two)
    refused(MalformedError, signed, gpg.public(one), gpg.public(two))


@pytest.mark.parametrize("option", ["--armor", "--clear-sign", "--detach-sign"])
def test_other_shapes_of_messages_are_refused(gpg: Gpg, option: str) -> None:
    key = gpg.key("A <a@example.com>", "ed25519")
    file = gpg.home / "message"
    words = [option, "--sign"] if option == "--armor" else [option]
    gpg.must("--local-user", key, "--output", file, *words, stdin=PAYLOAD)
    refused(MalformedError, file.read_bytes(), gpg.public(key))


def test_a_message_that_unpacks_to_too_much_is_cut(gpg: Gpg) -> None:
    key = gpg.key("A <a@example.com>", "ed25519")
    signed = gpg.signed(b" " * (4 * limits.SIGNATURE_BYTES), key, "--compress-algo", "zlib")
    assert len(signed) < limits.SIGNATURE_BYTES
    refused(LimitExceededError, signed, gpg.public(key))


def test_a_message_only_signed_by_another_key_of_the_same_name_is_a_strangers(gpg: Gpg) -> None:
    mine = gpg.public(gpg.key("A <a@example.com>", "ed25519"))
    with short_folder("gpg") as folder:
        other = Gpg(folder / "gpg")
        try:
            stranger = other.key("A <a@example.com>", "ed25519")
            refused(UntrustedSignerError, other.signed(PAYLOAD, stranger), mine)
        finally:
            other.stop()


def test_no_keyring_trusts_nobody(gpg: Gpg) -> None:
    key = gpg.key("A <a@example.com>", "ed25519")
    assert "no OpenPGP key is trusted" in refused(UntrustedSignerError, gpg.signed(PAYLOAD, key))


def test_a_changed_signature_does_not_fit(gpg: Gpg) -> None:
    key = gpg.key("A <a@example.com>", "rsa3072")
    signed = bytearray(gpg.signed(PAYLOAD, key, "--compress-algo", "none"))
    at = signed.index(b"shop/web")
    signed[at] ^= 1
    refused(SignatureMismatchError, bytes(signed), gpg.public(key))


GOOD = json.loads(PAYLOAD)


@pytest.mark.parametrize(
    ("document", "error"),
    [
        (GOOD | {"more": 1}, MalformedError),
        ({"critical": GOOD["critical"]}, MalformedError),
        (GOOD | {"critical": GOOD["critical"] | {"more": 1}}, MalformedError),
        (GOOD | {"critical": GOOD["critical"] | {"type": "cosign container image signature"}}, PayloadTypeError),
        (GOOD | {"critical": GOOD["critical"] | {"image": {"docker-manifest-digest": "sha256:" + "0" * 64}}},
         SubjectMismatchError),
        (GOOD | {"optional": {"timestamp": "soon"}}, MalformedError),
        (GOOD | {"optional": {"creator": 1}}, MalformedError),
        (GOOD | {"optional": []}, MalformedError),
        ([], MalformedError),
    ],
)  # fmt: skip
def test_a_signed_document_of_another_shape_is_refused(gpg: Gpg, document: object, error: type[TrustkitError]) -> None:
    key = gpg.key("A <a@example.com>", "ed25519")
    refused(error, gpg.signed(json.dumps(document).encode(), key), gpg.public(key))


def test_a_member_written_twice_is_refused(gpg: Gpg) -> None:
    key = gpg.key("A <a@example.com>", "ed25519")
    twice = PAYLOAD.replace(b'"optional"', b'"critical":{},"optional"')
    refused(MalformedError, gpg.signed(twice, key), gpg.public(key))


def test_unknown_optional_members_are_left_aside(gpg: Gpg) -> None:
    key = gpg.key("A <a@example.com>", "ed25519")
    document = GOOD | {"optional": {"creator": "atomic", "else": {"deep": [1]}}}
    assert verified(gpg.signed(json.dumps(document).encode(), key), gpg.public(key)).annotations == (
        ("creator", "atomic"),
    )
