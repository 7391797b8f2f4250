"""cosign's simple signing, judged by the policy.json of the case (containers-policy.json(5), sigstoreSigned)."""

from pathlib import Path

from judges.case import Case, Judge, Verdict
from judges.cosign import layout_digest
from judges.gpg import identity_of, requirements_of

from trustkit.errors import IdentityError, LogMissingError, SignedIdentityError
from trustkit.fips.parse import public_key_from_pem
from trustkit.fips.select import provider
from trustkit.model.digest import Digest
from trustkit.model.evidence import Gathered
from trustkit.model.reference import ImageRef
from trustkit.model.signature import VerifiedSignature
from trustkit.oci.gather import gather
from trustkit.oci.layout import LayoutFolder
from trustkit.policy.signed_identity import mismatch
from trustkit.signing.format import Check
from trustkit.signing.formats.cosign_signature import CosignSignature
from trustkit.signing.trust.load_pem import PemFiles, sigstore_root_from_pem
from trustkit.signing.trust.roots import SigstoreRoot, TrustedKey, TrustRoots
from trustkit.signing.verify import verify

_FORMAT = CosignSignature()
Requirement = dict[str, object]


def takes(case: Case) -> bool:
    """Whether the case is cosign's and brings a policy.json."""
    return case.format.startswith("cosign-simplesigning") and "policy" in case.inputs


def judge(case: Case) -> Verdict:
    """Say whether every requirement of the most specific scope is met."""
    ref = ImageRef.parse(case.text("reference"))
    source = LayoutFolder(case.folder / "layout")
    digest = layout_digest(case, source)
    found = gather(digest, _FORMAT.places, source)
    for requirement in requirements_of(case, ref):
        code = _unmet(requirement, case, (found, digest, ref))
        if code:
            return Verdict(case.name, "invalid", code)
    return Verdict(case.name, "valid", "ok")


def _unmet(requirement: Requirement, case: Case, about: tuple[Gathered, Digest, ImageRef]) -> str:
    found, digest, ref = about
    if requirement["type"] != "sigstoreSigned":
        return "" if requirement["type"] == "insecureAcceptAnything" else "rejected"
    trust = _trust(requirement, case.folder)
    report = verify(found, (_FORMAT,), Check(digest, trust, provider(), case.now))
    identity = identity_of(requirement.get("signedIdentity"))
    codes = [one.code for one in report.rejected]
    for one in report.accepted:
        code = _refused(requirement, one) or (
            SignedIdentityError.code if mismatch(identity, one.claimed_name, ref) else ""
        )
        if not code:
            return ""
        codes.insert(0, code)
    return codes[0] if codes else "unsigned"


def _refused(requirement: Requirement, one: VerifiedSignature) -> str:
    """Return which check of the requirement the signature fails, or nothing."""
    if "rekorPublicKeyPath" in requirement and not one.log:
        return LogMissingError.code
    for part in ("fulcio", "pki"):
        asked = requirement.get(part)
        if isinstance(asked, dict):
            subject = asked.get("subjectEmail") or asked.get("subjectHostname")
            names = [value for oid, value in one.signer.claims if oid == "2.5.29.17"]
            if subject not in names or asked.get("oidcIssuer") not in (None, one.signer.issuer):
                return IdentityError.code
    return ""


def _trust(requirement: Requirement, folder: Path) -> TrustRoots:
    def content(members: Requirement, name: str) -> bytes:
        return (folder / str(members[name])).read_bytes() if name in members else b""

    paths = [requirement["keyPath"]] if "keyPath" in requirement else requirement.get("keyPaths", [])
    assert isinstance(paths, list)
    keys = tuple(TrustedKey(str(one), public_key_from_pem((folder / str(one)).read_bytes())) for one in paths)
    fulcio, pki = requirement.get("fulcio", {}), requirement.get("pki", {})
    assert isinstance(fulcio, dict)
    assert isinstance(pki, dict)
    files = PemFiles(
        content(fulcio, "caPath") or content(pki, "caRootsPath"),
        content(pki, "caIntermediatesPath"),
        content(requirement, "rekorPublicKeyPath"),
    )
    root: tuple[SigstoreRoot, ...] = ()
    if any(files):
        root = (sigstore_root_from_pem(files, "policy"),)
    return TrustRoots(keys, root)


JUDGE = Judge(takes, judge)
