"""What strangers send as OpenPGP: any bytes give a value or one of our errors; no changed byte verifies."""

import json
import lzma
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustkit.codec.openpgp import packets, signed_message
from trustkit.codec.openpgp_armor import unarmored
from trustkit.codec.openpgp_key import binary, parse_keyring
from trustkit.codec.openpgp_signature import parse_signature
from trustkit.errors import TrustkitError
from trustkit.fips.select import provider
from trustkit.model.digest import Digest
from trustkit.model.evidence import LOOKASIDE, SIMPLE_SIGNING, Evidence, Place
from trustkit.signing.format import Check
from trustkit.signing.formats.simple_signing import SimpleSigning
from trustkit.signing.trust.roots import OpenPgpKey, TrustRoots

VECTORS = Path(__file__).parents[1] / "conformance" / "vectors" / "gpg.tar.xz"


CASE = "gpg-skopeo19-release"


def files() -> dict[str, bytes]:
    """Return the files of a valid case."""
    with lzma.open(VECTORS) as packed, tarfile.open(fileobj=packed) as members:
        wanted = [one for one in members if one.isfile() and one.name.startswith(f"{CASE}/")]
        found = {one.name.partition("/")[2]: members.extractfile(one) for one in wanted}
        return {name: stream.read() for name, stream in found.items() if stream is not None}


FILES = files()
NOW = datetime.fromisoformat(json.loads(FILES["expected.json"])["verify_at"]).astimezone(UTC)
(PATH,) = (name for name in FILES if name.startswith("lookaside/"))
SIGNATURE = FILES[PATH]
RING = binary(FILES["keys/gpg-release.asc"], "ring")
CHECK = Check(
    Digest.parse(PATH.rpartition("@")[2].partition("/")[0].replace("=", ":")),
    TrustRoots(openpgp=(OpenPgpKey("ring", RING),)),
    provider(),
    NOW,
)


def item(content: bytes) -> Evidence:
    """Return a signature as it comes from a lookaside."""
    return Evidence(Place(LOOKASIDE, ""), SIMPLE_SIGNING, CHECK.image, content, {})


GOOD = SimpleSigning().verify(item(SIGNATURE), CHECK)


def trying(reader: object, *arguments: object) -> None:
    """Call; only our own errors may come out."""
    assert callable(reader)
    try:
        found = reader(*arguments)
        if not isinstance(found, (bytes, tuple)):
            list(found) if hasattr(found, "__next__") else None
    except TrustkitError:
        pass


def test_the_case_to_start_from_verifies() -> None:
    assert SimpleSigning().verify(item(SIGNATURE), CHECK).subject == CHECK.image


@given(st.binary(max_size=400))
def test_any_bytes_give_a_value_or_one_of_our_errors(content: bytes) -> None:
    for reader in (signed_message, packets, parse_signature, parse_keyring, binary):
        trying(reader, content, "test")
    trying(unarmored, content, "PGP PUBLIC KEY BLOCK", "test")


@given(st.data())
@settings(max_examples=300)
def test_no_changed_byte_verifies_and_none_is_a_fault(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(SIGNATURE) - 1))
    value = data.draw(st.integers(1, 255))
    changed = bytearray(SIGNATURE)
    changed[at] ^= value
    try:
        found = SimpleSigning().verify(item(bytes(changed)), CHECK)
    except TrustkitError:
        return
    # the signature holds: a name of the literal packet, say, is signed by nobody and read by nobody
    assert (found.subject, found.claimed_name) == (CHECK.image, GOOD.claimed_name)


@given(st.integers(0, len(SIGNATURE) - 1))
def test_no_beginning_of_a_signature_verifies(length: int) -> None:
    with pytest.raises(TrustkitError):
        SimpleSigning().verify(item(SIGNATURE[:length]), CHECK)


@given(st.data())
@settings(max_examples=200)
def test_a_spoilt_keyring_gives_a_value_or_one_of_our_errors(data: st.DataObject) -> None:
    spoilt = bytearray(RING)
    for _ in range(data.draw(st.integers(1, 4))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    check = CHECK._replace(trust=TrustRoots(openpgp=(OpenPgpKey("ring", bytes(spoilt)),)))
    trying(SimpleSigning().verify, item(SIGNATURE), check)


@given(st.binary(max_size=60))
def test_a_signature_with_something_after_it_is_refused(tail: bytes) -> None:
    if tail:
        with pytest.raises(TrustkitError):
            SimpleSigning().verify(item(SIGNATURE + tail), CHECK)
