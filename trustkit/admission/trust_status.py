"""Everything that is trusted now, one line each: until when, and what is wrong with it."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from trustkit.codec.certificate import Certificate, parse_certificate
from trustkit.codec.openpgp_key import OpenPgpCertificate, parse_keyring
from trustkit.errors import KeyExpiredError, KeyRevokedError, TrustkitError
from trustkit.fips.provider import CryptoProvider
from trustkit.model.keys import RSA_PKCS1_SHA256
from trustkit.model.strength import transition
from trustkit.model.values import NamedTuple
from trustkit.signing.openpgp.certificate import require_signing_key
from trustkit.signing.openpgp.check import fingerprint_of
from trustkit.signing.trust.roots import (
    CertificateStore,
    OpenPgpKey,
    SigstoreRoot,
    TrustedAuthority,
    TrustedKey,
    TrustedLog,
    TrustRoots,
)

OK = "ok"
SOON = "expires soon"
EXPIRED = "expired"
NOT_YET = "not yet valid"
REVOKED = "revoked"
UNUSABLE = "unusable"
# States in which nothing that is signed now counts.
BAD = (EXPIRED, NOT_YET, REVOKED, UNUSABLE)


class Trusted(NamedTuple):
    """One key, certificate or log: under which name, which one, from when to when, and how it stands.

    What does not `count` need not be minded: it is renewed by itself, or proves what is older still.
    """

    kind: str
    name: str
    what: str
    not_before: datetime | None
    not_after: datetime | None
    state: str
    note: str = ""
    counts: bool = True


class Moment(NamedTuple):
    """When states are judged, and how near an end counts as soon."""

    now: datetime
    soon: timedelta

    def state(self, not_before: datetime | None, not_after: datetime | None) -> str:
        """Return how something valid between these stands."""
        if not_after is not None and not_after <= self.now:
            return EXPIRED
        if not_before is not None and not_before > self.now:
            return NOT_YET
        return SOON if not_after is not None and not_after - self.now <= self.soon else OK


def trust_status(trust: TrustRoots, now: datetime, soon: timedelta, crypto: CryptoProvider) -> tuple[Trusted, ...]:
    """Return the state of all keys and roots at a moment; `soon` is how near an end is worth a warning."""
    at = Moment(now, soon)
    found = [_key(key, at) for key in trust.keys]
    for root in trust.sigstore:
        found += _sigstore(root, at)
    for store in trust.stores:
        found += _store(store, at)
    for ring in trust.openpgp:
        found += (_openpgp(ring.name, each, at, crypto) for each in _certificates(ring))
    return tuple(found)


def _key(key: TrustedKey, at: Moment) -> Trusted:
    state, note = at.state(key.not_before, key.not_after), ""
    if key.key.kind == "rsa":
        note = transition(RSA_PKCS1_SHA256, key.key.bits, at.now.date())
    if key.revoked is not None:
        state, note = REVOKED, f"from {key.revoked.at.isoformat()}: {key.revoked.reason}"
    what = f"{key.key.kind} {key.key.fingerprint[:16]}"
    return Trusted("key", key.name, what, key.not_before, key.not_after, state, note)


def _sigstore(root: SigstoreRoot, at: Moment) -> Iterator[Trusted]:
    for kind, authorities in (
        ("certificate authority", root.certificate_authorities),
        ("timestamp authority", root.timestamp_authorities),
    ):
        for authority in authorities:
            yield _authority(f"sigstore:{root.name}", kind, authority, at)
    for kind, logs in (("transparency log", root.logs), ("certificate log", root.ct_logs)):
        for log in logs:
            yield _log(f"sigstore:{root.name}", kind, log, at)
    for witness in root.witnesses:
        what = f"{witness.name} {witness.key.fingerprint[:16]}"
        yield Trusted("witness", f"sigstore:{root.name}", what, None, None, OK)


def _authority(name: str, kind: str, authority: TrustedAuthority, at: Moment) -> Trusted:
    """Return an authority's state: its window in the root, and the shortest life in its chain."""
    chain = [parse_certificate(der) for der in authority.chain]
    not_before = _latest((authority.not_before, *(each.not_before for each in chain)))
    not_after = _earliest((authority.not_after, *(each.not_after for each in chain)))
    state, note = at.state(not_before, not_after), ""
    if state == EXPIRED:
        note = "still counts for what a proven time places before its end"
    what = str(chain[0].subject) if chain else authority.name
    return Trusted(kind, name, what, not_before, not_after, state, note, state != EXPIRED)


def _log(name: str, kind: str, log: TrustedLog, at: Moment) -> Trusted:
    state = at.state(log.not_before, log.not_after)
    note = "still counts for older entries" if state == EXPIRED else ""
    what = f"{log.base_url} {log.key.fingerprint[:16]}"
    return Trusted(kind, name, what, log.not_before, log.not_after, state, note, state != EXPIRED)


def _store(store: CertificateStore, at: Moment) -> Iterator[Trusted]:
    for der in store.certificates:
        one: Certificate = parse_certificate(der)
        state = at.state(one.not_before, one.not_after)
        yield Trusted(
            f"{store.kind} certificate", f"x509:{store.kind}/{store.name}", str(one.subject),
            one.not_before, one.not_after, state,
        )  # fmt: skip


def _certificates(ring: OpenPgpKey) -> tuple[OpenPgpCertificate, ...]:
    return parse_keyring(ring.keyring, f"keyring {ring.name}")


def _openpgp(ring: str, one: OpenPgpCertificate, at: Moment, crypto: CryptoProvider) -> Trusted:
    """Return how a certificate stands that signs with its primary key or a subkey: the best of them."""
    name = one.user_ids[0].text if one.user_ids else ""
    what = f"{fingerprint_of(one.key).hex().upper()} {name}".rstrip()
    keys = (one.key, *(each.key for each in one.subkeys if each.key is not None))
    failures: list[TrustkitError] = []
    ends: list[datetime | None] = []
    for key in keys:
        try:
            ends.append(require_signing_key(one, key, at.now, crypto).expires_at)
        except TrustkitError as error:
            failures.append(error)
    if ends:
        last = None if None in ends else max(each for each in ends if each is not None)
        return Trusted("OpenPGP key", f"openpgp:{ring}", what, None, last, at.state(None, last))
    why = failures[0]
    state = REVOKED if isinstance(why, KeyRevokedError) else EXPIRED if isinstance(why, KeyExpiredError) else UNUSABLE
    return Trusted("OpenPGP key", f"openpgp:{ring}", what, None, None, state, why.message)


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((each for each in moments if each is not None), default=None)


def _latest(moments: Iterable[datetime | None]) -> datetime | None:
    return max((each for each in moments if each is not None), default=None)
