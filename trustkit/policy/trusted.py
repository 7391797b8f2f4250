"""Whom a policy may trust, by the names it gives them: keys, identities, certificates, OpenPGP keys, TUF roles.

Verification proves who signed and under which root (`SignerIdentity.trust_root`); each kind of signer here
says whether that is the one it means (`fits`), and whether the section's bounds let it count (`problem`).
"""

from datetime import datetime
from typing import Protocol

from trustkit.model.facts import Facts
from trustkit.model.keys import KeyRevocation
from trustkit.model.signature import SignerIdentity, VerifiedSignature
from trustkit.model.strength import strength
from trustkit.model.values import NamedTuple
from trustkit.policy.distinguished_name import DistinguishedName
from trustkit.policy.regex import Regex
from trustkit.policy.signed_identity import DEFAULT, SignedIdentity, mismatch

# Kinds of PolicyRoot; the middle three are the Notary Project's trust store types.
SIGSTORE = "sigstore"
CA = "ca"
SIGNING_AUTHORITY = "signingAuthority"
TSA = "tsa"
# A revocation list of a certificate authority.
CRL = "crl"
OPENPGP = "openpgp"
TUF = "tuf"
# Subject alternative names among a certificate's claims (RFC 5280 4.2.1.6).
_ALTERNATIVE_NAMES = "2.5.29.17"
# Schemes of keys that never leave their place.
REMOTE = ("awskms", "gcpkms", "azurekms", "hashivault", "pkcs11")
# The sigstore root that an identity means when it names none.
DEFAULT_ROOT = "sigstore"


class PolicyRoot(NamedTuple):
    """A file of trust under a name: trusted_root.json, PEM certificates, a keyring, or a TUF root.json.

    `logged`: under a sigstore root only what a transparency log shows counts. `unknown_passes`: certificates under
    it of which nobody can tell whether they were revoked are let through.
    """

    kind: str
    name: str
    content: bytes
    logged: bool = True
    server: str = ""
    first_use: bool = False
    unknown_passes: bool = False


class Signer(Protocol):
    """One party that may have signed."""

    @property
    def name(self) -> str:
        """The policy's name for it."""

    @property
    def reads_labels(self) -> bool:
        """Whether it compares with the labels of the image's configuration."""

    def fits(self, item: VerifiedSignature, facts: Facts) -> bool:
        """Whether this party made the item."""

    def problem(self, item: VerifiedSignature, facts: Facts) -> str:
        """Return why the policy's bounds keep the item from counting, or nothing."""


class Demand(NamedTuple):
    """What is asked of any signature: bits of strength (0: none), and a FIPS module that approves its algorithm."""

    strength: int = 0
    approved: bool = False

    def unmet(self, item: VerifiedSignature, facts: Facts) -> str:
        """Return what the signature lacks, or nothing."""
        if self.strength and (found := strength(item.algorithm, item.signer.key_bits)) < self.strength:
            return f"with a key of {found or 'unknown'}-bit strength, required are {self.strength} bits"
        if self.approved and not facts.crypto.approves(item.algorithm):
            return f"with {item.algorithm}, checked by no FIPS module that approves it"
        return ""


class PolicyKey(NamedTuple):
    """A public key a policy trusts under a name, and within which bounds.

    `algorithms` empty allows every one the key can do; the times are compared with the moment of the decision.
    `logged` asks for checked entries of so many `logs`. What a revoked key signed is refused when it is
    verified, unless the revocation spares older signatures. `demand` is made of its signatures.
    """

    name: str
    pem: bytes
    fingerprint: str
    algorithms: tuple[str, ...] = ()
    not_before: datetime | None = None
    not_after: datetime | None = None
    logged: bool = False
    revoked: KeyRevocation | None = None
    demand: Demand = Demand()
    logs: int = 1

    @property
    def reads_labels(self) -> bool:
        """No."""
        return False

    def fits(self, item: VerifiedSignature, _facts: Facts) -> bool:
        """Whether the key made the item: same key, and trusted as a key, not through a certificate."""
        return item.signer.fingerprint == self.fingerprint and not _root_kind(item.signer)

    def problem(self, item: VerifiedSignature, facts: Facts) -> str:
        """Return which bound of the key excludes the item, or nothing."""
        if self.algorithms and item.algorithm not in self.algorithms:
            return f"signed by {self.name} with {item.algorithm}, allowed are {', '.join(self.algorithms)}"
        if unmet := self.demand.unmet(item, facts):
            return f"signed by {self.name} {unmet}"
        if self.not_before and facts.now < self.not_before:
            return f"signed by {self.name}, which is not trusted before {self.not_before.isoformat()}"
        if self.not_after and facts.now > self.not_after:
            return f"signed by {self.name}, which is not trusted after {self.not_after.isoformat()}"
        return _unlogged(item, self.name, self.logs) if self.logged else ""


