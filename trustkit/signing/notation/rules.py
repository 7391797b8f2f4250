"""What is enforced of a signature, and with which certificates: the levels of the Notary Project's trust policy.

Integrity is always enforced. Every other check is, unless a level says that it is only told of.
"""

from trustkit.model.values import NamedTuple
from trustkit.signing.trust.roots import CertificateStore

AUTHENTICITY, AUTHENTIC_TIME, EXPIRY, REVOCATION = "authenticity", "authenticTimestamp", "expiry", "revocation"
CHECKS = frozenset((AUTHENTICITY, AUTHENTIC_TIME, EXPIRY, REVOCATION))


class Rules(NamedTuple):
    """The stores to trust, the checks to enforce, and whether a timestamp is asked for while the chain is valid.

    `revocation_lists` are CRLs and `ocsp_answers` answers (DER) fetched before: nothing is fetched here.
    """

    stores: tuple[CertificateStore, ...]
    enforced: frozenset[str] = CHECKS
    timestamp_always: bool = True
    revocation_lists: tuple[bytes, ...] = ()
    ocsp_answers: tuple[bytes, ...] = ()
