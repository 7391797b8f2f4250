"""Who made a signature: a trusted key, or whom a certificate names, with what its log entries and timestamps prove.

A key that is trusted needs no proofs, so without a root nothing of them is read. With a root they are checked,
and a broken one is refused even if the key is right.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING  # noqa: TID251  (the heavy half loads on demand)

from trustkit.signing.format import Check
from trustkit.signing.identify import Identified, Signed, identify, identify_all

if TYPE_CHECKING:  # what certificates and logs need is loaded when there is a root to check them with
    from trustkit.signing.keyless.attribution import Accompanied

# Reads what comes along with a signature.
ReadAlong = Callable[[], "Accompanied"]


def signer_of(signed: Signed, check: Check, read_along: ReadAlong) -> Identified:
    """Return the trusted signer of the first signature that holds; one is enough.

    Raises VerificationError, MalformedError, AlgorithmNotApprovedError.
    """
    if not _has_roots(signed, check):
        return identify(signed, check)
    from trustkit.signing.keyless.attribution import attributed

    return attributed(signed, read_along(), check)[0]


def signers_of(signed: Signed, check: Check, read_along: ReadAlong) -> tuple[Identified, ...]:
    """Return every trusted signer once. Raises as `signer_of` if there is none."""
    if not _has_roots(signed, check):
        return identify_all(signed, check)
    from trustkit.signing.keyless.attribution import attributed

    return attributed(signed, read_along(), check)


def _has_roots(signed: Signed, check: Check) -> bool:
    return bool(check.trust.sigstore) or (signed.certified and bool(check.trust.stores))
