"""Which trusted OpenPGP key a message says made it, and whether it did, at one moment."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from trustkit import limits
from trustkit.codec import openpgp_signature as sig
from trustkit.codec.openpgp import OnePass, SignedMessage
from trustkit.codec.openpgp_key import KeyPacket, OpenPgpCertificate, parse_keyring
from trustkit.codec.openpgp_signature import SignaturePacket, parse_signature
from trustkit.errors import (
    MalformedError,
    SignatureExpiredError,
    SignatureMismatchError,
    TrustkitError,
    UntrustedSignerError,
)
from trustkit.fips.provider import CryptoProvider
from trustkit.model.values import NamedTuple
from trustkit.signing.openpgp.certificate import Usable, require_signing_key
from trustkit.signing.openpgp.check import check, fingerprint_of, key_id_of, public_key_of
from trustkit.signing.trust.roots import OpenPgpKey

_WHAT = "OpenPGP signature"


class OpenPgpSigner(NamedTuple):
    """Whose signature it is: keyring, primary key, the very key, and when."""

    keyring: str
    primary: str
    key: str
    algorithm: str
    signed_at: datetime
    expires_at: datetime | None
    user_ids: tuple[str, ...]
    key_bits: int


class _Candidate(NamedTuple):
    keyring: str
    certificate: OpenPgpCertificate
    key: KeyPacket


def identify_openpgp(
    message: SignedMessage, trusted: tuple[OpenPgpKey, ...], at: datetime, crypto: CryptoProvider
) -> OpenPgpSigner:
    """Return the signer after these checks: packets agree, trusted key, signature, moment, state of the key.

    Raises MalformedError, VerificationError, AlgorithmNotApprovedError.
    """
    packet = parse_signature(message.signature, _WHAT)
    _require_agreement(packet, message.one_pass)
    failures: list[TrustkitError] = []
    for found in _candidates(packet, trusted):
        try:
            algorithm = check(packet, found.key, message.data, crypto, _WHAT)
        except SignatureMismatchError as error:
            failures.append(error)
            continue
        moment, expires_at = _life(packet, found.key, at)
        usable = require_signing_key(found.certificate, found.key, at, crypto)
        return _signer(found, algorithm, moment, usable._replace(expires_at=_first(usable.expires_at, expires_at)))
    raise failures[0] if failures else _untrusted(packet, trusted)


def _require_agreement(packet: SignaturePacket, one_pass: OnePass) -> None:
    if packet.type != sig.BINARY:
        raise MalformedError(f"{_WHAT} is of type 0x{packet.type:02x}, not one over binary data")
    told = (one_pass.type, one_pass.hash_algorithm, one_pass.key_algorithm)
    if told != (packet.type, packet.hash_algorithm, packet.key_algorithm) or one_pass.salt != packet.salt:
        raise MalformedError(f"{_WHAT} is another than the one-pass packet before the data announces")
    if one_pass.version != (3 if packet.version == 4 else packet.version):  # noqa: PLR2004
        raise MalformedError(f"{_WHAT} and its one-pass packet are of different versions")
    issuer = packet.issuer_fingerprint if one_pass.version == 6 else _key_id(packet)  # noqa: PLR2004
    if issuer != one_pass.issuer:
        raise MalformedError(f"{_WHAT} names another key than the one-pass packet before the data")


def _key_id(packet: SignaturePacket) -> bytes:
    whole = packet.issuer_fingerprint
    if whole and packet.issuer_id and whole[-8:] != packet.issuer_id:
        raise MalformedError(f"{_WHAT} names two different keys")
    return packet.issuer_id or whole[-8:]


def _candidates(packet: SignaturePacket, trusted: tuple[OpenPgpKey, ...]) -> Iterator[_Candidate]:
    """Yield the trusted keys that the signature may mean; only the maths says whether it does."""
    for ring in trusted:
        for certificate in parse_keyring(ring.keyring, f"keyring {ring.name}"):
            for key in (certificate.key, *(one.key for one in certificate.subkeys if one.key is not None)):
                if _is_meant(packet, key):
                    yield _Candidate(ring.name, certificate, key)


def _is_meant(packet: SignaturePacket, key: KeyPacket) -> bool:
    if packet.issuer_fingerprint:
        return packet.issuer_fingerprint == fingerprint_of(key)
    return packet.issuer_id == key_id_of(key)


def _life(packet: SignaturePacket, key: KeyPacket, at: datetime) -> tuple[datetime, datetime | None]:
    """Return when the signature says it was made and when it ends. Raises SignatureExpiredError, MalformedError."""
    if packet.created is None:
        raise MalformedError(f"{_WHAT} does not say when it was made")
    created = _moment(packet.created)
    if created > at + timedelta(seconds=limits.CLOCK_SKEW_SECONDS):
        raise SignatureExpiredError(f"{_WHAT} says it is made at {created.isoformat()}, which is still to come")
    if packet.created < key.created:
        raise SignatureExpiredError(f"{_WHAT} says it was made at {created.isoformat()}, before its key")
    life = packet.number(sig.SIGNATURE_EXPIRES)
    ends = _moment(packet.created + life) if life else None
    if ends is not None and ends <= at:
        raise SignatureExpiredError(f"{_WHAT} expired at {ends.isoformat()}", next_step="sign the image again")
    return created, ends


def _signer(found: _Candidate, algorithm: str, moment: datetime, usable: Usable) -> OpenPgpSigner:
    return OpenPgpSigner(
        keyring=found.keyring,
        primary=fingerprint_of(found.certificate.key).hex(),
        key=fingerprint_of(found.key).hex(),
        algorithm=algorithm,
        signed_at=moment,
        expires_at=usable.expires_at,
        user_ids=usable.user_ids,
        key_bits=public_key_of(found.key, "the signer's key").bits,
    )


def _untrusted(packet: SignaturePacket, trusted: tuple[OpenPgpKey, ...]) -> TrustkitError:
    named = (packet.issuer_fingerprint or packet.issuer_id).hex().upper() or "no key at all"
    rings = ", ".join(ring.name for ring in trusted[:4]) or "none"
    return UntrustedSignerError(
        f"signed by an OpenPGP key that is not trusted (it calls itself {named[:64]}); keyrings: {rings}",
        next_step="check whose key that is before you trust it",
    )


def _first(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _moment(seconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
