"""Every certificate of a notation chain and its timestamp's is looked at, whatever is unknown of the others."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from forgeries import notation as forge
from forgeries.notation import DAY, Issued, issued, stated
from peers.fake_sigstore import Authority, FakeSigstore
from peers.processes import free_port
from peers.web import serving
from trustkit import limits
from trustkit.errors import CertificateRevokedError, RevocationUnknownError
from trustkit.fips.hashing import digest_of
from trustkit.fips.select import provider
from trustkit.model.digest import Digest
from trustkit.model.evidence import NOTARY_SIGNATURE, REFERRERS, Evidence, Place
from trustkit.model.image import Descriptor
from trustkit.model.notation import AUTHENTIC_TIME, REVOCATION, NotationChecks
from trustkit.signing.notation import envelope
from trustkit.signing.notation.envelope import JWS
from trustkit.signing.notation.fetch import RevocationSource
from trustkit.signing.notation.revocation import NOT_ASKED, UNREVOKED
from trustkit.signing.notation.rules import Rules
from trustkit.signing.notation.verify import Proven, verify
from trustkit.signing.trust.roots import CA, TSA, CertificateStore, TrustRoots

# timestamps are made by the machine's clock
NOW = datetime.now(UTC).replace(microsecond=0)
START, END = NOW - 9 * DAY, NOW + 9 * DAY
TARGET = Descriptor("application/vnd.oci.image.manifest.v1+json", Digest("sha256", "11" * 32), 123)
PAYLOAD = forge.payload_of(str(TARGET.digest), TARGET.media_type, TARGET.size_bytes)
ROOT = issued("root", authority=True, start=START, end=END)
MIDDLE = issued("middle", ROOT, authority=True, lists_at=("http://lists.test/root.crl",), start=START, end=END)
# nobody answers there
DEAD = issued("signer", MIDDLE, lists_at=("http://lists.test/dead.crl",), start=START, end=END)
MUTE = issued("signer", MIDDLE, start=START, end=END)
NOTHING_LOST = forge.revocation_list(ROOT, at=NOW)
MIDDLE_LOST = forge.revocation_list(ROOT, MIDDLE, at=NOW)
STRICT = NotationChecks()
TELL = STRICT._replace(enforced=STRICT.enforced - {REVOCATION})


def judged(leaf: Issued, *lists: bytes, permissive: bool = False, checks: NotationChecks = STRICT) -> Proven:
    store = CertificateStore(CA, "acme", (ROOT.der,), unknown_passes=permissive)
    content = forge.envelope(JWS, stated(PAYLOAD, (leaf, MIDDLE, ROOT), signing=NOW))
    rules = Rules((store,), checks, lists)
    return verify(envelope.read(JWS, content), TARGET, rules, now=NOW, crypto=provider())


@pytest.mark.parametrize("permissive", [False, True])
@pytest.mark.parametrize("leaf", [DEAD, MUTE])
def test_a_revoked_authority_takes_what_it_issued_with_it(leaf: Issued, permissive: bool) -> None:
    with pytest.raises(CertificateRevokedError, match="middle"):
        judged(leaf, MIDDLE_LOST, permissive=permissive)


def test_of_what_is_only_told_revoked_comes_before_unknown() -> None:
    (told,) = judged(DEAD, MIDDLE_LOST, checks=TELL).unenforced
    assert "was revoked by its issuer" in told


def test_unknown_passes_only_where_the_store_lets_it() -> None:
    with pytest.raises(RevocationUnknownError, match="signer"):
        judged(DEAD, NOTHING_LOST)
    assert judged(DEAD, NOTHING_LOST, permissive=True).revocation.startswith(
        "unknown: whether certificate of CN=signer"
    )


def test_the_first_unknown_one_is_named() -> None:
    assert "CN=signer" in judged(DEAD, permissive=True).revocation
    assert "CN=middle" in judged(MUTE, permissive=True).revocation


def test_what_stands_is_said_to() -> None:
    assert judged(MUTE, NOTHING_LOST).revocation == UNREVOKED


@pytest.mark.parametrize("permissive", [False, True])
def test_what_names_nobody_to_ask_passes_unless_a_list_at_hand_has_it(permissive: bool) -> None:
    leaf = issued("signer", ROOT, start=START, end=END)
    content = forge.envelope(JWS, stated(PAYLOAD, (leaf, ROOT), signing=NOW))
    store = CertificateStore(CA, "acme", (ROOT.der,), unknown_passes=permissive)

    def said(*lists: bytes) -> str:
        rules = Rules((store,), STRICT, lists)
        return verify(envelope.read(JWS, content), TARGET, rules, now=NOW, crypto=provider()).revocation

    assert said() == NOT_ASKED
    assert said(NOTHING_LOST) == UNREVOKED
    # another authority's list, and one that is out of date
    assert (
        said(forge.revocation_list(MIDDLE, leaf, at=NOW), forge.revocation_list(ROOT, leaf, at=NOW - 3 * DAY))
        == NOT_ASKED
    )
    with pytest.raises(CertificateRevokedError, match="signer"):
        said(forge.revocation_list(ROOT, leaf, at=NOW))


class Stamped:
    """A signature under MUTE's chain with a timestamp by an authority that names a revocation list, or none."""

    def __init__(self, *lists_at: str) -> None:
        self.root = issued("stamps", authority=True, start=START, end=END)
        usage = ExtendedKeyUsageOID.TIME_STAMPING
        self.authority = issued("tsa", self.root, usage=usage, lists_at=lists_at, start=START, end=END)
        fake = FakeSigstore()
        fake.tsa = Authority(self.authority.key, self.authority.certificate, self.root.certificate)
        plain = stated(PAYLOAD, (MUTE, MIDDLE, ROOT), signing=NOW)
        self.content = forge.stamped(JWS, plain, fake.timestamp_of)

    def judged(
        self, *lists: bytes, permissive: bool = False, checks: NotationChecks = STRICT, trust: TrustRoots | None = None
    ) -> Proven:
        given = trust or TrustRoots(stores=self.stores(permissive=permissive), revocation_lists=(NOTHING_LOST, *lists))
        rules = Rules(given.stores, checks, given.revocation_lists)
        return verify(envelope.read(JWS, self.content), TARGET, rules, now=datetime.now(UTC), crypto=provider())

    def stores(self, *, permissive: bool = False) -> tuple[CertificateStore, ...]:
        signers = CertificateStore(CA, "acme", (ROOT.der,), unknown_passes=permissive)
        return signers, CertificateStore(TSA, "stamps", (self.root.der,))

    @property
    def nothing_lost(self) -> bytes:
        return forge.revocation_list(self.root, at=NOW)

    @property
    def lost(self) -> bytes:
        return forge.revocation_list(self.root, self.authority, at=NOW)


