"""Sigstore with certificates: Fulcio's short-lived ones and those of a CA of one's own, in cosign's layouts."""

import json
from pathlib import Path

from judges.case import Case, Judge, Verdict
from judges.cosign import FORMATS, layout_digest, why

from trustkit.errors import IdentityError
from trustkit.fips.parse import public_key_from_pem
from trustkit.fips.select import provider
from trustkit.model.digest import Digest
from trustkit.model.evidence import REFERRERS, Evidence, Gathered, Place
from trustkit.model.signature import ATTESTATION, SIGNATURE, VerificationReport
from trustkit.oci.gather import gather
from trustkit.oci.layout import LayoutFolder
from trustkit.signing.format import Check
from trustkit.signing.trust.load import sigstore_root
from trustkit.signing.trust.load_pem import PemFiles, sigstore_root_from_pem
from trustkit.signing.trust.load_witnesses import witnesses
from trustkit.signing.trust.roots import SigstoreRoot, TrustedKey, TrustRoots
from trustkit.signing.verify import verify

_HANDLED = (
    "sigstore-bundle",
    "sigstore-bundle-oci-keyless",
    "sigstore-bundle-oci-x509",
    "cosign-simplesigning-keyless",
    "cosign-simplesigning-x509",
    "cosign-att-dsse-keyless",
)
_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
NAME = "sigstore"


def takes(case: Case) -> bool:
    """Whether the case is sigstore's, with a certificate, or with a key and a log to check it against."""
    keyed = case.format in ("sigstore-bundle-oci", "cosign-simplesigning") and bool(case.text("trusted_root"))
    return (case.format in _HANDLED or keyed) and "policy" not in case.inputs


def judge(case: Case) -> Verdict:
    """Say whether the evidence holds what the case asks for, by whom it asks for."""
    report = _report(case)
    wanted = ATTESTATION if case.format == "cosign-att-dsse-keyless" else SIGNATURE
    # a bundle file is judged for what it says of the digest, whatever that is
    kinds = (SIGNATURE, ATTESTATION) if case.format == "sigstore-bundle" else (wanted,)
    fitting = [one for one in report.accepted if one.kind in kinds]
    if not fitting:
        return Verdict(case.name, "invalid", why(report))
    identity, issuer = ("", "") if case.text("key") else (case.text("identity"), case.text("issuer"))
    for one in fitting:
        if identity in ("", one.signer.subject) and issuer in ("", one.signer.issuer):
            return Verdict(case.name, "valid", "ok")
    return Verdict(case.name, "invalid", IdentityError.code)


def root_of(case: Case) -> SigstoreRoot:
    """Return the root that the case's files make."""
    if not case.text("trusted_root"):
        files = _pem_files(case)
        return sigstore_root_from_pem(files, NAME)
    root = sigstore_root(case.content("trusted_root"), NAME)
    if case.text("witnesses"):
        cosigners = witnesses(case.content("witnesses").decode())
        root = root._replace(witnesses=cosigners, witnesses_required=len(cosigners))
    return root._replace(log_required=case.inputs.get("tlog_required", True) is not False)


def _pem_files(case: Case) -> PemFiles:
    """Return the CA's files that the case names, or that lie there under their usual names."""
    roots, between = (case.text("ca_roots") or "root.pem", case.text("ca_intermediates") or "intermediate.pem")
    found = case.folder / between
    return PemFiles((case.folder / roots).read_bytes(), found.read_bytes() if found.is_file() else b"")


def _report(case: Case) -> VerificationReport:
    if case.text("digest"):
        digest = Digest.parse(case.text("digest"))
        found = _alone(case.folder / "bundle.sigstore.json", digest)
    else:
        source = LayoutFolder(case.folder / "layout")
        digest = layout_digest(case, source)
        found = gather(digest, tuple(place for one in FORMATS for place in one.places), source)
    keys = (TrustedKey("key", public_key_from_pem(case.content("key"))),) if case.text("key") else ()
    trust = TrustRoots(keys, (root_of(case),))
    return verify(found, FORMATS, Check(digest, trust, provider(), case.now))


def _alone(file: Path, digest: Digest) -> Gathered:
    content = file.read_bytes()
    media_type = json.loads(content).get("mediaType", _BUNDLE)
    item = Evidence(Place(REFERRERS, ""), media_type, digest, content, {}, artifact_type=media_type)
    return Gathered((item,), complete=True)


JUDGE = Judge(takes, judge)
