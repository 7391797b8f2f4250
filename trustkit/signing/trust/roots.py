"""Trust roots: a snapshot loaded before verification starts, and never touched by it.

Certificates are DER, times aware UTC; a missing bound means none.
"""

from datetime import datetime

from trustkit.model.keys import KeyRevocation, PublicKey
from trustkit.model.notation import REVOCATION, NotationChecks
from trustkit.model.revocations import Revocations
from trustkit.model.values import NamedTuple

# Kinds of certificate stores (Notary Project trust-store-trust-policy.md, "Trust Store").
CA = "ca"
SIGNING_AUTHORITY = "signingAuthority"
TSA = "tsa"


class TrustedKey(NamedTuple):
    """A public key somebody decided to trust, under a name; `algorithms` empty allows all it can.

    A revoked key stays here, so that what it signed is refused by that name and not as a stranger's.
    """

    name: str
    key: PublicKey
    algorithms: tuple[str, ...] = ()
    not_before: datetime | None = None
    not_after: datetime | None = None
    revoked: KeyRevocation | None = None


class TrustedLog(NamedTuple):
    """A transparency log: its identifier in entries, its key, and when it was in use.

    `key_id` is SHA-256 of the key for Rekor v1 and CT (RFC 6962 3.2), the C2SP note key id for Rekor v2.
    """

    base_url: str
    key_id: bytes
    key: PublicKey
    not_before: datetime | None = None
    not_after: datetime | None = None


class TrustedAuthority(NamedTuple):
    """A certificate or timestamp authority: its chain as trusted_root.json has it, root last."""

    name: str
    chain: tuple[bytes, ...]
    not_before: datetime | None = None
    not_after: datetime | None = None


class Witness(NamedTuple):
    """Somebody who cosigns checkpoints (C2SP tlog-cosignature): the name in the note, and an Ed25519 key."""

    name: str
    key: PublicKey


class SigstoreRoot(NamedTuple):
    """One trusted_root.json under the name by which a policy speaks of it.

    Under it a certificate proves nothing without an entry in one of `logs` (`log_required`), without a proven
    time (`time_required`; else the moment of the check counts), or without a promise of a certificate log if
    `ct_logs` names any. `witnesses_required` of `witnesses` must have cosigned every checkpoint.
    """

    name: str
    logs: tuple[TrustedLog, ...] = ()
    ct_logs: tuple[TrustedLog, ...] = ()
    certificate_authorities: tuple[TrustedAuthority, ...] = ()
    timestamp_authorities: tuple[TrustedAuthority, ...] = ()
    log_required: bool = True
    time_required: bool = True
    witnesses: tuple[Witness, ...] = ()
    witnesses_required: int = 0


class CertificateStore(NamedTuple):
    """A named set of root certificates of one kind: CA, SIGNING_AUTHORITY or TSA.

    If `unknown_passes`, certificates under it of which nobody could tell whether they were revoked are let through.
    """

    kind: str
    name: str
    certificates: tuple[bytes, ...]
    unknown_passes: bool = False


class OpenPgpKey(NamedTuple):
    """A public keyring (binary, RFC 9580) somebody decided to trust, under a name."""

    name: str
    keyring: bytes


class TrustedRepository(NamedTuple):
    """A repository under content trust (`gun`; empty: the image's own), and how its first root is believed.

    By `root` (root.json), at first sight if `first_use`, else only if it was seen before. `server`: its trust server.
    """

    gun: str
    server: str = ""
    root: bytes = b""
    first_use: bool = False


class TrustRoots(NamedTuple):
    """Everything verification may trust, loaded before it starts."""

    keys: tuple[TrustedKey, ...] = ()
    sigstore: tuple[SigstoreRoot, ...] = ()
    stores: tuple[CertificateStore, ...] = ()
    openpgp: tuple[OpenPgpKey, ...] = ()
    repositories: tuple[TrustedRepository, ...] = ()
    # Revocation lists and OCSP answers (DER) of certificate authorities, fetched before.
    revocation_lists: tuple[bytes, ...] = ()
    ocsp_answers: tuple[bytes, ...] = ()
    # Keys that the key ring or a trust root gave up: they count for nothing, whatever they sign in.
    revoked: Revocations = Revocations()
    # What is checked of notation signatures under the stores.
    notation: NotationChecks = NotationChecks()

    @property
    def asks_revocation(self) -> bool:
        """Whether authorities have to be asked about certificates."""
        return bool(self.stores) and REVOCATION not in self.notation.skipped
