"""A signature by a certificate to a proven signer.

The checks, in this order:
1. the signature fits the certificate's key
2. timestamps and log entries hold, and the entries name this certificate
3. there is a log entry, and a proven time, where the root wants them
4. the certificate was valid at every proven time, and leads to an authority that was in use then
5. a certificate log promised to publish it, if the root names any
6. it names somebody
"""

from collections.abc import Iterator
from datetime import datetime

from trustkit.codec.certificate import Certificate, parse_certificate
from trustkit.errors import (
    AlgorithmNotApprovedError,
    CertificateError,
    LogMissingError,
    MalformedError,
    TimestampError,
    TrustkitError,
    UntrustedSignerError,
    VerificationError,
)
from trustkit.fips.parse import public_key_from_spki
from trustkit.model.signature import SignerIdentity
from trustkit.model.values import NamedTuple
from trustkit.signing.format import Check
from trustkit.signing.identify import Identified
from trustkit.signing.keyless.identity import identity_of
from trustkit.signing.keyless.material import Material
from trustkit.signing.keyless.proof import Proof, prove
from trustkit.signing.keyless.signature import require_fits
from trustkit.signing.log.recorded import SignedContent, require_verifier
from trustkit.signing.pki.chain import CODE_SIGNING, require_valid, verify_chain
from trustkit.signing.pki.sct import require_logged_certificate
from trustkit.signing.trust.roots import CA, CertificateStore, SigstoreRoot, TrustedAuthority


class _Signer(NamedTuple):
    """A certificate and the others that came along with it."""

    leaf: Certificate
    others: tuple[Certificate, ...]


def certified(material: Material, content: SignedContent, check: Check) -> Identified:
    """Return who the certificate says signed, under the first root by which everything holds.

    Raises UntrustedSignerError if no root knows the authority, and what the checks raise: SignatureMismatchError,
    TimestampError, LogProofError, CertificateError, CertificateTransparencyError, IdentityError, MalformedError,
    AlgorithmNotApprovedError.
    """
    leaf, *others = (parse_certificate(one) for one in material.certificates)
    key = public_key_from_spki(leaf.spki_der)
    message = content.digests if content.message is None else content.message
    algorithm = require_fits(key, content.signature, message, check.crypto)
    failure: TrustkitError = UntrustedSignerError(
        "signed by a certificate, and no certificate authority is trusted",
        next_step="give --trusted-root, or name a root in the policy",
    )
    for trusted_as, root in _roots(check):
        try:
            proof = _proven(material, content, root, check)
            _require_certificate(_Signer(leaf, tuple(others)), root, proof, check)
            identity = identity_of(leaf)
        except (VerificationError, MalformedError, AlgorithmNotApprovedError) as error:
            # of several roots the one that knows the certificate's authority says most
            if isinstance(failure, UntrustedSignerError):
                failure = error
        else:
            names = (identity.subject, identity.issuer, identity.claims)
            signer = SignerIdentity(key.fingerprint, trusted_as, *names, key.bits)
            return Identified(signer, algorithm, proof.signed_at, proof.time_source, proof.log)
    raise failure


def _roots(check: Check) -> Iterator[tuple[str, SigstoreRoot]]:
    """Yield each root under which a certificate may stand, and how it is named in facts."""
    for root in check.trust.sigstore:
        if root.certificate_authorities:
            yield f"sigstore:{root.name}", root
    for store in check.trust.stores:
        if store.kind == CA:
            yield f"x509:{CA}/{store.name}", _root_of(store)


def _root_of(store: CertificateStore) -> SigstoreRoot:
    """Return a certificate store as a root: long-lived certificates, no log, valid at the moment of the check."""
    authorities = tuple(TrustedAuthority(store.name, (one,)) for one in store.certificates)
    return SigstoreRoot(store.name, certificate_authorities=authorities, log_required=False, time_required=False)


def _proven(material: Material, content: SignedContent, root: SigstoreRoot, check: Check) -> Proof:
    proof = prove(material, content, root, check)
    for one in proof.logged:
        require_verifier(one.recorded, content.signature, material.certificates[0])
    if root.log_required and not proof.logged:
        raise LogMissingError(
            f"the signature is in no transparency log, and root {root.name} wants it to be",
            next_step="sign with a log, or allow signatures without one for this root",
        )
    if root.time_required and not proof.times:
        raise TimestampError(
            "nothing proves when the signature was made, and the certificate was valid for a short time only",
            next_step="sign with a timestamp authority, or with a log that promises a time",
        )
    return proof


def _require_certificate(signer: _Signer, root: SigstoreRoot, proof: Proof, check: Check) -> None:
    chain: tuple[Certificate, ...] = ()
    for at in {one.at for one in proof.times} or {check.now}:
        chain = _chain(signer, root, at, check)
    if root.ct_logs:
        require_logged_certificate(signer.leaf, chain[1], root.ct_logs, check.crypto)


def _chain(signer: _Signer, root: SigstoreRoot, at: datetime, check: Check) -> tuple[Certificate, ...]:
    """Return the path to an authority of the root that was in use then."""
    require_valid(signer.leaf, at)
    # cosign and containers/image ask certificates of one's own authority for no purpose; a wrong one is refused
    purpose = CODE_SIGNING._replace(required=root.time_required)
    failure: TrustkitError = UntrustedSignerError(f"root {root.name} trusts no certificate authority")
    for authority in root.certificate_authorities:
        *between, anchor = (parse_certificate(one) for one in authority.chain)
        try:
            chain = verify_chain(
                signer.leaf, (*between, *signer.others), (anchor,), at=at, crypto=check.crypto, purpose=purpose
            )
            _require_in_use(authority, at)
        except (VerificationError, MalformedError, AlgorithmNotApprovedError) as error:
            if isinstance(failure, UntrustedSignerError):
                failure = error
        else:
            return chain
    raise failure


def _require_in_use(authority: TrustedAuthority, at: datetime) -> None:
    if (authority.not_before and at < authority.not_before) or (authority.not_after and at > authority.not_after):
        raise CertificateError(f"certificate authority {authority.name} was not in use at {at.isoformat()}")
