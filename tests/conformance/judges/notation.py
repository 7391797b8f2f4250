"""Notary Project signatures, judged by the trustpolicy.json and the trust store of the case."""

from pathlib import Path

from judges.case import Case, Judge, Verdict
from judges.notation_policy import TrustPolicy, policy_for

from trustkit.codec import pem
from trustkit.errors import DigestMismatchError, MediaTypeError, NotFoundError, TrustkitError
from trustkit.fips.select import provider
from trustkit.model.image import Descriptor
from trustkit.model.reference import ImageRef
from trustkit.oci.gather import gather
from trustkit.oci.layout import LayoutFolder
from trustkit.signing.formats.notation import NotationSignature
from trustkit.signing.notation import envelope
from trustkit.signing.notation.rules import Rules
from trustkit.signing.notation.verify import verify
from trustkit.signing.trust.roots import CertificateStore

_FORMAT = NotationSignature()


def takes(case: Case) -> bool:
    """Whether the case is of this format."""
    return case.format.startswith("notation")


def judge(case: Case) -> Verdict:
    """Say whether the first signature that holds satisfies the policy of the repository."""
    ref = ImageRef.parse(case.text("reference"))
    source = LayoutFolder(case.folder / "layout")
    fetched = source.manifest(ref.at)
    found = gather(fetched.descriptor.digest, NotationSignature.places, source)
    if not found.items and not found.complete:
        return Verdict(case.name, "invalid", DigestMismatchError.code)
    policy = policy_for((case.folder / "notation" / "trustpolicy.json").read_bytes(), ref.name)
    if policy is None:
        return Verdict(case.name, "invalid", "policy")
    if policy.level == "skip":
        return Verdict(case.name, "valid", "ok")
    code = "unsigned"
    for item in found.items:
        if not _FORMAT.recognises(item):
            continue
        try:
            if item.layers != 1:
                raise MediaTypeError("layers")
            _judge(case, policy, envelope.read(item.media_type, item.content), fetched.descriptor)
        except TrustkitError as error:
            code = error.code
        else:
            return Verdict(case.name, "valid", "ok")
    return Verdict(case.name, "invalid", code)


def _judge(case: Case, policy: TrustPolicy, found: envelope.Envelope, target: Descriptor) -> None:
    rules = Rules(
        stores=tuple(_store(case.folder / "notation" / "truststore" / "x509", named) for named in policy.stores),
        enforced=policy.enforced,
        timestamp_always=policy.timestamp_always,
        revocation_lists=(case.content("crl_file"),) if case.text("crl_file") else (),
    )
    proven = verify(found, target, rules, now=case.now, crypto=provider())
    if "authenticity" in policy.enforced:
        policy.require_identity(proven.chain[0])


def _store(root: Path, named: str) -> CertificateStore:
    kind, _, name = named.partition(":")
    certificates = []
    files = sorted((root / kind / name).glob("*"))
    if not files:
        raise NotFoundError(named)
    for file in files:
        content = file.read_bytes()
        if content.startswith(b"-----"):
            certificates += [der for _, der in pem.decode_all(content, ("CERTIFICATE",))]
        else:
            certificates.append(content)
    return CertificateStore(kind, name, tuple(certificates))


JUDGE = Judge(takes, judge)
