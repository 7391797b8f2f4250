"""Trusted timestamps: RFC 3161 tokens over a message, checked against trusted authorities.

The checks, in this order:
1. the response grants a token, and the token is CMS signed data about a TSTInfo
2. the imprint is the message's hash
3. the signed attributes name that type and the content's hash
4. the authority was trusted at the time told, and the signer is the one it names, if it names one
5. the signed attributes name the signer's certificate (RFC 5816)
6. that leads to the authority's root at the time told, and is for time stamping only
7. the signature over the attributes
"""

from datetime import datetime

from trustkit.codec import certificate_extensions as extensions
from trustkit.codec import cms, der
from trustkit.codec import timestamp as codec
from trustkit.codec.certificate import Certificate, parse_certificate
from trustkit.errors import (
    CryptoError,
    MalformedError,
    SignatureMismatchError,
    TimestampError,
    TrustkitError,
    VerificationError,
)
from trustkit.fips.parse import public_key_from_spki
from trustkit.fips.provider import CryptoProvider
from trustkit.model.values import NamedTuple
from trustkit.signing.pki.chain import TIME_STAMPING, verify_chain
from trustkit.signing.pki.signatures import SHA2, Signed, require_signed
from trustkit.signing.trust.roots import TrustedAuthority


class VerifiedTime(NamedTuple):
    """A moment an authority vouches for: the message existed then."""

    at: datetime
    accuracy_seconds: float
    authority: str
    chain: tuple[Certificate, ...] = ()


class _Token(NamedTuple):
    data: cms.SignedData
    info: codec.TimestampInfo
    certificates: tuple[Certificate, ...]


def verify_timestamp(
    token: bytes, message: bytes, authorities: tuple[TrustedAuthority, ...], crypto: CryptoProvider
) -> VerifiedTime:
    """Return the time a response or token proves for the message, by the first authority that it fits.

    Raises TimestampError whatever does not hold, MalformedError, LimitExceededError, CryptoError.
    """
    data = cms.parse_signed_data(codec.token_of(token))
    if data.content_type != codec.TST_INFO:
        raise MalformedError("timestamp token is about something else than a time")
    info = codec.parse_timestamp_info(data.content)
    found = _Token(data, info, tuple(parse_certificate(one) for one in data.certificates))
    _require_imprint(info, message, crypto)
    _require_content(data, crypto)
    failure: TrustkitError = TimestampError(
        "no timestamp authority is trusted", next_step="give the authority's root certificate as a trust root"
    )
    for authority in authorities:
        try:
            chain = _verify_signer(found, authority, crypto)
        except (VerificationError, CryptoError, MalformedError) as error:
            failure = error
        else:
            return VerifiedTime(info.at, info.accuracy_seconds, authority.name, chain)
    if isinstance(failure, TimestampError | CryptoError | MalformedError):
        raise failure
    raise TimestampError(f"timestamp does not hold: {failure.message}", next_step=failure.next_step) from failure


def _require_imprint(info: codec.TimestampInfo, message: bytes, crypto: CryptoProvider) -> None:
    if _digest(info.hash_algorithm, message, crypto) != info.imprint:
        raise TimestampError("timestamp was made for something else")


def _require_content(data: cms.SignedData, crypto: CryptoProvider) -> None:
    """RFC 5652 5.4, 11.1, 11.2: the attributes are what is signed, so they have to lead to the content."""
    attributes = data.signer.attributes
    if attributes.get(cms.CONTENT_TYPE) != der.encode_oid(data.content_type):
        raise TimestampError("timestamp's signed attributes do not name its content type")
    computed = _digest(data.signer.digest_algorithm, data.content, crypto)
    if attributes.get(cms.MESSAGE_DIGEST) != der.encode(der.OCTET_STRING, computed):
        raise TimestampError("timestamp's signed attributes do not fit its content")


def _verify_signer(token: _Token, authority: TrustedAuthority, crypto: CryptoProvider) -> tuple[Certificate, ...]:
    known = tuple(parse_certificate(one) for one in authority.chain)
    at = token.info.at
    if (authority.not_before and at < authority.not_before) or (authority.not_after and at > authority.not_after):
        raise TimestampError(f"timestamp authority {authority.name} was not trusted at {at}")
    signer = _signer(token, known)
    first = known[0]
    if not extensions.basic_constraints(first).authority and signer.der != first.der:
        raise TimestampError(f"timestamp was not signed by the certificate of {authority.name} that is trusted")
    _require_named(token, signer, crypto)
    others = (*token.certificates, *known[:-1])
    chain = verify_chain(signer, others, known[-1:], at=at, crypto=crypto, purpose=TIME_STAMPING)
    info = token.data.signer
    signed = Signed(
        info.signed_attributes,
        info.signature_algorithm,
        info.signature_parameters,
        info.signature,
        _digest_name(info.digest_algorithm),
    )
    try:
        require_signed(signed, public_key_from_spki(signer.spki_der), crypto)
    except SignatureMismatchError as error:
        raise TimestampError(f"timestamp's signature was not made by {signer.subject}") from error
    return chain


def _signer(token: _Token, known: tuple[Certificate, ...]) -> Certificate:
    wanted = token.data.signer.signer
    for one in (*token.certificates, *known):
        if wanted.issuer is None:
            if extensions.subject_key_identifier(one) == wanted.key_identifier:
                return one
        elif (one.issuer.der, one.serial) == (wanted.issuer.der, wanted.serial):
            return one
    raise TimestampError("timestamp does not carry its signer's certificate")


def _require_named(token: _Token, signer: Certificate, crypto: CryptoProvider) -> None:
    """RFC 3161 2.4.2, RFC 5816: the signer's certificate is among what is signed, so it cannot be swapped.

    The older attribute names it by SHA-1, which is not computed here; its issuer and serial number, which
    come along, name it as well.
    """
    attributes = token.data.signer.attributes
    second = attributes.get(codec.SIGNING_CERTIFICATE_V2)
    first = attributes.get(codec.SIGNING_CERTIFICATE)
    if second is not None:
        named = codec.parse_certificate_id(second, version_2=True)
        fits = named.digest == _digest(named.hash_algorithm, signer.der, crypto)
    elif first is not None:
        named = codec.parse_certificate_id(first, version_2=False)
        fits = named.issuer is not None
    else:
        raise TimestampError("timestamp's signed attributes do not name its signer's certificate")
    if named.issuer is not None and (named.issuer.der, named.serial) != (signer.issuer.der, signer.serial):
        fits = False
    if not fits:
        raise TimestampError("timestamp's signed attributes name another certificate than its signer's")


def _digest_name(oid: str) -> str:
    if oid not in SHA2:
        raise TimestampError(f"timestamp uses a hash that is not used here: {oid}", next_step="SHA-2 is")
    return SHA2[oid]


def _digest(oid: str, content: bytes, crypto: CryptoProvider) -> bytes:
    running = crypto.hasher(_digest_name(oid))
    running.update(content)
    return running.digest()
