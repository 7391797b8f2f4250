"""GPG simple signing, judged by the policy.json of the case (containers-policy.json(5), signedBy requirements)."""

import json
from base64 import b64decode
from pathlib import Path

from judges.case import Case, Judge, Verdict

from trustkit.codec.openpgp_key import binary
from trustkit.errors import SignedIdentityError, UnsupportedEvidenceError
from trustkit.fips.select import provider
from trustkit.model.digest import Digest
from trustkit.model.evidence import Gathered, Place
from trustkit.model.reference import ImageRef
from trustkit.net.http import HttpClient, HttpOptions
from trustkit.oci.gather import gather
from trustkit.oci.layout import LayoutFolder
from trustkit.oci.lookaside import Lookaside
from trustkit.policy.signed_identity import DEFAULT, SignedIdentity, mismatch, signed_identity
from trustkit.signing.format import Check
from trustkit.signing.formats.simple_signing import SimpleSigning
from trustkit.signing.trust.roots import OpenPgpKey, TrustRoots
from trustkit.signing.verify import verify

_FORMAT = SimpleSigning()


class _WithLookaside(LayoutFolder):
    """The case's layout, and the lookaside folder beside it."""

    def __init__(self, case: Case, ref: ImageRef) -> None:
        super().__init__(case.folder / "layout")
        base = (case.folder / (case.text("lookaside") or "lookaside")).resolve()
        self._lookaside = Lookaside(f"file://{base}", ref.repository, HttpClient(HttpOptions()))

    def simple_signatures(self, place: Place, digest: Digest) -> tuple[tuple[bytes, ...], bool]:
        return self._lookaside.read(digest) if place.kind == "lookaside" else ((), True)

    def put_simple_signature(self, digest: Digest, content: bytes) -> str:
        raise NotImplementedError

    def keeps_simple_signatures(self) -> bool:
        return False


def takes(case: Case) -> bool:
    """Whether the case is of this format, or a policy.json that asks for no signature of another one."""
    if case.format == "gpg-simple-signing":
        return True
    kinds = {one.get("type") for one in _every_requirement(case)} if case.format == "policy" else set()
    return bool(kinds) and kinds <= {"signedBy", "reject", "insecureAcceptAnything"}


def judge(case: Case) -> Verdict:
    """Say whether every requirement of the most specific scope is met."""
    ref = ImageRef.parse(case.text("reference"))
    source = _WithLookaside(case, ref)
    digest = source.manifest(ref.at).descriptor.digest
    found = gather(digest, SimpleSigning.places, source)
    for requirement in requirements_of(case, ref):
        code = _unmet(requirement, case, (found, digest, ref))
        if code:
            return Verdict(case.name, "invalid", code)
    return Verdict(case.name, "valid", "ok")


def _unmet(requirement: dict[str, object], case: Case, about: tuple[Gathered, Digest, ImageRef]) -> str:
    found, digest, ref = about
    if requirement["type"] != "signedBy":
        return "" if requirement["type"] == "insecureAcceptAnything" else "rejected"
    if requirement["keyType"] != "GPGKeys":
        raise UnsupportedEvidenceError("keyType")
    trust = TrustRoots(openpgp=_keyrings(requirement, case.folder))
    report = verify(found, (_FORMAT,), Check(digest, trust, provider(), case.now))
    if not report.accepted:
        return report.rejected[0].code if report.rejected else "unsigned"
    identity = identity_of(requirement.get("signedIdentity"))
    if all(mismatch(identity, one.claimed_name, ref) for one in report.accepted):
        return SignedIdentityError.code
    return ""


def _keyrings(requirement: dict[str, object], folder: Path) -> tuple[OpenPgpKey, ...]:
    paths = list(requirement.get("keyPaths", []))
    if "keyPath" in requirement:
        paths.append(requirement["keyPath"])
    contents = {str(path): (folder / str(path)).read_bytes() for path in paths}
    if "keyData" in requirement:
        contents["keyData"] = b64decode(str(requirement["keyData"]))
    return tuple(OpenPgpKey(name, binary(content, name)) for name, content in contents.items())


def identity_of(value: object) -> SignedIdentity:
    """Return what a requirement's signedIdentity asks for."""
    if not isinstance(value, dict):
        return DEFAULT
    kind = str(value["type"])
    named = value.get("dockerReference") or value.get("dockerRepository") or value.get("prefix") or ""
    return signed_identity(kind, str(named), str(value.get("signedPrefix", "")))


def _document(case: Case) -> dict[str, object]:
    document: dict[str, object] = json.loads((case.folder / (case.text("policy") or "policy.json")).read_bytes())
    return document


def _every_requirement(case: Case) -> list[dict[str, object]]:
    document = _document(case)
    scopes = document.get("transports", {}).get("docker", {})
    return [*document["default"], *(one for each in scopes.values() for one in each)]


def requirements_of(case: Case, ref: ImageRef) -> list[dict[str, object]]:
    """Return the requirements of the most specific scope."""
    document = _document(case)
    scopes = document.get("transports", {}).get("docker", {})
    names = [str(ref), ref.name]
    while "/" in names[-1]:
        names.append(names[-1].rpartition("/")[0])
    return next((scopes[name] for name in (*names, "") if name in scopes), document["default"])


JUDGE = Judge(takes, judge)
