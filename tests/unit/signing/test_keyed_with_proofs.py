"""A managed key with log entries and timestamps beside its signature: checked where a root knows them."""

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from peers import fake_sigstore as fake
from peers.fake_sigstore import FakeSigstore, b64
from trustkit.codec import dsse
from trustkit.errors import (
    LogEntryError,
    LogPromiseError,
    TimestampError,
    TrustkitError,
    UnsupportedEvidenceError,
    UntrustedSignerError,
)
from trustkit.fips.parse import public_key_to_pem
from trustkit.fips.select import provider
from trustkit.model.digest import Digest
from trustkit.model.evidence import REFERRERS, Evidence, Place
from trustkit.model.signature import VerifiedSignature
from trustkit.signing.format import Check
from trustkit.signing.formats.bundle import SigstoreBundle
from trustkit.signing.sign import Subjected, sign
from trustkit.signing.trust.load import sigstore_root
from trustkit.signing.trust.roots import TrustedKey, TrustRoots

Json = dict[str, Any]
IMAGE = Digest("sha256", "7a" * 32)
KEY = provider().generate("ecdsa-p256")
NOW = datetime.now(UTC)
SERVICES, STRANGER = FakeSigstore(), FakeSigstore()
ROOT = sigstore_root(json.dumps(SERVICES.trusted_root()).encode(), "sigstore")
TRUSTED = (TrustedKey("release", KEY.public),)


def signed(by: FakeSigstore = SERVICES, pem: bytes | None = None, *, stamped: bool = True) -> Json:
    """Return a bundle by the key with an entry and a timestamp."""
    value: Json = json.loads(sign(Subjected(IMAGE, "acme/app"), KEY).content)
    envelope = value["dsseEnvelope"]
    payload, signature = base64.b64decode(envelope["payload"]), base64.b64decode(envelope["signatures"][0]["sig"])
    body = fake.dsse_1(payload, signature, pem or public_key_to_pem(KEY.public))
    value["verificationMaterial"]["tlogEntries"] = [by.log(body, at=int(NOW.timestamp()))]
    if stamped:
        stamps = [{"signedTimestamp": b64(by.timestamp_of(signature))}]
        value["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": stamps}
    return value


def verified(value: Json, trust: TrustRoots) -> VerifiedSignature:
    content = json.dumps(value).encode()
    digest = Digest("sha256", hashlib.sha256(content).hexdigest())
    item = Evidence(Place(REFERRERS, ""), fake.BUNDLE, digest, content, {}, artifact_type=fake.BUNDLE)
    return SigstoreBundle().verify(item, Check(IMAGE, trust, provider(), NOW))


def test_without_a_root_nothing_of_it_is_read() -> None:
    value = signed()
    value["verificationMaterial"]["tlogEntries"] = [{"any": "thing"}]
    found = verified(value, TrustRoots(TRUSTED))
    assert (found.log, found.signed_at) == ("", None)


def test_with_a_root_log_and_time_are_told() -> None:
    found = verified(signed(), TrustRoots(TRUSTED, (ROOT,)))
    assert found.signer.trust_root == "release"
    assert found.log.startswith(SERVICES.url)
    assert found.signed_at is not None


def test_a_log_that_the_root_does_not_know_says_nothing() -> None:
    found = verified(signed(STRANGER, stamped=False), TrustRoots(TRUSTED, (ROOT,)))
    assert (found.signer.trust_root, found.log, found.signed_at) == ("release", "", None)


def _entry(value: Json) -> Json:
    entry: Json = value["verificationMaterial"]["tlogEntries"][0]
    return entry


def _later(value: Json) -> None:
    _entry(value)["integratedTime"] = str(int(NOW.timestamp()) + 1)


def _other_stamp(value: Json) -> None:
    stamps = [{"signedTimestamp": b64(SERVICES.timestamp_of(b"something else"))}]
    value["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": stamps}


def _strange_stamp(value: Json) -> None:
    signature = base64.b64decode(value["dsseEnvelope"]["signatures"][0]["sig"])
    stamps = [{"signedTimestamp": b64(STRANGER.timestamp_of(signature))}]
    value["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": stamps}


def _other_entry(value: Json) -> None:
    value["verificationMaterial"]["tlogEntries"] = signed()["verificationMaterial"]["tlogEntries"]


@pytest.mark.parametrize(
    ("spoil", "refusal"),
    [
        (_later, LogPromiseError),
        (_other_stamp, TimestampError),
        (_strange_stamp, TimestampError),
        (_other_entry, LogEntryError),
    ],
)
def test_a_broken_proof_is_refused_though_the_key_is_right(
    spoil: Callable[[Json], None], refusal: type[TrustkitError]
) -> None:
    value = signed()
    spoil(value)
    with pytest.raises(refusal):
        verified(value, TrustRoots(TRUSTED, (ROOT,)))


def test_an_entry_that_names_another_key_is_refused() -> None:
    other = public_key_to_pem(provider().generate("ecdsa-p256").public)
    with pytest.raises(LogEntryError):
        verified(signed(pem=other), TrustRoots(TRUSTED, (ROOT,)))


def test_one_good_and_one_broken_entry_is_refused() -> None:
    value = signed()
    broken = json.loads(json.dumps(_entry(value)))
    broken["integratedTime"] = "1"
    value["verificationMaterial"]["tlogEntries"].append(broken)
    with pytest.raises(LogPromiseError):
        verified(value, TrustRoots(TRUSTED, (ROOT,)))


def test_a_key_nobody_trusts_is_refused_whatever_the_log_says() -> None:
    with pytest.raises(UntrustedSignerError):
        verified(signed(), TrustRoots((), (ROOT,)))


def test_a_certificate_is_refused_where_only_keys_are_trusted() -> None:
    value = signed()
    leaf = SERVICES.certificate(SERVICES.fulcio.key.public_key(), "dev@acme.example", "https://idp", at=NOW)
    del value["verificationMaterial"]["publicKey"]
    value["verificationMaterial"]["certificate"] = {"rawBytes": b64(fake.der(leaf))}
    other = (TrustedKey("other", provider().generate("ecdsa-p256").public),)
    with pytest.raises(UnsupportedEvidenceError):
        verified(value, TrustRoots(other))


def test_the_signed_bytes_are_those_of_dsse() -> None:
    envelope = signed()["dsseEnvelope"]
    message = dsse.pae(envelope["payloadType"], base64.b64decode(envelope["payload"]))
    provider().verify(KEY.public, "ecdsa-p256-sha256", base64.b64decode(envelope["signatures"][0]["sig"]), message)
