"""What strangers send along with signatures: any bytes give a value or one of our errors; no changed byte verifies."""

import base64
import contextlib
import json
import lzma
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustkit.codec import log_body, log_entry
from trustkit.codec.certificate import parse_certificate
from trustkit.codec.sigstore_bundle import parse_bundle
from trustkit.errors import TrustkitError
from trustkit.fips.select import provider
from trustkit.model.digest import Digest
from trustkit.signing.blob import Blob, verify_blob
from trustkit.signing.format import Check
from trustkit.signing.keyless.identity import identity_of
from trustkit.signing.keyless.material import from_annotations, from_bundle
from trustkit.signing.pki import sct
from trustkit.signing.trust.load import sigstore_root
from trustkit.signing.trust.load_pem import PemFiles, sigstore_root_from_pem
from trustkit.signing.trust.load_witnesses import witnesses
from trustkit.signing.trust.roots import SigstoreRoot, TrustRoots

VECTORS = Path(__file__).parents[1] / "conformance" / "vectors" / "own-sigstore.tar.xz"
CASE = "own-sigstore-v1-tsa"


def files() -> dict[str, bytes]:
    """Return the files of a valid case."""
    with lzma.open(VECTORS) as packed, tarfile.open(fileobj=packed) as members:
        wanted = [one for one in members if one.name.startswith(f"{CASE}/")]
        found = {one.name.partition("/")[2]: members.extractfile(one) for one in wanted}
        return {name: stream.read() for name, stream in found.items() if stream is not None}


FILES = files()
BUNDLE, ROOT = FILES["bundle.sigstore.json"], FILES["trusted_root.json"]
EXPECTED = json.loads(FILES["expected.json"])
DIGEST, NOW = Digest.parse(EXPECTED["digest"]), datetime.fromisoformat(EXPECTED["verify_at"]).astimezone(UTC)
MATERIAL = json.loads(BUNDLE)["verificationMaterial"]
ENTRY = MATERIAL["tlogEntries"][0]
LEAF = base64.b64decode(MATERIAL["certificate"]["rawBytes"])

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=20) | st.binary(max_size=20).map(
        lambda content: base64.b64encode(content).decode()
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def trying(reader: object, *arguments: object) -> None:
    """Call a reader; only our errors may come out."""
    assert callable(reader)
    with contextlib.suppress(TrustkitError):
        reader(*arguments)


@given(st.binary(max_size=300))
def test_any_bytes(content: bytes) -> None:
    for reader in (parse_bundle, log_body.parse_body, sct.timestamps, parse_certificate):
        trying(reader, content)
    trying(sigstore_root, content, "r")
    trying(sigstore_root_from_pem, PemFiles(content, content, content, content, content), "r")
    trying(witnesses, content.decode("latin-1"))
    trying(from_annotations, dict.fromkeys(
        ("dev.sigstore.cosign/certificate", "dev.sigstore.cosign/bundle", "dev.sigstore.cosign/rfc3161timestamp"),
        content.decode("latin-1"),
    ))  # fmt: skip


@given(st.sampled_from(sorted(ENTRY)), json_values)
def test_any_value_in_a_log_entry(name: str, value: object) -> None:
    trying(log_entry.from_bundle, {**ENTRY, name: value})


@given(st.sampled_from(sorted(json.loads(ROOT))), json_values)
def test_any_value_in_a_root(name: str, value: object) -> None:
    trying(sigstore_root, json.dumps({**json.loads(ROOT), name: value}).encode(), "r")


@given(json_values)
def test_any_specification_in_a_body(value: object) -> None:
    for kind, version in (("dsse", "0.0.1"), ("dsse", "0.0.2"), ("hashedrekord", "0.0.2"), ("intoto", "0.0.2")):
        body = {"kind": kind, "apiVersion": version, "spec": {"content": value, "dsseV002": value, "signatures": value}}
        trying(log_body.parse_body, json.dumps(body).encode())


@given(st.integers(0, len(LEAF) - 1), st.integers(1, 255))
def test_any_changed_byte_of_a_certificate(at: int, change: int) -> None:
    content = bytearray(LEAF)
    content[at] ^= change

    def read() -> None:
        certificate = parse_certificate(bytes(content))
        identity_of(certificate)
        found = certificate.extension(sct.SCT_LIST)
        assert found is None or sct.timestamps(found.value)
        sct.precertificate(certificate)

    trying(read)


def _check(root: SigstoreRoot) -> Check:
    return Check(DIGEST, TrustRoots((), (root,)), provider(), NOW)


def test_the_unchanged_bundle_verifies() -> None:
    found = verify_blob(Blob((DIGEST,)), BUNDLE, _check(sigstore_root(ROOT, "sigstore")))
    assert found.identified.signer.subject == EXPECTED["identity"]


_PROOF = ENTRY["inclusionProof"]
_SIGNED = (
    ("body", ENTRY["canonicalizedBody"]),
    ("promise", ENTRY["inclusionPromise"]["signedEntryTimestamp"]),
    ("hash", _PROOF["hashes"][0]),
    ("root", _PROOF["rootHash"]),
    ("leaf", MATERIAL["certificate"]["rawBytes"]),
    ("stamp", MATERIAL["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"]),
    ("signature", json.loads(BUNDLE)["dsseEnvelope"]["signatures"][0]["sig"]),
    ("payload", json.loads(BUNDLE)["dsseEnvelope"]["payload"]),
)


@pytest.mark.parametrize(("name", "text"), _SIGNED, ids=[name for name, _ in _SIGNED])
@settings(max_examples=40)
@given(data=st.data())
def test_no_changed_byte_verifies(name: str, text: str, data: st.DataObject) -> None:
    content = bytearray(base64.b64decode(text))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    changed = BUNDLE.replace(text.encode(), base64.b64encode(bytes(content)))
    assert changed != BUNDLE
    try:
        found = verify_blob(Blob((DIGEST,)), changed, _check(sigstore_root(ROOT, "sigstore")))
    except TrustkitError:
        return
    # a token's certificates are not signed; the trusted ones stand in where they are broken, and prove the same
    assert name == "stamp"
    assert found == verify_blob(Blob((DIGEST,)), BUNDLE, _check(sigstore_root(ROOT, "sigstore")))


@given(st.integers(0, len(_PROOF["checkpoint"]["envelope"]) - 1), st.characters(codec="ascii"))
def test_no_changed_letter_of_a_checkpoint_verifies(at: int, letter: str) -> None:
    text = _PROOF["checkpoint"]["envelope"]
    if text[at] == letter:
        return
    value = json.loads(BUNDLE)
    proof = value["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
    proof["checkpoint"]["envelope"] = text[:at] + letter + text[at + 1 :]
    with pytest.raises(TrustkitError):
        verify_blob(Blob((DIGEST,)), json.dumps(value).encode(), _check(sigstore_root(ROOT, "sigstore")))


def test_every_bundle_of_the_vectors_is_read() -> None:
    with lzma.open(VECTORS) as packed, tarfile.open(fileobj=packed) as members:
        for member in members:
            stream = members.extractfile(member) if member.name.endswith("bundle.sigstore.json") else None
            if stream is not None:
                trying(from_bundle, parse_bundle(stream.read()))
