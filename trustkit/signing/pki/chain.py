"""Certification paths: from a leaf to a trusted root, at one moment, for one purpose (RFC 5280 section 6).

Each check of a path, in this order:
1. its length, and that each certificate names the next as its issuer
2. validity of every certificate, the root's too
3. critical extensions that are not understood, and name constraints
4. what the leaf may be used for
5. what the authorities may do: issue, so deep, for this purpose
6. signatures
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import count, pairwise

from trustkit import limits
from trustkit.codec import certificate_extensions as extensions
from trustkit.codec.certificate import Certificate
from trustkit.errors import CertificateError, LimitExceededError, TrustkitError, UntrustedSignerError
from trustkit.fips.provider import CryptoProvider
from trustkit.model.values import NamedTuple
from trustkit.signing.pki.signatures import require_issued

# Policies are not asked for, so naming some constrains nothing (RFC 5280 6.1.1 (c), (e)).
_UNDERSTOOD = frozenset(
    (
        extensions.BASIC_CONSTRAINTS,
        extensions.KEY_USAGE,
        extensions.EXTENDED_KEY_USAGE,
        extensions.SUBJECT_ALTERNATIVE_NAME,
        extensions.CERTIFICATE_POLICIES,
    )
)


class Purpose(NamedTuple):
    """What a leaf must be for: `required` says that it has to say so, `alone` that it is for nothing else.

    `alone` also wants the extension critical, as RFC 3161 2.3 does.
    """

    name: str
    usage: str
    required: bool = True
    alone: bool = False
    refused: tuple[str, ...] = ()


CODE_SIGNING = Purpose("code signing", extensions.CODE_SIGNING)
TIME_STAMPING = Purpose("time stamping", extensions.TIME_STAMPING, alone=True)


def verify_chain(
    leaf: Certificate,
    intermediates: Sequence[Certificate],
    anchors: Sequence[Certificate],
    *,
    at: datetime,
    crypto: CryptoProvider,
    purpose: Purpose,
) -> tuple[Certificate, ...]:
    """Return the path from the leaf to the anchor; the first that passes every check is taken.

    Raises UntrustedSignerError if no path leads to an anchor, CertificateError, AlgorithmNotApprovedError,
    MalformedError, LimitExceededError.
    """
    if len(intermediates) + len(anchors) > limits.CERTIFICATES:
        raise LimitExceededError(f"more than {limits.CERTIFICATES} certificates to build a chain from")
    failure: TrustkitError | None = None
    paths = _paths((leaf,), intermediates, {one.der: one for one in anchors}, count())
    for tries, path in enumerate(paths):
        if tries >= limits.CHAIN_TRIES:
            raise LimitExceededError(f"more than {limits.CHAIN_TRIES} chains lead from {leaf.subject} to a root")
        try:
            check_path(path, at=at, crypto=crypto, purpose=purpose)
        except TrustkitError as error:
            failure = failure or error
        else:
            return path
    if failure is None:
        raise UntrustedSignerError(
            f"no chain leads from {leaf.subject}, issued by {leaf.issuer}, to a trusted root",
            next_step="trust the root of that authority, if you do, or ask for the intermediate certificates",
        )
    raise failure


def check_path(path: Sequence[Certificate], *, at: datetime | None, crypto: CryptoProvider, purpose: Purpose) -> None:
    """Return if every check of the path, leaf first, holds; whether its last one is trusted is not asked here.

    Without `at`, validity is not looked at: the caller does, once it knows when the signature was made.

    Raises CertificateError, AlgorithmNotApprovedError, MalformedError, LimitExceededError.
    """
    if len(path) > limits.CHAIN_CERTIFICATES:
        raise LimitExceededError(f"a chain of more than {limits.CHAIN_CERTIFICATES} certificates")
    for certificate, issuer in pairwise(path):
        if certificate.issuer.der != issuer.subject.der:
            raise CertificateError(f"{certificate.subject} was issued by {certificate.issuer}, not by {issuer.subject}")
    for certificate in path:
        if at is not None:
            require_valid(certificate, at)
        _require_understood(certificate)
    require_purpose(path[0], purpose)
    _require_authorities(path[1:], purpose)
    for certificate, issuer in pairwise(path):
        require_issued(certificate, issuer, crypto)


def require_valid(certificate: Certificate, at: datetime) -> None:
    """Return if the certificate is valid at the moment, both ends included. Raises CertificateError."""
    # RFC 5280 6.1.3 (a)(2), 4.1.2.5
    if at < certificate.not_before:
        raise CertificateError(f"certificate of {certificate.subject} is not valid before {certificate.not_before}")
    if at > certificate.not_after:
        raise CertificateError(f"certificate of {certificate.subject} expired at {certificate.not_after}")


def require_purpose(leaf: Certificate, purpose: Purpose) -> None:
    """Return if the leaf may be used for this. Raises CertificateError, MalformedError. RFC 5280 4.2.1.3, 4.2.1.12."""
    if extensions.basic_constraints(leaf).authority:
        raise CertificateError(f"certificate of {leaf.subject} is an authority's; those do not sign content")
    usage = extensions.key_usage(leaf)
    if usage is not None and extensions.DIGITAL_SIGNATURE not in usage:
        raise CertificateError(f"certificate of {leaf.subject} is not for digital signatures")
    purposes = extensions.extended_key_usage(leaf)
    if purposes is None:
        if purpose.required:
            raise CertificateError(f"certificate of {leaf.subject} does not say that it is for {purpose.name}")
        return
    if purpose.usage not in purposes or set(purposes) & set(purpose.refused):
        raise CertificateError(f"certificate of {leaf.subject} is not for {purpose.name}, or for other things too")
    if purpose.alone and (len(purposes) > 1 or not _critical(leaf, extensions.EXTENDED_KEY_USAGE)):
        raise CertificateError(f"certificate of {leaf.subject} must be for {purpose.name} only, and say so critically")


def _require_authorities(authorities: Sequence[Certificate], purpose: Purpose) -> None:
    below = 0  # certificates between the leaf and this authority that are not self-issued
    for certificate in authorities:
        constraints = extensions.basic_constraints(certificate)
        if not constraints.authority or not constraints.critical:
            raise CertificateError(f"certificate of {certificate.subject} issues others and is no authority's")
        # RFC 5280 6.1.4 (m), 4.2.1.9
        if constraints.path_length is not None and below > constraints.path_length:
            raise CertificateError(f"certificate of {certificate.subject} stands too far above the leaf: path length")
        usage = extensions.key_usage(certificate)
        if usage is not None and extensions.KEY_CERT_SIGN not in usage:
            raise CertificateError(f"certificate of {certificate.subject} is not for signing certificates")
        purposes = extensions.extended_key_usage(certificate)
        if purposes is not None and not {purpose.usage, extensions.ANY_USAGE} & set(purposes):
            raise CertificateError(f"the authority {certificate.subject} is not for {purpose.name}")
        below += certificate.issuer.der != certificate.subject.der


def _require_understood(certificate: Certificate) -> None:
    for one in certificate.extensions:
        # Evaluating them wrongly is worse than not taking such chains.
        if one.oid == extensions.NAME_CONSTRAINTS:
            raise CertificateError(f"certificate of {certificate.subject} has name constraints; they are not evaluated")
        if one.critical and one.oid not in _UNDERSTOOD:
            # RFC 5280 4.2: must be refused
            raise CertificateError(f"certificate of {certificate.subject} has an unknown critical extension {one.oid}")


def _critical(certificate: Certificate, oid: str) -> bool:
    found = certificate.extension(oid)
    return found is not None and found.critical


def _paths(
    path: tuple[Certificate, ...],
    intermediates: Sequence[Certificate],
    anchors: dict[bytes, Certificate],
    steps: Iterator[int],
) -> Iterator[tuple[Certificate, ...]]:
    """Yield paths that end in an anchor; names lead, signatures are checked later.

    Many authorities of one name make exponentially many ways, so `steps` are counted.
    """
    last = path[-1]
    if last.der in anchors:
        yield path
        return
    if next(steps) >= limits.CERTIFICATES:
        raise LimitExceededError(f"too many chains could lead from {path[0].subject} to a root")
    if len(path) == limits.CHAIN_CERTIFICATES:
        return
    for issuer in anchors.values():
        if issuer.subject.der == last.issuer.der:
            yield (*path, issuer)
    for issuer in intermediates:
        if issuer.subject.der == last.issuer.der and issuer not in path and issuer.der not in anchors:
            yield from _paths((*path, issuer), intermediates, anchors, steps)
