"""Verify one Notary Project signature (notaryproject/specifications, signature-specification.md and trust policy).

In this order: envelope; certificate chain, its shape and signatures; algorithm against key; signature; critical
attributes; then, as the rules enforce them: authenticity, expiry, the time of signing, revocation; then the payload.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from trustkit import limits
from trustkit.codec import certificate_extensions as extensions
from trustkit.codec.certificate import Certificate, parse_certificate
from trustkit.codec.distinguished_name import SHORT_NAMES
from trustkit.codec.strict_json import as_int, as_object, as_text, parse
from trustkit.errors import (
    AlgorithmNotApprovedError,
    CertificateError,
    IdentityError,
    MalformedError,
    PayloadTypeError,
    SignatureExpiredError,
    SignatureMismatchError,
    SubjectMismatchError,
    TrustkitError,
    UnsupportedEvidenceError,
    UntrustedSignerError,
)
from trustkit.fips.algorithms import CURVES
from trustkit.fips.ecdsa_signature import from_numbers
from trustkit.fips.parse import public_key_from_spki
from trustkit.fips.provider import CryptoProvider
from trustkit.model.image import Descriptor
from trustkit.model.keys import PublicKey
from trustkit.model.notation import AUTHENTIC_TIME, AUTHENTICITY, EXPIRY, REVOCATION, NotationChecks
from trustkit.model.values import NamedTuple
from trustkit.signing.notation import envelope as envelopes
from trustkit.signing.notation import revocation
from trustkit.signing.notation.envelope import Envelope
from trustkit.signing.notation.rules import Rules
from trustkit.signing.notation.signing_time import SigningTime, signing_time
from trustkit.signing.pki.chain import Purpose, check_path
from trustkit.signing.pki.signatures import require_issued
from trustkit.signing.trust.roots import CA, SIGNING_AUTHORITY, CertificateStore

_Result = TypeVar("_Result")
_SERVER_AUTH, _EMAIL = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.4"
SIGNING = Purpose(
    "code signing", extensions.CODE_SIGNING, required=False,
    refused=(extensions.ANY_USAGE, _SERVER_AUTH, _EMAIL, extensions.TIME_STAMPING, extensions.OCSP_SIGNING),
)  # fmt: skip
# signature-specification.md, "Algorithm Selection": the key decides, and the header must say so.
_ALGORITHMS = {
    ("ecdsa-p256", 256): ("ES256", "ecdsa-p256-sha256"),
    ("ecdsa-p384", 384): ("ES384", "ecdsa-p384-sha384"),
    ("ecdsa-p521", 521): ("ES512", "ecdsa-p521-sha512"),
    ("rsa", 2048): ("PS256", "rsa-pss-sha256"),
    ("rsa", 3072): ("PS384", "rsa-pss-sha384"),
    ("rsa", 4096): ("PS512", "rsa-pss-sha512"),
}
# Labels that COSE may call critical though everybody understands them.
_PLAIN = frozenset(("1", "3"))


class Proven(NamedTuple):
    """What a signature proves: the chain, under which store, with which algorithm, when, until when, and for what.

    `unenforced` are the failures of checks that the rules only want told of; `revocation` is what is known of that.
    """

    chain: tuple[Certificate, ...]
    store: str
    key: PublicKey
    algorithm: str
    signed_at: datetime | None
    time_source: str
    expires_at: datetime | None
    metadata: tuple[tuple[str, str], ...]
    unenforced: tuple[str, ...]
    revocation: str = ""


def verify(found: Envelope, target: Descriptor, rules: Rules, *, now: datetime, crypto: CryptoProvider) -> Proven:
    """Return what the envelope proves about the artifact.

    Raises MalformedError, LimitExceededError, VerificationError of the first check that fails, CryptoError.
    """
    chain = chain_of(found, crypto)
    key = public_key_from_spki(chain[0].spki_der)
    algorithm = _require_signature(found, key, crypto)
    scheme = _require_attributes(found)
    weighed = _Weighed(rules.checks)
    store = weighed.check(AUTHENTICITY, lambda: _authentic(chain, scheme, rules))
    lenient = store is not None and store.unknown_passes
    expiry = found.moment(envelopes.EXPIRY)
    weighed.check(EXPIRY, lambda: _require_unexpired(expiry, now))
    time = weighed.check(AUTHENTIC_TIME, lambda: signing_time(found, chain, rules, now, crypto)) or SigningTime()
    told = revocation.Told(rules.revocation_lists, rules.ocsp_answers)
    chains = (chain, time.stamped_by)
    standing = weighed.check(
        REVOCATION, lambda: revocation.require_unrevoked(chains, told, now, crypto, unknown_passes=lenient)
    )
    metadata = _require_target(found, target)
    named = f"{store.kind}/{store.name}" if store else ""
    unenforced = tuple(weighed.told)
    return Proven(chain, named, key, algorithm, time.at, time.source, expiry, metadata, unenforced, standing or "")


class _Weighed:
    """Runs checks: the enforced ones raise, the skipped ones are not made, the others are told."""

    def __init__(self, checks: NotationChecks) -> None:
        self._checks = checks
        self.told: list[str] = []

    def check(self, name: str, run: Callable[[], _Result]) -> _Result | None:
        """Return what the check found, None if it failed and is not enforced, or was not made."""
        if name in self._checks.skipped:
            return None
        try:
            return run()
        except TrustkitError as error:
            if name in self._checks.enforced:
                raise
            self.told.append(f"{name}: {error.message}")
            return None


def chain_of(found: Envelope, crypto: CryptoProvider) -> tuple[Certificate, ...]:
    """Return the chain: leaf first, each issued by the next, the last by itself. Raises CertificateError."""
    if not 0 < len(found.chain) <= limits.CHAIN_CERTIFICATES:
        raise CertificateError(f"a chain of {len(found.chain)} certificates")
    chain = tuple(parse_certificate(one) for one in found.chain)
    root = chain[-1]
    if root.issuer.der != root.subject.der:
        raise CertificateError("the chain does not end in a root: its last certificate was issued by somebody else")
    require_issued(root, root, crypto)
    check_path(chain, at=None, crypto=crypto, purpose=SIGNING)
    usage = chain[0].extension(extensions.KEY_USAGE)
    if usage is None or not usage.critical:
        raise CertificateError(f"certificate of {chain[0].subject} does not say critically what its key is for")
    return chain


def algorithm_for(key: PublicKey) -> tuple[str, str]:
    """Return the one algorithm of a key: its name in JWS, and ours. Raises AlgorithmNotApprovedError."""
    found = _ALGORITHMS.get((key.kind, key.bits))
    if found is None:
        raise AlgorithmNotApprovedError(f"keys of kind {key.kind} with {key.bits} bits sign no notation signatures")
    return found


def _require_signature(found: Envelope, key: PublicKey, crypto: CryptoProvider) -> str:
    name, algorithm = algorithm_for(key)
    if found.algorithm != name:
        raise AlgorithmNotApprovedError(f"algorithm {found.algorithm[:40]!r} does not go with the key, {name} does")
    signature = found.signature
    if key.kind in CURVES:
        size = CURVES[key.kind].field_bytes
        if len(signature) != 2 * size:
            raise SignatureMismatchError(f"{name} signature is not {2 * size} bytes")
        r, s = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
        signature = from_numbers(r, s)
    crypto.verify(key, algorithm, signature, found.signed)
    return algorithm


def _require_attributes(found: Envelope) -> str:
    """Return the signing scheme; what is critical must be understood, and what must be critical be that."""
    if found.content_type != envelopes.PAYLOAD:
        raise PayloadTypeError(f"the payload's type is {found.content_type[:80]!r}, not {envelopes.PAYLOAD}")
    scheme = found.attributes.get(envelopes.SCHEME)
    times = {envelopes.SCHEME_X509: envelopes.SIGNING_TIME, envelopes.SCHEME_AUTHORITY: envelopes.AUTHENTIC_TIME}
    if not isinstance(scheme, str) or scheme not in times:
        raise MalformedError("notation signature names no signing scheme that is known")
    if times[scheme] not in found.attributes:
        raise MalformedError(f"notation signature has no {times[scheme]}")
    _require_no_other_time(found, scheme, times)
    critical = {envelopes.SCHEME} | {
        name for name in (envelopes.AUTHENTIC_TIME, envelopes.EXPIRY) if name in found.attributes
    }
    missing, unknown = critical - found.critical, found.critical - critical - _PLAIN
    if missing:
        raise MalformedError(f"notation signature does not call critical: {', '.join(sorted(missing))}")
    if unknown:
        names = ", ".join(sorted(unknown))[:120]
        raise UnsupportedEvidenceError(f"notation signature has critical attributes that are not understood: {names}")
    begin, end = found.moment(times[scheme]), found.moment(envelopes.EXPIRY)
    if begin is not None and end is not None and end <= begin:
        raise SignatureExpiredError("notation signature expired before it was made")
    return scheme


def _require_no_other_time(found: Envelope, scheme: str, times: dict[str, str]) -> None:
    """signing-scheme.md: only a signing authority vouches for a time; a signer's own word must not pass for it."""
    for other, name in times.items():
        if other != scheme and name in found.attributes:
            raise MalformedError(
                f"notation signature of scheme {scheme} states {name}, which belongs to scheme {other}",
                next_step="sign again, without that attribute",
            )