STAMPED = Stamped("http://lists.test/tsa.crl")


@pytest.mark.parametrize("permissive", [False, True])
def test_a_revoked_timestamp_authority_proves_no_time(permissive: bool) -> None:
    with pytest.raises(CertificateRevokedError, match="tsa"):
        STAMPED.judged(STAMPED.lost, permissive=permissive)


def test_a_timestamp_authority_of_unknown_standing_passes_only_where_the_signers_store_lets_it() -> None:
    with pytest.raises(RevocationUnknownError, match="tsa"):
        STAMPED.judged()
    found = STAMPED.judged(permissive=True)
    assert (found.time_source, found.revocation.startswith("unknown: whether certificate of CN=tsa")) == ("tsa", True)


def test_a_timestamp_authority_that_stands_proves_the_time() -> None:
    found = STAMPED.judged(STAMPED.nothing_lost)
    assert (found.time_source, found.revocation) == ("tsa", UNREVOKED)


def test_a_timestamp_authority_that_names_nobody_to_ask_passes_unless_a_list_at_hand_has_it() -> None:
    mute = Stamped()
    assert mute.judged().time_source == "tsa"
    with pytest.raises(CertificateRevokedError, match="tsa"):
        mute.judged(mute.lost)


def test_a_timestamp_authority_is_told_of_or_left_out_as_the_signers_are() -> None:
    (told,) = STAMPED.judged(STAMPED.lost, checks=TELL).unenforced
    assert "CN=tsa" in told
    skipped = STRICT._replace(skipped=frozenset((REVOCATION,)))
    assert STAMPED.judged(STAMPED.lost, checks=skipped).unenforced == ()


