"""Signatures and what came along with them to their signers: by trusted keys first, then by the certificate."""

from collections.abc import Callable

from trustkit.errors import (
    AlgorithmNotApprovedError,
    LogMissingError,
    MalformedError,
    TrustkitError,
    UntrustedSignerError,
    VerificationError,
)
from trustkit.model.values import NamedTuple
from trustkit.signing.format import Check
from trustkit.signing.identify import Identified, Signed, identify
from trustkit.signing.keyless.certificate import certified
from trustkit.signing.keyless.material import Material
from trustkit.signing.keyless.proof import Proof, prove
from trustkit.signing.log.recorded import SignedContent, require_verifier

_Way = Callable[[Signed, "Accompanied", Check], Identified]


class Accompanied(NamedTuple):
    """What came along, and what was signed; `content.signature` is filled in for each signature."""

    material: Material
    content: SignedContent


def attributed(signed: Signed, along: Accompanied, check: Check) -> tuple[Identified, ...]:
    """Return the trusted signers of these signatures, each once, at least one.

    Raises the error that says most: VerificationError, MalformedError, AlgorithmNotApprovedError.
    """
    found: dict[str, Identified] = {}
    failures: list[TrustkitError] = []
    for signature in signed.signatures:
        mine = along._replace(content=along.content._replace(signature=signature))
        try:
            one = _signer(signed._replace(signatures=(signature,)), mine, check)
        except (VerificationError, MalformedError, AlgorithmNotApprovedError) as error:
            failures.append(error)
        else:
            found.setdefault(one.signer.fingerprint, one)
    if not found:
        # every envelope has a signature: the codecs refuse the others
        raise failures[0]
    return tuple(found.values())


def _signer(signed: Signed, along: Accompanied, check: Check) -> Identified:
    ways: list[_Way] = []
    if check.trust.keys or not along.material.certificates:
        ways.append(_by_key)
    if along.material.certificates:
        ways.append(_by_certificate)
    failure: TrustkitError = UntrustedSignerError("nobody is trusted")
    for way in ways:
        try:
            return way(signed, along, check)
        except (VerificationError, MalformedError, AlgorithmNotApprovedError) as error:
            failure = error
    raise failure


def _by_certificate(_: Signed, along: Accompanied, check: Check) -> Identified:
    return certified(along.material, along.content, check)


def _by_key(signed: Signed, along: Accompanied, check: Check) -> Identified:
    """Return the trusted key that signed; proofs under a trusted log or authority must hold, others say nothing."""
    proof = _proof(along, check)
    found = identify(signed._replace(signed_at=proof.signed_at), check)
    key = next(one.key for one in check.trust.keys if one.key.fingerprint == found.signer.fingerprint)
    verifier = along.material.certificates[0] if along.material.certificates else key.spki_der
    for one in proof.logged:
        require_verifier(one.recorded, along.content.signature, verifier)
    return found._replace(signed_at=proof.signed_at, time_source=proof.time_source, log=proof.log, logs=proof.logs)


def _proof(along: Accompanied, check: Check) -> Proof:
    """Return what the material proves under the first root that knows its log."""
    found = Proof()
    for root in check.trust.sigstore:
        try:
            proof = prove(along.material, along.content, root, check)
        except LogMissingError:
            continue
        if proof.logged:
            return proof
        found = found if found.times else proof
    return found
