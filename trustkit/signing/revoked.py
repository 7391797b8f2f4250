"""What revoked keys signed counts for nothing, whatever they signed in: keys, certificates, roles of content trust."""

from datetime import datetime

from trustkit.errors import KeyRevokedError
from trustkit.model.evidence import Rejection
from trustkit.model.revocations import KEY, Revocation, Revocations
from trustkit.model.signature import SignerIdentity, VerificationReport, VerifiedSignature
from trustkit.signing.revoked_roles import without_short_roles


def without_revoked_keys(report: VerificationReport, revocations: Revocations) -> VerificationReport:
    """Return the report with what these keys signed rejected, but for what is proven to be older where that counts."""
    keys = revocations.of(KEY)
    if not keys:
        return report  # as nearly always, and this is asked for every image
    accepted: list[VerifiedSignature] = []
    rejected: list[Rejection] = []
    for one in report.accepted:
        why = _why_lost(one.signer, one.proven_at, keys)
        if why:
            rejected.append(Rejection(one.evidence, one.format, KeyRevokedError.code, why))
        else:
            accepted.append(one)
    left = report._replace(accepted=tuple(accepted), rejected=(*report.rejected, *rejected))
    return without_short_roles(left, keys)


def require_not_revoked(signer: SignerIdentity, proven_at: datetime | None, revocations: Revocations) -> None:
    """Return if the signer's key was not given up, or only after the proven time. Raises KeyRevokedError."""
    why = _why_lost(signer, proven_at, revocations.of(KEY))
    if why:
        raise KeyRevokedError(why, next_step="sign again with a key that is in force")


def _why_lost(signer: SignerIdentity, proven_at: datetime | None, keys: dict[str, Revocation]) -> str:
    lost = keys.get(signer.fingerprint.lower())
    if lost is None or not lost.lost.covers(proven_at):
        return ""
    return f"key {signer.fingerprint} ({signer.trust_root}) is {lost}"
