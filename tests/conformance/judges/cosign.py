"""cosign's two layouts, signed with keys."""

from judges.case import Case, Judge, Verdict

from trustkit.errors import NotFoundError
from trustkit.fips.parse import public_key_from_pem
from trustkit.fips.select import provider
from trustkit.model.digest import Digest
from trustkit.model.reference import ImageRef
from trustkit.model.signature import ATTESTATION, SIGNATURE, VerificationReport
from trustkit.oci.gather import gather
from trustkit.oci.layout import LayoutFolder
from trustkit.oci.resolve import resolve
from trustkit.signing.format import Check, SignatureFormat
from trustkit.signing.formats.bundle import SigstoreBundle
from trustkit.signing.formats.cosign_attestation import CosignAttestation
from trustkit.signing.formats.cosign_signature import CosignSignature
from trustkit.signing.predicates import predicate_type_of
from trustkit.signing.trust.roots import TrustedKey, TrustRoots
from trustkit.signing.verify import verify

FORMATS: tuple[SignatureFormat, ...] = (CosignSignature(), CosignAttestation(), SigstoreBundle())
_HANDLED = (
    "cosign-simplesigning",
    "cosign-simplesigning-oci11",
    "cosign-att-dsse",
    "sigstore-bundle-oci",
    "sigstore-bundle-oci-att",
)
_ATTESTATIONS = ("-att", "-att-dsse")


def takes(case: Case) -> bool:
    """Whether the case is cosign's, with a key and without somebody else's policy file."""
    return case.format in _HANDLED and bool(case.text("key")) and "policy" not in case.inputs


def judge(case: Case) -> Verdict:
    """Say whether the evidence holds what the case asks for: a signature, or an attestation of a type."""
    report = _report(case)
    asked = case.text("predicateType")
    attested = bool(asked) or case.format.endswith(_ATTESTATIONS)
    wanted = ATTESTATION if attested else SIGNATURE
    for one in report.accepted:
        if one.kind != wanted:
            continue
        if not asked or (one.statement and one.statement.predicate_type == predicate_type_of(asked)):
            return Verdict(case.name, "valid", "ok")
    return Verdict(case.name, "invalid", why(report))


def layout_digest(case: Case, source: LayoutFolder) -> Digest:
    """Return the image's digest; cases made from public signatures hold no image, only its digest."""
    ref = ImageRef.parse(case.text("reference"))
    try:
        return resolve(ref, source, None).digest
    except NotFoundError:
        if ref.digest is None:
            raise
        return ref.digest


def why(report: VerificationReport) -> str:
    """Return the code of the check that says most."""
    if report.accepted:
        return "verification.predicate_type"
    if report.rejected:
        return report.rejected[0].code
    return "unsigned" if report.complete else "incomplete"


def _report(case: Case) -> VerificationReport:
    source = LayoutFolder(case.folder / "layout")
    digest = layout_digest(case, source)
    places = tuple(place for one in FORMATS for place in one.places)
    found = gather(digest, places, source)
    key = TrustedKey(case.text("key"), public_key_from_pem(case.content("key")))
    return verify(found, FORMATS, Check(digest, TrustRoots((key,)), provider(), case.now))


JUDGE = Judge(takes, judge)
