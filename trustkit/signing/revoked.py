"""What revoked keys signed counts for nothing, whatever they signed in: keys, certificates, roles of content trust."""

from trustkit.errors import KeyRevokedError
from trustkit.model.evidence import Rejection
from trustkit.model.revocations import KEY, Revocations
from trustkit.model.signature import VerificationReport, VerifiedSignature


def without_revoked_keys(report: VerificationReport, revocations: Revocations) -> VerificationReport:
    """Return the report with what these keys signed rejected, but for what is proven to be older where that counts."""
    keys = revocations.of(KEY)
    if not keys:
        return report
    accepted: list[VerifiedSignature] = []
    rejected: list[Rejection] = []
    for one in report.accepted:
        lost = keys.get(one.signer.fingerprint.lower())
        if lost is not None and lost.lost.covers(one.proven_at):
            reason = f"key {one.signer.fingerprint} ({one.signer.trust_root}) is {lost}"
            rejected.append(Rejection(one.evidence, one.format, KeyRevokedError.code, reason))
        else:
            accepted.append(one)
    return report._replace(accepted=tuple(accepted), rejected=(*report.rejected, *rejected))