class Claim(NamedTuple):
    """What a certificate's extension must say: this value, or the value of this label of the image."""

    oid: str
    value: str = ""
    label: str = ""


class PolicyIdentity(NamedTuple):
    """Who a sigstore certificate authority must say signed; exactly one of text and regex for each of two.

    `extensions` are Fulcio's, by object identifier; all must hold.
    """

    name: str
    root: str = DEFAULT_ROOT
    subject: str = ""
    subject_regex: Regex | None = None
    issuer: str = ""
    issuer_regex: Regex | None = None
    extensions: tuple[Claim, ...] = ()
    logged: bool = False
    logs: int = 1

    @property
    def reads_labels(self) -> bool:
        """Whether an extension is compared with a label."""
        return any(claim.label for claim in self.extensions)

    def fits(self, item: VerifiedSignature, facts: Facts) -> bool:
        """Whether the certificate names this subject and issuer, under this root."""
        signer = item.signer
        return (
            signer.trust_root == f"{SIGSTORE}:{self.root}"
            and _says(signer.subject, self.subject, self.subject_regex)
            and _says(signer.issuer, self.issuer, self.issuer_regex)
            and all(_claims(signer, claim, facts) for claim in self.extensions)
        )

    def problem(self, item: VerifiedSignature, _facts: Facts) -> str:
        """Return that the transparency log does not show the item, or nothing."""
        return _unlogged(item, self.name, self.logs) if self.logged else ""


class PolicyCertificate(NamedTuple):
    """A certificate's subject under a root store (`ca/NAME` or `signingAuthority/NAME`).

    One of the subjects must be contained in the certificate's (Notary Project: trusted identities);
    no subject means any certificate of the store.
    """

    name: str
    root: str
    subjects: tuple[DistinguishedName, ...] = ()

    @property
    def reads_labels(self) -> bool:
        """No."""
        return False

    def fits(self, item: VerifiedSignature, _facts: Facts) -> bool:
        """Whether a certificate of the store with such a subject made the item."""
        if item.signer.trust_root != f"x509:{self.root}":
            return False
        if not self.subjects:
            return True
        found = DistinguishedName.read(item.signer.subject)
        return found is not None and any(wanted.within(found) for wanted in self.subjects)

    def problem(self, item: VerifiedSignature, _facts: Facts) -> str:
        """Return which check of the certificate a looser trust policy let fail; else verification made them all."""
        return f"signed by {self.name}, but {item.unenforced[0]}" if item.unenforced else ""


class PolicyNotation(NamedTuple):
    """Whoever satisfies a statement of a Notary Project trust policy; verification made all of its checks."""

    name: str

    @property
    def reads_labels(self) -> bool:
        """No."""
        return False

    def fits(self, item: VerifiedSignature, _facts: Facts) -> bool:
        """Whether it is a signature of the Notary Project."""
        return item.format == "notation"

    def problem(self, _item: VerifiedSignature, _facts: Facts) -> str:
        """Return nothing: what is only to be told stands beside the signature."""
        return ""


class PolicyOpenPgp(NamedTuple):
    """Keys of an OpenPGP keyring: those with these fingerprints (hexadecimal, lower case), else any.

    `identity` says which name the signature must carry for the image asked for.
    """

    name: str
    root: str
    fingerprints: tuple[str, ...] = ()
    identity: SignedIdentity = DEFAULT

    @property
    def reads_labels(self) -> bool:
        """No."""
        return False

    def fits(self, item: VerifiedSignature, _facts: Facts) -> bool:
        """Whether a key of the ring made the item."""
        if item.signer.trust_root != f"{OPENPGP}:{self.root}":
            return False
        return not self.fingerprints or item.signer.fingerprint in self.fingerprints

    def problem(self, item: VerifiedSignature, facts: Facts) -> str:
        """Return that the signature is for another name; verification checked the key's bounds."""
        wrong = mismatch(self.identity, item.claimed_name, facts.image.ref)
        return f"signed by {self.name}, but {wrong}" if wrong else ""


