"""With what a signature is judged: certificates, the checks to make, and what is known of revocation."""

from trustkit.model.notation import NotationChecks
from trustkit.model.values import NamedTuple
from trustkit.signing.trust.roots import CertificateStore


class Rules(NamedTuple):
    """The stores to trust, and the checks to enforce.

    `revocation_lists` are CRLs and `ocsp_answers` answers (DER) fetched before: nothing is fetched here.
    """

    stores: tuple[CertificateStore, ...]
    checks: NotationChecks = NotationChecks()
    revocation_lists: tuple[bytes, ...] = ()
    ocsp_answers: tuple[bytes, ...] = ()
