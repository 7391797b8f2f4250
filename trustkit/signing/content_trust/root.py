"""From every root trusted before to the root in force: each is signed by the one before it and by itself (TUF 5.3).

Keys of the root role are certificates named after the repository; one for another name, or outside its time,
counts for nothing, so that one repository's whole data cannot be shown for another.
"""

from collections.abc import Mapping
from datetime import datetime

from trustkit import limits
from trustkit.codec import pem
from trustkit.codec.certificate import Certificate, parse_certificate
from trustkit.codec.notary_tuf import ROOT, Key, Role
from trustkit.errors import MalformedError, RollbackError, UntrustedSignerError
from trustkit.fips.provider import CryptoProvider
from trustkit.model.values import NamedTuple
from trustkit.signing.content_trust.errors import RootChainError
from trustkit.signing.content_trust.files import File, offered, read, require_current
from trustkit.signing.content_trust.signers import RoleSigner, require_role_signed
from trustkit.signing.content_trust.values import Trusted

_X509 = "-x509"
_COMMON_NAME = "2.5.4.3"


class ProvenRoot(NamedTuple):
    """The root in force, whose keys signed it, and whether it was believed at first sight."""

    file: File
    signers: tuple[RoleSigner, ...]
    first_use: bool


class RootCheck(NamedTuple):
    """What a root is judged by."""

    gun: str
    now: datetime
    crypto: CryptoProvider


def proven_root(files: Mapping[str, bytes], trusted: Trusted, check: RootCheck) -> ProvenRoot:
    """Return the root that the server offers, proven.

    Raises RootChainError, RollbackError, ThresholdError, SignatureExpiredError, NotFoundError, MalformedError.
    """
    new = offered(files, ROOT)
    begun = trusted.roots
    for root in begun:
        _require_chain(read(ROOT, root), new, files, check)
    if not begun and not trusted.first_use:
        raise RootChainError(
            f"no root of {check.gun} is trusted yet",
            next_step="pin its root, or allow trust on first use in so many words",
        )
    role = _certified(new, check)
    signers = require_role_signed(new.envelope, role, new.root.keys, check.crypto)
    if not trusted.renewing:
        require_current(new, check.now)
    return ProvenRoot(new, signers, first_use=not begun)


def _require_chain(begun: File, new: File, files: Mapping[str, bytes], check: RootCheck) -> None:
    steps = new.root.version - begun.root.version
    if steps < 0:
        message = f"root {new.root.version} is older than {begun.root.version}, which is trusted"
        raise RollbackError(message)
    if steps > limits.TRUST_ROOTS:
        raise RootChainError(
            f"{steps} roots follow the trusted one; {limits.TRUST_ROOTS} are followed", next_step="pin a newer root"
        )
    if steps == 0 and new.envelope.signed != begun.envelope.signed:
        raise RootChainError(
            f"root {new.root.version} of {check.gun} is another than the trusted one of this version",
            next_step=f"find out which is right; what was seen is in tuf/{check.gun} of the content trust folder",
        )
    before = begun
    for version in range(begun.root.version + 1, new.root.version + 1):
        after = new if version == new.root.version else _between(files, version)
        _require_follows(before, after, check)
        before = after


def _between(files: Mapping[str, bytes], version: int) -> File:
    content = files.get(f"{version}.{ROOT}")
    if content is None:
        raise RootChainError(
            f"root {version} is missing, which must prove the ones after it",
            next_step="ask whoever runs the trust server for it",
        )
    return read(f"{version}.{ROOT}", content)


def _require_follows(before: File, after: File, check: RootCheck) -> None:
    if after.root.version != before.root.version + 1:
        raise RootChainError(f"{after.role} is root {after.root.version}, not {before.root.version + 1}")
    for by in (before, after):
        try:
            require_role_signed(after.envelope, by.root.roles[ROOT], by.root.keys, check.crypto)
        except UntrustedSignerError as error:
            raise RootChainError(
                f"root {after.root.version} is not signed by the keys of root {by.root.version}"
            ) from error


def _certified(new: File, check: RootCheck) -> Role:
    """Return the root role with those of its keys whose certificate is for this repository and in its time."""
    role, keys = new.root.roles[ROOT], new.root.keys
    problems = {key_id: _problem(keys.get(key_id), check) for key_id in role.key_ids}
    if all(problems.values()):
        raise RootChainError(f"root {new.root.version}: {next(iter(problems.values()), 'it has no keys')}")
    return role._replace(key_ids=tuple(key_id for key_id, problem in problems.items() if not problem))


def _problem(key: Key | None, check: RootCheck) -> str:
    if key is None or not key.key_type.endswith(_X509):
        return "a key of its has no certificate"
    try:
        found = parse_certificate(pem.decode(key.public, ("CERTIFICATE",))[1])
    except MalformedError as error:
        return error.message
    if check.gun not in _common_names(found):
        return f"its certificate is for {found.subject}, not for {check.gun}"
    if not found.not_before <= check.now <= found.not_after:
        span = f"{found.not_before:%Y-%m-%d %H:%M:%S}Z to {found.not_after:%Y-%m-%d %H:%M:%S}Z"
        return f"its certificate is good from {span}"
    return ""


def _common_names(found: Certificate) -> tuple[str, ...]:
    return tuple(each.value for each in found.subject.attributes if each.oid == _COMMON_NAME)