class PolicySigstore(NamedTuple):
    """A key, or whom a certificate under a root names, as containers' policy.json asks for it.

    All of `subjects` must be names in the certificate. `identity` says which name the signature must carry for the
    image asked for.
    """

    name: str
    fingerprints: tuple[str, ...] = ()
    root: str = ""
    issuer: str = ""
    subjects: tuple[str, ...] = ()
    identity: SignedIdentity = DEFAULT
    logged: bool = False

    @property
    def reads_labels(self) -> bool:
        """No."""
        return False

    def fits(self, item: VerifiedSignature, _facts: Facts) -> bool:
        """Whether one of the keys made the item, or a certificate with these names under the root."""
        signer = item.signer
        if not self.root:
            return signer.fingerprint in self.fingerprints and not _root_kind(signer)
        if signer.trust_root != f"{SIGSTORE}:{self.root}" or self.issuer not in ("", signer.issuer):
            return False
        names = {value for oid, value in signer.claims if oid == _ALTERNATIVE_NAMES}
        return bool(self.subjects) and names.issuperset(self.subjects)

    def problem(self, item: VerifiedSignature, facts: Facts) -> str:
        """Return that the log does not show the item, or that it is for another name."""
        if self.logged and not item.log:
            return _unlogged(item, self.name, 1)
        wrong = mismatch(self.identity, item.claimed_name, facts.image.ref)
        return f"signed by {self.name}, but {wrong}" if wrong else ""


class PolicyContentTrust(NamedTuple):
    """Docker Content Trust for a repository (`gun`; empty: the image's own), signed in one of these roles."""

    name: str
    gun: str = ""
    roles: tuple[str, ...] = ()

    @property
    def reads_labels(self) -> bool:
        """No."""
        return False

    def fits(self, item: VerifiedSignature, facts: Facts) -> bool:
        """Whether the repository's TUF metadata says so, in such a role."""
        if item.signer.trust_root != f"{TUF}:{self.gun or facts.image.ref.name}":
            return False
        return not self.roles or item.signer.subject in self.roles

    def problem(self, _item: VerifiedSignature, _facts: Facts) -> str:
        """Return nothing: verification checked the metadata's bounds."""
        return ""


def told_apart(item: VerifiedSignature) -> tuple[str, ...]:
    """Return what tells the item's signer from any other; one signer never has two of these under one root.

    Keys differ by fingerprint. A person's short-lived certificates differ each time, so identities and
    certificates differ by the names in them.
    """
    signer = item.signer
    kind = _root_kind(signer)
    if kind == "sigstore:":
        return ("identity", signer.issuer, signer.subject)
    if kind == "x509:":
        return ("x509", signer.trust_root, signer.issuer, signer.subject)
    return ("key", signer.fingerprint)


def by_plain_key(signer: SignerIdentity) -> bool:
    """Whether a key that a policy names made it, and no certificate, OpenPGP key or role."""
    return not _root_kind(signer)


def _root_kind(signer: SignerIdentity) -> str:
    """Return `sigstore:`, `x509:`, `openpgp:` or `tuf:`, and nothing for a plain key, which may have such a name."""
    kind, colon, _ = signer.trust_root.partition(":")
    return kind + colon if colon and kind in ("sigstore", "x509", "openpgp", "tuf") else ""


def _unlogged(item: VerifiedSignature, name: str, least: int) -> str:
    if not item.log:
        return f"signed by {name}, but no transparency log shows it"
    logs = max(item.logs, 1)
    return "" if logs >= least else f"signed by {name}, but {logs} transparency log shows it, required are {least}"


def _says(found: str, text: str, regex: Regex | None) -> bool:
    if not found:
        return False
    return regex.matches(found) if regex is not None else bool(text) and found == text


def _claims(signer: SignerIdentity, claim: Claim, facts: Facts) -> bool:
    values = [value for oid, value in signer.claims if oid == claim.oid]
    wanted = dict(facts.image.labels).get(claim.label, "") if claim.label else claim.value
    return bool(wanted) and values == [wanted]
