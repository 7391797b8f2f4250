"""Every certificate of a notation chain is looked at for revocation, whatever is unknown of the others."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from forgeries import notation as forge
from forgeries.notation import DAY, Issued, issued, stated
from peers.processes import free_port
from peers.web import serving
from trustkit import limits
from trustkit.errors import CertificateRevokedError, RevocationUnknownError
from trustkit.fips.hashing import digest_of
from trustkit.fips.select import provider
from trustkit.model.digest import Digest
from trustkit.model.evidence import NOTARY_SIGNATURE, REFERRERS, Evidence, Place
from trustkit.model.image import Descriptor
from trustkit.model.notation import REVOCATION, NotationChecks
from trustkit.signing.notation import envelope
from trustkit.signing.notation.envelope import JWS
from trustkit.signing.notation.fetch import RevocationSource
from trustkit.signing.notation.revocation import NOT_ASKED, UNREVOKED
from trustkit.signing.notation.rules import Rules
from trustkit.signing.notation.verify import Proven, verify
from trustkit.signing.trust.roots import CA, CertificateStore, TrustRoots

NOW = datetime(2026, 6, 1, tzinfo=UTC)
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


def test_what_names_nobody_to_ask_is_not_asked_about() -> None:
    leaf = issued("signer", ROOT, start=START, end=END)
    content = forge.envelope(JWS, stated(PAYLOAD, (leaf, ROOT), signing=NOW))
    rules = Rules((CertificateStore(CA, "acme", (ROOT.der,)),))
    assert verify(envelope.read(JWS, content), TARGET, rules, now=NOW, crypto=provider()).revocation == NOT_ASKED


def test_a_leaf_that_names_many_places_hides_no_list_of_its_issuers(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    with serving(tmp_path / "lists") as url:
        dead = f"http://127.0.0.1:{free_port()}"
        middle = issued("middle", ROOT, authority=True, lists_at=(f"{url}/root.crl",), start=START, end=END)
        many = tuple(f"{dead}/{number}.crl" for number in range(limits.REVOCATION_FETCHES + 1))
        leaf = issued("signer", middle, lists_at=many, start=START, end=END)
        (tmp_path / "lists" / "root.crl").write_bytes(forge.revocation_list(ROOT, middle, at=NOW))
        content = forge.envelope(JWS, stated(PAYLOAD, (leaf, middle, ROOT), signing=NOW))
        place = Place(REFERRERS, NOTARY_SIGNATURE)
        item = Evidence(place, JWS, digest_of(content), content, {}, artifact_type=NOTARY_SIGNATURE)
        trust = TrustRoots(stores=(CertificateStore(CA, "acme", (ROOT.der,), unknown_passes=True),))
        asked, _ = RevocationSource(tmp_path / "kept", provider(), offline=False)((item,), trust, NOW)
    rules = Rules(asked.stores, asked.notation, asked.revocation_lists, asked.ocsp_answers)
    with pytest.raises(CertificateRevokedError, match="middle"):
        verify(envelope.read(JWS, content), TARGET, rules, now=NOW, crypto=provider())
