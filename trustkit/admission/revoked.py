"""What was given up after it was signed no longer counts: signatures by revoked keys, and revoked images."""

from trustkit.errors import KeyRevokedError
from trustkit.fleet.revocations import Known
from trustkit.model.evidence import Rejection
from trustkit.model.facts import Facts
from trustkit.model.image import ResolvedImage
from trustkit.model.revocations import IMAGE, KEY, Revocation
from trustkit.model.signature import VerificationReport, VerifiedSignature
from trustkit.signing.revoked_roles import without_short_roles


def without_revoked(facts: Facts, image: ResolvedImage, known: Known | None, *, every: bool) -> Facts:
    """Return the facts without what revoked keys signed, and with why the image itself is given up, if it is.

    An image is meant by the digest of what was asked for, or of the manifest in it that would run; with `every`,
    of any manifest in it, since nobody knows yet which will.
    """
    if known is None:
        return facts
    report = facts.report
    if known.note and known.note not in report.notes:
        report = report._replace(notes=(*report.notes, known.note))
    if not known.revocations.items:
        return facts._replace(report=report)
    images = known.revocations.of(IMAGE)
    digests = [image.root.digest, image.manifest.digest, *(one.digest for one in image.children if every)]
    given_up = next((images[str(digest)] for digest in digests if str(digest) in images), None)
    why = f"{given_up.what} is {given_up}" if given_up else ""
    keys = known.revocations.of(KEY)
    return facts._replace(report=without_short_roles(_trusted(report, keys), keys), revoked=why)


def _trusted(report: VerificationReport, keys: dict[str, Revocation]) -> VerificationReport:
    accepted: list[VerifiedSignature] = []
    rejected: list[Rejection] = []
    for one in report.accepted:
        lost = keys.get(one.signer.fingerprint.lower())
        if lost is not None and lost.lost.covers(one.signed_at):
            reason = f"key {one.signer.fingerprint} ({one.signer.trust_root}) is {lost}"
            rejected.append(Rejection(one.evidence, one.format, KeyRevokedError.code, reason))
        else:
            accepted.append(one)
    return report._replace(accepted=tuple(accepted), rejected=(*report.rejected, *rejected))
