"""A Notary Project trust policy and trust store, as the policy and the trust roots of one repository.

The store lies as notation keeps it: `x509/{ca,signingAuthority,tsa}/NAME/` with a certificate in each file, PEM or DER.
"""

from collections.abc import Iterator
from pathlib import Path

from trustkit import limits
from trustkit.codec import certificate_extensions as extensions
from trustkit.codec import pem
from trustkit.codec.canonical_json import canonical
from trustkit.codec.certificate import parse_certificate
from trustkit.errors import ConfigError, LimitExceededError, MalformedError, PolicySyntaxError
from trustkit.fips.hashing import digest_of
from trustkit.model.reference import ImageRef
from trustkit.model.values import NamedTuple
from trustkit.policy.document import AUDIT, ENFORCE, Match, Policy, Rule, Section
from trustkit.policy.rules.said import Said
from trustkit.policy.rules.signed_by import SignedBy
from trustkit.policy.signers import Signers
from trustkit.policy.trust_policy import SKIP, Statement, applicable, statements
from trustkit.policy.trusted import PolicyNotation
from trustkit.signing.trust.roots import CertificateStore, TrustRoots

_NAME = "trustpolicy.json"
_BEGIN = b"-----BEGIN "
_FILES = 256


class Chosen(NamedTuple):
    """What decides about one image: the policy, whom it trusts, and the formats that it looks at, by name."""

    policy: Policy
    trust: TrustRoots
    formats: tuple[str, ...] = ()


class TrustPolicy:
    """A trust policy file with its trust store."""

    def __init__(self, content: bytes, store: Path) -> None:
        """Read the file; stores are read when a repository needs them. Raises PolicySyntaxError."""
        try:
            self._statements = statements(content)
        except MalformedError as error:
            step = "write it as the Notary Project's trust policy 1.0 says"
            raise PolicySyntaxError(error.message, next_step=step, file=_NAME) from error
        self._digest = digest_of(content)
        self._store = store

    def of(self, ref: ImageRef) -> Chosen:
        """Return what decides about an image of a repository; without a statement for it, nothing allows it.

        Raises ConfigError.
        """
        statement = applicable(self._statements, ref.name)
        if statement is None:
            return Chosen(Policy(_NAME, self._digest, ()), TrustRoots())
        stores = tuple(read_store(self._store, *named.split(":", 1)) for named in statement.stores)
        trust = TrustRoots(stores=stores, notation=statement.checks)
        # where nothing is verified nothing is fetched
        return Chosen(self._policy(statement, stores), trust, () if statement.level == SKIP else ("notation",))

    def _policy(self, statement: Statement, stores: tuple[CertificateStore, ...]) -> Policy:
        told = [[one.kind, one.name, [str(digest_of(der)) for der in one.certificates]] for one in stores]
        digest = digest_of(canonical({"file": str(self._digest), "statement": statement.name, "stores": told}))
        skips = statement.level == SKIP
        rule: Rule = SignedBy((Signers(1, (PolicyNotation(statement.name),)),))
        if skips:
            says = f"trust policy {statement.name} has level skip: no signature was looked at"
            rule = Said("signatureVerification.level", says, "give the trust policy a level that verifies")
        section = Section(statement.name, Match(), AUDIT if skips else ENFORCE, "deny", (rule,), (), digest)
        return Policy(statement.name, digest, (section,))


def read_store(folder: Path, kind: str, name: str) -> CertificateStore:
    """Return the certificates of one store. Raises ConfigError."""
    place = folder / "x509" / kind / name
    found: list[bytes] = []
    for file in _files(place):
        try:
            found += _certificates(file)
        except MalformedError as error:
            step = "keep certificates of authorities in trust stores, PEM or DER, and nothing else"
            raise ConfigError(f"trust store {kind}:{name}: {file}: {error.message}", next_step=step) from error
    if not found:
        raise ConfigError(f"trust store {kind}:{name} has no certificate in {place}", next_step="put one there")
    return CertificateStore(kind, name, tuple(dict.fromkeys(found)))


def _files(place: Path) -> Iterator[Path]:
    """Yield the files of a store; what a link points at is somebody else's to change, and no store."""
    try:
        listed = [] if place.is_symlink() else sorted(place.iterdir())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(f"trust store {place}: {reason}", next_step="check --trust-store") from error
    if len(listed) > _FILES:
        raise ConfigError(f"trust store {place} has more than {_FILES} files")
    for file in listed:
        if file.is_symlink() or not file.is_file():
            raise ConfigError(f"{file} in a trust store is no regular file", next_step="put certificates there, only")
        yield file


def _certificates(file: Path) -> tuple[bytes, ...]:
    limit = limits.CHAIN_CERTIFICATES * limits.CERTIFICATE_BYTES
    with file.open("rb") as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise LimitExceededError(f"over {limit} bytes")
    found = tuple(der for _, der in pem.decode_all(content, ("CERTIFICATE",))) if _BEGIN in content else (content,)
    for der in found:
        _require_authority(der)
    return found


def _require_authority(der: bytes) -> None:
    """Return if it is an authority's, or signs itself, as notation asks. Raises MalformedError."""
    one = parse_certificate(der)
    if one.issuer.der != one.subject.der and not extensions.basic_constraints(one).authority:
        raise MalformedError(f"{one.subject} is neither an authority's certificate nor signed by itself")
