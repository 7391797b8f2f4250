"""Which trusted key made a signature: the named one first, then all, within a bound."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from trustkit import limits
from trustkit.errors import (
    AlgorithmNotApprovedError,
    KeyExpiredError,
    KeyRevokedError,
    LimitExceededError,
    MalformedError,
    SignatureMismatchError,
    TrustkitError,
    UnsupportedEvidenceError,
    UntrustedSignerError,
)
from trustkit.fips.ecdsa_signature import ecdsa_signature_der
from trustkit.model.keys import (
    ECDSA_P256_SHA256,
    ECDSA_P384_SHA256,
    ECDSA_P384_SHA384,
    ECDSA_P521_SHA256,
    ECDSA_P521_SHA512,
    ED25519,
    ED25519PH,
    ML_DSA_44,
    ML_DSA_65,
    ML_DSA_87,
    RSA_PKCS1_SHA256,
)
from trustkit.model.signature import SignerIdentity
from trustkit.model.values import NamedTuple
from trustkit.signing.format import Check
from trustkit.signing.trust.roots import TrustedKey

# What sigstore's tools write. cosign 2.5 hashes with SHA-256 on every curve, 3.1 with the curve's own
# hash and Ed25519ph (sigstore/cosign#5091), so a verifier has to try both. Never PSS.
_ALGORITHMS = {
    "ecdsa-p256": (ECDSA_P256_SHA256,),
    "ecdsa-p384": (ECDSA_P384_SHA384, ECDSA_P384_SHA256),
    "ecdsa-p521": (ECDSA_P521_SHA512, ECDSA_P521_SHA256),
    "ed25519": (ED25519, ED25519PH),
    "rsa": (RSA_PKCS1_SHA256,),
    ML_DSA_44: (ML_DSA_44,),
    ML_DSA_65: (ML_DSA_65,),
    ML_DSA_87: (ML_DSA_87,),
}
# What one try may end in without ending the others.
_FAILURES = (SignatureMismatchError, AlgorithmNotApprovedError, MalformedError, KeyRevokedError, KeyExpiredError)
# Trusted keys listed in a message.
_NAMES = 4


class Signed(NamedTuple):
    """Bytes and the signatures said to be on them.

    `hints` are fingerprints of keys, `certified` that a certificate came along; nobody vouches for either.
    `signed_at` is a time that a trusted log or timestamp authority proved, if one did.
    """

    message: bytes
    signatures: tuple[bytes, ...]
    hints: tuple[str, ...] = ()
    certified: bool = False
    signed_at: datetime | None = None


class Identified(NamedTuple):
    """A signature that holds: whose, by which algorithm, and what its log entries and timestamps prove."""

    signer: SignerIdentity
    algorithm: str
    signed_at: datetime | None = None
    time_source: str = ""
    log: str = ""
    logs: int = 0


def identify(signed: Signed, check: Check) -> Identified:
    """Return the trusted signer of the first signature that holds; one is enough.

    Raises SignatureMismatchError if none fits a trusted key; UntrustedSignerError if no key is trusted,
    or the hints name only keys that are not; KeyRevokedError; KeyExpiredError outside the key's time;
    UnsupportedEvidenceError if a certificate would have to be checked; AlgorithmNotApprovedError;
    MalformedError if no signature could even be read; LimitExceededError.
    """
    return _identified(signed, check, enough=1)[0]


def identify_all(signed: Signed, check: Check) -> tuple[Identified, ...]:
    """Return every trusted signer once, however many signatures are his. Raises as `identify` if there is none."""
    return _identified(signed, check, enough=len(signed.signatures))


def _identified(signed: Signed, check: Check, *, enough: int) -> tuple[Identified, ...]:
    keys = _usable(check)
    failures: list[TrustkitError] = []
    found: dict[str, Identified] = {}
    tries = 0
    for signature in signed.signatures:
        for trusted, algorithm in _candidates(keys, signed.hints):
            tries += 1
            if tries > limits.SIGNATURE_TRIES:
                raise LimitExceededError(
                    f"more than {limits.SIGNATURE_TRIES} combinations of signature and trusted key",
                    next_step="trust fewer keys for this image",
                )
            try:
                _verify(trusted, algorithm, signature, signed, check)
            except _FAILURES as error:
                failures.append(error)
            else:
                signer = SignerIdentity(trusted.key.fingerprint, trusted.name, key_bits=trusted.key.bits)
                found.setdefault(trusted.key.fingerprint, Identified(signer, algorithm))
                break
        if len(found) >= enough:
            break
    if not found:
        raise _why_none(signed, keys, failures)
    return tuple(found.values())


def _verify(trusted: TrustedKey, algorithm: str, signature: bytes, signed: Signed, check: Check) -> None:
    if trusted.key.kind.startswith("ecdsa-"):
        signature = ecdsa_signature_der(signature, trusted.key.kind)
    check.crypto.verify(trusted.key, algorithm, signature, signed.message)
    require_in_force(trusted, signed.signed_at, check)


def algorithms_for(kind: str) -> tuple[str, ...]:
    """Return the algorithms that are tried for a kind of key."""
    return _ALGORITHMS.get(kind, ())


def _usable(check: Check) -> tuple[TrustedKey, ...]:
    if not check.trust.keys:
        raise UntrustedSignerError("no key is trusted", next_step="give --key, or name keys in the policy")
    return check.trust.keys


def require_in_force(trusted: TrustedKey, signed_at: datetime | None, check: Check) -> None:
    """Return if the key counts for what it signed, at a proven time if any. Raises KeyRevokedError, KeyExpiredError."""
    revoked = trusted.revoked
    if revoked is not None and revoked.covers(signed_at):
        raise KeyRevokedError(
            f"signed by {trusted.name} ({trusted.key.short}), revoked from {revoked.at.isoformat()}: {revoked.reason}",
            next_step="sign again with a key that is in force",
        )
    # the format proves no signing time, so only the moment of the check can be held against the window
    if trusted.not_before is not None and check.now < trusted.not_before:
        bound = f"before {trusted.not_before.isoformat()}"
    elif trusted.not_after is not None and check.now > trusted.not_after:
        bound = f"after {trusted.not_after.isoformat()}"
    else:
        return
    raise KeyExpiredError(
        f"signed by {trusted.name} ({trusted.key.short}), which is not trusted {bound}",
        next_step="sign again with a key that is in force",
    )


def _candidates(keys: Iterable[TrustedKey], hints: tuple[str, ...]) -> Iterator[tuple[TrustedKey, str]]:
    for trusted in sorted(keys, key=lambda one: one.key.fingerprint not in hints):
        for algorithm in algorithms_for(trusted.key.kind):
            if not trusted.algorithms or algorithm in trusted.algorithms:
                yield trusted, algorithm


def _why_none(signed: Signed, keys: tuple[TrustedKey, ...], failures: list[TrustkitError]) -> TrustkitError:
    """Choose the error that says most; `failures` are those of every try."""
    names = _named(keys)
    for state in (KeyRevokedError, KeyExpiredError):
        for failure in failures:
            if isinstance(failure, state):
                return failure
    if signed.certified:
        return UnsupportedEvidenceError(
            f"signed by a certificate, and no certificate authority is trusted; it fits no trusted key: {names}",
            next_step="say whose certificate (--certificate-identity, or identities in the policy)",
        )
    if not failures:
        return AlgorithmNotApprovedError(f"no algorithm is allowed for the trusted keys: {names}")
    for kind in (AlgorithmNotApprovedError, MalformedError):
        if all(isinstance(failure, kind) for failure in failures):
            return failures[0]
    if signed.hints and not any(key.key.fingerprint in signed.hints for key in keys):
        return UntrustedSignerError(
            f"signed by a key that is not trusted (it calls itself {signed.hints[0][:16]}); trusted: {names}",
            next_step="check whose key that is before you trust it",
        )
    return SignatureMismatchError(
        f"the signature does not fit the content and any trusted key: {names}",
        next_step="signed by another key, or the content was changed after signing",
    )


def _named(keys: tuple[TrustedKey, ...]) -> str:
    shown = ", ".join(f"{key.name} ({key.key.short})" for key in keys[:_NAMES])
    return shown if len(keys) <= _NAMES else f"{shown} and {len(keys) - _NAMES} more"
