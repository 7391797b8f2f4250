"""What is checked of a Notary Project signature beside its integrity, which always is.

trust-store-trust-policy.md, "Signature Verification details" and "Trusted Identities".
"""

from trustkit.model.values import NamedTuple

AUTHENTICITY, AUTHENTIC_TIME, EXPIRY, REVOCATION = "authenticity", "authenticTimestamp", "expiry", "revocation"
CHECKS = frozenset((AUTHENTICITY, AUTHENTIC_TIME, EXPIRY, REVOCATION))

# Attributes that a subject must have: type in upper case (RFC 4514) and value.
Identity = frozenset[tuple[str, str]]


class NotationChecks(NamedTuple):
    """Which checks refuse, and which are not made; what fails of the others is told beside the signature.

    `timestamp_always`: a timestamp is asked for even while the chain is valid. `identities` are those that the
    leaf's subject must hold one of; None trusts every certificate of the store.
    """

    enforced: frozenset[str] = CHECKS
    skipped: frozenset[str] = frozenset()
    timestamp_always: bool = True
    identities: tuple[Identity, ...] | None = None