def test_a_timestamp_that_nobody_looks_at_is_not_asked_about() -> None:
    unread = STRICT._replace(skipped=frozenset((AUTHENTIC_TIME,)))
    assert STAMPED.judged(STAMPED.lost, checks=unread).time_source == ""
    late = STRICT._replace(timestamp_always=False)
    assert STAMPED.judged(STAMPED.lost, checks=late).time_source == ""


def asked(folder: Path, content: bytes, trust: TrustRoots) -> tuple[TrustRoots, list[str]]:
    """Return the trust with what the authorities say about an envelope's certificates, and what they did not."""
    place = Place(REFERRERS, NOTARY_SIGNATURE)
    item = Evidence(place, JWS, digest_of(content), content, {}, artifact_type=NOTARY_SIGNATURE)
    return RevocationSource(folder, provider(), offline=False)((item,), trust, NOW)


@pytest.mark.parametrize("always", [True, False])
def test_the_lists_of_a_timestamp_authority_are_fetched(tmp_path: Path, always: bool) -> None:
    (tmp_path / "lists").mkdir()
    with serving(tmp_path / "lists") as url:
        stamped = Stamped(f"{url}/tsa.crl")
        lost = stamped.lost
        (tmp_path / "lists" / "tsa.crl").write_bytes(lost)
        checks = STRICT._replace(timestamp_always=always)
        trust = TrustRoots(stores=stamped.stores(), revocation_lists=(NOTHING_LOST,), notation=checks)
        found, notes = asked(tmp_path / "kept", stamped.content, trust)
    assert (notes, lost in found.revocation_lists) == ([], always)
    if always:
        with pytest.raises(CertificateRevokedError, match="tsa"):
            stamped.judged(trust=found)


def test_the_lists_of_a_timestamp_authority_that_is_not_trusted_are_not(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    with serving(tmp_path / "lists") as url:
        stamped, other = Stamped(f"{url}/tsa.crl"), Stamped()
        lost = stamped.lost
        (tmp_path / "lists" / "tsa.crl").write_bytes(lost)
        found, notes = asked(tmp_path / "kept", stamped.content, TrustRoots(stores=other.stores()))
    assert lost not in found.revocation_lists
    assert all(url not in note for note in notes)


def test_a_leaf_that_names_many_places_hides_no_list_of_its_issuers(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    with serving(tmp_path / "lists") as url:
        dead = f"http://127.0.0.1:{free_port()}"
        middle = issued("middle", ROOT, authority=True, lists_at=(f"{url}/root.crl",), start=START, end=END)
        many = tuple(f"{dead}/{number}.crl" for number in range(limits.REVOCATION_FETCHES + 1))
        leaf = issued("signer", middle, lists_at=many, start=START, end=END)
        (tmp_path / "lists" / "root.crl").write_bytes(forge.revocation_list(ROOT, middle, at=NOW))
        content = forge.envelope(JWS, stated(PAYLOAD, (leaf, middle, ROOT), signing=NOW))
        trust = TrustRoots(stores=(CertificateStore(CA, "acme", (ROOT.der,), unknown_passes=True),))
        found, _ = asked(tmp_path / "kept", content, trust)
    rules = Rules(found.stores, found.notation, found.revocation_lists, found.ocsp_answers)
    with pytest.raises(CertificateRevokedError, match="middle"):
        verify(envelope.read(JWS, content), TARGET, rules, now=NOW, crypto=provider())
