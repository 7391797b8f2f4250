"""The root files a policy names become trust roots; loaded only for policies that name some."""

from collections.abc import Iterable

from trustkit.codec import pem
from trustkit.errors import LimitExceededError, MalformedError, PolicySyntaxError, TrustkitError
from trustkit.policy.trusted import CA, CRL, OPENPGP, SIGNING_AUTHORITY, SIGSTORE, TSA, TUF, PolicyRoot
from trustkit.signing.trust.roots import CertificateStore, OpenPgpKey, SigstoreRoot, TrustedRepository, TrustRoots

_STORES = (CA, SIGNING_AUTHORITY, TSA)
_CERTIFICATE = "CERTIFICATE"


def opened(trust: TrustRoots, roots: Iterable[PolicyRoot]) -> TrustRoots:
    """Return the trust roots with these files read into them. Raises PolicySyntaxError, MalformedError, CryptoError."""
    listed = _strictest(roots)
    return trust._replace(
        sigstore=tuple(_sigstore(root) for root in listed if root.kind == SIGSTORE),
        stores=tuple(_store(root) for root in listed if root.kind in _STORES),
        revocation_lists=tuple(_list(root) for root in listed if root.kind == CRL),
        repositories=tuple(
            TrustedRepository(root.name, root.server, root.content, root.first_use)
            for root in listed
            if root.kind == TUF
        ),
        openpgp=tuple(_keyring(root) for root in listed if root.kind == OPENPGP),
    )


def _strictest(roots: Iterable[PolicyRoot]) -> tuple[PolicyRoot, ...]:
    """Return each root once; it goes without a transparency log only if every document that names it says so."""
    found: dict[tuple[str, str], PolicyRoot] = {}
    for root in roots:
        before = found.setdefault((root.kind, root.name), root)
        if root.kind == TUF and root.content != before.content:
            raise PolicySyntaxError(
                f"spec.trust.contentTrust pins two roots of {root.name}", next_step="pin the same root everywhere"
            )
        found[root.kind, root.name] = before._replace(
            logged=before.logged or root.logged,
            unknown_passes=before.unknown_passes and root.unknown_passes,
            first_use=before.first_use and root.first_use,
        )
    return tuple(found.values())


def _store(root: PolicyRoot) -> CertificateStore:
    try:
        blocks = pem.decode_all(root.content, (_CERTIFICATE,))
    except MalformedError as error:
        raise _unusable(root, error, "give PEM certificates, one `CERTIFICATE` block each") from error
    return CertificateStore(root.kind, root.name, tuple(der for _, der in blocks), root.unknown_passes)


def _list(root: PolicyRoot) -> bytes:
    from trustkit.signing.notation.fetch import usable_list

    try:
        return usable_list(root.content)
    except (MalformedError, LimitExceededError) as error:
        raise _unusable(root, error, "give one revocation list, PEM or DER") from error


def _keyring(root: PolicyRoot) -> OpenPgpKey:
    from trustkit.codec.openpgp_key import binary, parse_keyring

    try:
        keyring = binary(root.content, root.name)
        found = parse_keyring(keyring, root.name)
    except MalformedError as error:
        raise _unusable(root, error, "give what `gpg --export` writes") from error
    if not found:
        raise _unusable(root, MalformedError("it holds no public key"), "give what `gpg --export` writes")
    return OpenPgpKey(root.name, keyring)


def _sigstore(root: PolicyRoot) -> SigstoreRoot:
    from trustkit.signing.trust.files import root_from_file

    try:
        found = root_from_file(root.content, root.name)
    except MalformedError as error:
        raise _unusable(root, error, "give a trusted_root.json, or PEM certificates") from error
    return found._replace(log_required=found.log_required and root.logged)


def _unusable(root: PolicyRoot, error: TrustkitError, step: str) -> PolicySyntaxError:
    return PolicySyntaxError(
        f"spec.trust.roots: {root.name} is no usable {root.kind} root: {error.message}", next_step=step
    )