def trusted(chain: tuple[Certificate, ...], scheme: str, stores: tuple[CertificateStore, ...]) -> CertificateStore:
    """Return the store that holds a certificate of the chain. Raises UntrustedSignerError."""
    kind = CA if scheme == envelopes.SCHEME_X509 else SIGNING_AUTHORITY
    for store in stores:
        if store.kind == kind and any(one.der in store.certificates for one in chain):
            return store
    raise UntrustedSignerError(
        f"no certificate of the chain of {chain[0].subject} is in a trusted {kind} store",
        next_step="trust the root of that authority, if you do",
    )


def _authentic(chain: tuple[Certificate, ...], scheme: str, rules: Rules) -> CertificateStore:
    """Return the store if the leaf is one of those trusted, too. Raises UntrustedSignerError, IdentityError."""
    store = trusted(chain, scheme, rules.stores)
    subject = chain[0].subject
    found = {(SHORT_NAMES.get(oid, oid), value) for oid, value, _ in subject.attributes}
    identities = rules.checks.identities
    if identities is not None and not any(identity <= found for identity in identities):
        raise IdentityError(f"{subject} is not among the identities that are trusted")
    return store


def _require_unexpired(expiry: datetime | None, now: datetime) -> None:
    if expiry is not None and now > expiry:
        raise SignatureExpiredError(f"the signer limited the signature's life to {expiry}")


def _require_target(found: Envelope, target: Descriptor) -> tuple[tuple[str, str], ...]:
    """Return the signer's own metadata, once the payload speaks of this artifact. Raises SubjectMismatchError."""
    what = "notation payload"
    payload = as_object(parse(found.payload, what=what, limit_bytes=limits.ATTESTATION_BYTES), what)
    if set(payload) != {"targetArtifact"}:
        raise MalformedError(f"{what} has other members than targetArtifact")
    told = as_object(payload["targetArtifact"], f"{what} targetArtifact")
    digest, media_type = as_text(told.get("digest"), "digest"), as_text(told.get("mediaType"), "mediaType")
    size = as_int(told.get("size"), "size")
    if (digest, media_type, size) != (str(target.digest), target.media_type, target.size_bytes):
        raise SubjectMismatchError(
            f"the signature is about {digest[:80]} ({media_type[:80]}, {size} bytes), not about {target.digest}"
        )
    notes = as_object(told.get("annotations", {}), f"{what} annotations")
    return tuple(sorted((name, as_text(value, name)) for name, value in notes.items()))
