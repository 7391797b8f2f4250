"""What an OpenPGP certificate says of its keys at one moment: which may sign, until when, and whether it is revoked.

Grants (user IDs, subkeys, key flags) count only with a self-signature that holds and is made with SHA-2.
Restrictions (revocations, expiry) count unless their signature is wrong: one that cannot be checked, because its
hash is too weak or its revoker's key is not here, still restricts. Where GnuPG and Sequoia read expiry from
different self-signatures, both must allow.
"""

from datetime import UTC, datetime, timedelta

from trustkit import limits
from trustkit.codec import openpgp_signature as sig
from trustkit.codec.openpgp_key import Component, KeyPacket, OpenPgpCertificate
from trustkit.codec.openpgp_signature import SignaturePacket, parse_signature
from trustkit.errors import (
    AlgorithmNotApprovedError,
    KeyExpiredError,
    KeyRevokedError,
    LimitExceededError,
    MalformedError,
    SignatureMismatchError,
    UnsupportedEvidenceError,
    UntrustedSignerError,
)
from trustkit.fips.provider import CryptoProvider
from trustkit.model.values import NamedTuple
from trustkit.signing.openpgp.check import check, fingerprint_of, key_id_of

_MAY_SIGN = 0x02
_GOOD, _UNCHECKED, _WRONG = "good", "unchecked", "wrong"
_WEAK_STEP = "ask the key's owner to renew it: gpg --quick-set-expire FINGERPRINT 2y, then export it again"


class Usable(NamedTuple):
    """A certificate that may be used: its user IDs with a valid self-signature, and when the key's time ends."""

    user_ids: tuple[str, ...]
    expires_at: datetime | None


class _SelfSignature(NamedTuple):
    """A signature of the primary key on one of its own parts, and whether it holds."""

    packet: SignaturePacket
    state: str

    @property
    def created(self) -> int:
        return self.packet.created or 0


def require_signing_key(
    certificate: OpenPgpCertificate, key: KeyPacket, at: datetime, crypto: CryptoProvider
) -> Usable:
    """Return the certificate's state if `key`, its primary key or a subkey of it, may sign at this moment.

    Raises KeyRevokedError, KeyExpiredError, UntrustedSignerError, AlgorithmNotApprovedError, LimitExceededError.
    """
    reader = _Reader(certificate, at, crypto)
    usable = reader.primary()
    if key == certificate.key:
        reader.require_flag(usable)
        return Usable(usable.names, usable.expires_at)
    component = next((one for one in certificate.subkeys if one.key == key), None)
    if component is None:
        raise UntrustedSignerError("the key is no part of the certificate")
    ends = reader.subkey(component, key)
    expiries = [each for each in (usable.expires_at, ends) if each is not None]
    return Usable(usable.names, min(expiries, default=None))


class _Primary(NamedTuple):
    names: tuple[str, ...]
    expires_at: datetime | None
    newest: SignaturePacket


