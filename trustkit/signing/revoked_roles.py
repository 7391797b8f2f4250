"""A role's word counts while enough of the keys that signed it are not revoked, and those of the roles above it."""

from collections.abc import Collection

from trustkit.errors import KeyRevokedError
from trustkit.model.evidence import Rejection
from trustkit.model.signature import Needed, VerificationReport, VerifiedSignature


def without_short_roles(report: VerificationReport, revoked: Collection[str]) -> VerificationReport:
    """Return the report without what too few keys said together, once the revoked ones (fingerprints) are left out.

    What remains needs no revoked key, so further lists may be left out of it one after the other.
    """
    accepted: list[VerifiedSignature] = []
    rejected: list[Rejection] = []
    for one in report.accepted:
        needs = tuple(_without(need, revoked) for need in one.needs)
        short = next((need for need in needs if len(need.fingerprints) < need.threshold), None)
        if short is None:
            accepted.append(one._replace(needs=needs))
            continue
        reason = (
            f"{short.role} of {one.signer.trust_root} needs {short.threshold} keys, "
            f"and {len(short.fingerprints)} of those that signed are not revoked"
        )
        rejected.append(Rejection(one.evidence, one.format, KeyRevokedError.code, reason))
    return report._replace(accepted=tuple(accepted), rejected=(*report.rejected, *rejected))


def _without(need: Needed, revoked: Collection[str]) -> Needed:
    return need._replace(fingerprints=tuple(one for one in need.fingerprints if one.lower() not in revoked))