class _Reader:
    """One certificate at one moment."""

    def __init__(self, certificate: OpenPgpCertificate, at: datetime, crypto: CryptoProvider) -> None:
        self._certificate, self._at, self._crypto = certificate, at, crypto
        self._own = fingerprint_of(certificate.key)
        self._own_id = key_id_of(certificate.key)
        self._what = f"OpenPGP key {self._own.hex().upper()}"
        self._seconds = int(at.timestamp())

    def primary(self) -> _Primary:
        """Check revocation, self-signatures and expiry of the primary key."""
        direct = self._signatures(self._certificate.signatures, b"")
        self._require_unrevoked(direct)
        named = [(one, self._signatures(one.signatures, one.framed)) for one in self._certificate.user_ids]
        on_key = [one for one in direct if one.packet.type == sig.DIRECT_KEY]
        on_names = [one for _, found in named for one in found if one.packet.type in sig.CERTIFICATIONS]
        good = [one for one in (*on_key, *on_names) if one.state == _GOOD]
        if not good:
            self._fail_without_binding([*on_key, *on_names])
        ends = [self._expiry(group, self._certificate.key) for group in (on_key, on_names)]
        names = tuple(component.text for component, found in named if self._is_bound(found))
        first = min((each for each in ends if each is not None), default=None)
        self._require_live(self._certificate.key, first, self._what)
        return _Primary(names, first, max(good, key=lambda one: one.created).packet)

    def require_flag(self, primary: _Primary) -> None:
        """Return if the newest self-signature says that the primary key signs."""
        flags = primary.newest.bodies(sig.KEY_FLAGS)
        if not flags or not flags[-1] or not flags[-1][0] & _MAY_SIGN:
            raise UntrustedSignerError(f"{self._what} is not meant for signing (key flags)")

    def subkey(self, component: Component, key: KeyPacket) -> datetime | None:
        """Check revocation, binding in both directions, flags and expiry of a subkey; return when it ends."""
        what = f"subkey {fingerprint_of(key).hex().upper()}"
        found = self._signatures(component.signatures, component.framed)
        if any(one.packet.type == sig.SUBKEY_REVOCATION and one.state != _WRONG for one in found):
            raise KeyRevokedError(f"{what} of {self._what} is revoked", next_step="sign with another key")
        bindings = [one for one in found if one.packet.type == sig.SUBKEY_BINDING]
        good = [one for one in bindings if one.state == _GOOD]
        if not good:
            self._fail_without_binding(bindings)
        newest = max(good, key=lambda one: one.created).packet
        flags = newest.bodies(sig.KEY_FLAGS)
        if not flags or not flags[-1] or not flags[-1][0] & _MAY_SIGN:
            raise UntrustedSignerError(f"{what} is not meant for signing (key flags)")
        self._require_agreement(newest, key, component.framed, what)
        ends = self._expiry(bindings, key)
        self._require_live(key, ends, what)
        return ends

    def _require_agreement(self, binding: SignaturePacket, key: KeyPacket, framed: bytes, what: str) -> None:
        """Check the subkey's own signature in its binding: nobody else's subkey can be adopted (5.2.1.8)."""
        signed = self._certificate.key.framed + framed
        for body in binding.bodies(sig.EMBEDDED, also_unhashed=True):
            try:
                packet = parse_signature(body, f"the binding of {what}")
                if packet.type == sig.PRIMARY_BINDING:
                    check(packet, key, signed, self._crypto, f"the binding of {what}")
                    return
            except (MalformedError, SignatureMismatchError, AlgorithmNotApprovedError, UnsupportedEvidenceError):
                continue
        raise UntrustedSignerError(f"{what} has not signed that it belongs to {self._what}")

    def _signatures(self, bodies: tuple[bytes, ...], framed: bytes) -> list[_SelfSignature]:
        """Return what the primary key signed about a part of itself, later than now excepted."""
        found: list[_SelfSignature] = []
        for body in bodies:
            try:
                packet = parse_signature(body, f"a signature of {self._what}")
            except (MalformedError, UnsupportedEvidenceError):
                continue
            if not self._is_ours(packet):
                continue
            if len(found) >= limits.OPENPGP_SELF_SIGNATURES:
                raise LimitExceededError(f"{self._what} has more than {limits.OPENPGP_SELF_SIGNATURES} signatures")
            found.append(_SelfSignature(packet, self._state(packet, framed)))
        return [one for one in found if self._is_in_force(one.packet)]

    def _is_ours(self, packet: SignaturePacket) -> bool:
        if packet.issuer_fingerprint:
            return packet.issuer_fingerprint == self._own or packet.type == sig.KEY_REVOCATION
        return packet.issuer_id in (self._own_id, b"") or packet.type == sig.KEY_REVOCATION

    def _state(self, packet: SignaturePacket, framed: bytes) -> str:
        try:
            check(packet, self._certificate.key, self._certificate.key.framed + framed, self._crypto, self._what)
        except SignatureMismatchError:
            return _WRONG
        except (AlgorithmNotApprovedError, UnsupportedEvidenceError, MalformedError):
            return _UNCHECKED
        return _GOOD

    def _is_in_force(self, packet: SignaturePacket) -> bool:
        """Whether a signature was made by now, and its own life is not over; revocations hold from ever to ever."""
        if packet.type in (sig.KEY_REVOCATION, sig.SUBKEY_REVOCATION):
            return True
        created, life = packet.created, packet.number(sig.SIGNATURE_EXPIRES)
        if created is None or created > self._seconds + limits.CLOCK_SKEW_SECONDS:
            return False
        return not life or created + life > self._seconds

    def _require_unrevoked(self, direct: list[_SelfSignature]) -> None:
        revokers = {body[2:] for one in direct for body in one.packet.bodies(sig.REVOKER) if one.state != _WRONG}
        for one in direct:
            if one.packet.type != sig.KEY_REVOCATION:
                continue
            issuer = one.packet.issuer_fingerprint
            foreign = issuer not in (b"", self._own) or one.packet.issuer_id not in (b"", self._own_id)
            named = any(issuer == each or one.packet.issuer_id == each[-8:] for each in revokers)
            if named if foreign else one.state != _WRONG:
                raise KeyRevokedError(
                    f"{self._what} is revoked{_reason(one.packet)}", next_step="trust the key that replaces it"
                )

    def _is_bound(self, found: list[_SelfSignature]) -> bool:
        """Whether a user ID's newest self-signature holds, and does not revoke it."""
        kinds = (*sig.CERTIFICATIONS, sig.CERTIFICATION_REVOCATION)
        own = [one for one in found if one.packet.type in kinds and one.state != _WRONG]
        newest = max(own, key=lambda one: one.created, default=None)
        return newest is not None and newest.state == _GOOD and newest.packet.type in sig.CERTIFICATIONS

    def _fail_without_binding(self, found: list[_SelfSignature]) -> None:
        if any(one.state == _UNCHECKED for one in found):
            raise AlgorithmNotApprovedError(
                f"{self._what} is bound only by signatures with a hash or key that is too weak", next_step=_WEAK_STEP
            )
        raise UntrustedSignerError(
            f"{self._what} has no self-signature that holds at {self._at.isoformat()}",
            next_step="export the key again: gpg --export FINGERPRINT",
        )

    def _expiry(self, found: list[_SelfSignature], key: KeyPacket) -> datetime | None:
        """Return when the newest of these says the key's time ends."""
        newest = max((one for one in found if one.state != _WRONG), key=lambda one: one.created, default=None)
        life = newest.packet.number(sig.KEY_EXPIRES) if newest else None
        return _moment(key.created + life) if life else None

    def _require_live(self, key: KeyPacket, ends: datetime | None, what: str) -> None:
        if key.created > self._seconds + limits.CLOCK_SKEW_SECONDS:
            raise KeyExpiredError(f"{what} is only made at {_moment(key.created).isoformat()}")
        if ends is not None and ends <= self._at:
            raise KeyExpiredError(
                f"{what} expired at {ends.isoformat()}", next_step="get the renewed key, or sign with another one"
            )


def _moment(seconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def _reason(packet: SignaturePacket) -> str:
    """Return the owner's reason (5.2.3.31) as the end of a sentence."""
    body = next(iter(packet.bodies(sig.REASON)), b"")
    words = {1: "superseded", 2: "compromised", 3: "retired"}.get(body[0] if body else 0, "")
    text = "".join(char if char.isprintable() else "?" for char in body[1:].decode("utf-8", "replace"))[:80]
    said = ", ".join(each for each in (words, text) if each)
    return f" ({said})" if said else ""
