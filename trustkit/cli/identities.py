"""The options that say whose certificate is trusted, under cosign's names, and what they stand for."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from trustkit import limits
from trustkit.config import Config
from trustkit.errors import IdentityError, MalformedError, UsageError
from trustkit.model.signature import SignerIdentity
from trustkit.policy.regex import Regex
from trustkit.policy.trusted import DEFAULT_ROOT, SIGSTORE, PolicyIdentity, PolicyRoot

# The options that name whom to trust, and so what decides: each stands for a policy of its own.
TRUSTED = (
    "key", "annotations", "gpg_key", "certificate_identity", "certificate_identity_regexp",
    "certificate_oidc_issuer", "certificate_oidc_issuer_regexp", "signed_identity", "trusted_root",
)  # fmt: skip


def require_only(arguments: argparse.Namespace, names: Sequence[str]) -> None:
    """Return if no two of these options are given: the second would be ignored in silence. Raises UsageError."""
    given = [f"--{name.replace('_', '-')}" for name in names if getattr(arguments, name, None)]
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]} exclude each other", next_step="verify twice, if both must hold")


def require_root_is_used(arguments: argparse.Namespace, identities: tuple[PolicyIdentity, ...]) -> None:
    """Return if a given root vouches for somebody. Raises UsageError."""
    if arguments.trusted_root and not identities:
        raise UsageError(
            "--trusted-root is about certificates, and no identity is trusted",
            next_step="give --certificate-identity and --certificate-oidc-issuer too",
        )


def require_identity(wanted: PolicyIdentity, signer: SignerIdentity) -> None:
    """Return if that is who signed. Raises IdentityError."""
    for what, found, text, regex in (
        ("identity", signer.subject, wanted.subject, wanted.subject_regex),
        ("issuer", signer.issuer, wanted.issuer, wanted.issuer_regex),
    ):
        fits = regex.matches(found) if regex is not None else bool(text) and found == text
        if not fits:
            raise IdentityError(
                f"the certificate's {what} is {found[:200]!r}, not {regex.text if regex is not None else text!r}",
                next_step="somebody else signed; check whom you mean to trust",
            )


def add_identity_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare cosign's options for certificates."""
    add = parser.add_argument
    add("--certificate-identity", metavar="NAME", help="trust a certificate with exactly this e-mail, URI or name")
    add("--certificate-identity-regexp", metavar="RE2", help="or one whose whole name fits")
    add("--certificate-oidc-issuer", metavar="URL", help="as issued for a login with exactly this provider")
    add("--certificate-oidc-issuer-regexp", metavar="RE2", help="or one whose whole URL fits")
    add("--trusted-root", metavar="FILE",
        help="trusted_root.json, or PEM certificates; else the configured one, else sigstore's public one")  # fmt: skip


def trusted_by(
    arguments: argparse.Namespace, config: Config
) -> tuple[tuple[PolicyIdentity, ...], tuple[PolicyRoot, ...]]:
    """Return whom the options trust and under which root, nothing if they name nobody. Raises UsageError."""
    subject, subject_regex = _exact_or_regex(arguments, "certificate_identity")
    issuer, issuer_regex = _exact_or_regex(arguments, "certificate_oidc_issuer")
    has_subject, has_issuer = bool(subject or subject_regex), bool(issuer or issuer_regex)
    if not has_subject and not has_issuer:
        return (), ()
    if not (has_subject and has_issuer):
        raise UsageError(
            "an identity is a name and who vouches for it: one of the two is missing",
            next_step="give --certificate-identity and --certificate-oidc-issuer",
        )
    name = subject or f"/{subject_regex.text if subject_regex else ''}/"
    identity = PolicyIdentity(name, DEFAULT_ROOT, subject, subject_regex, issuer, issuer_regex)
    return (identity,), (PolicyRoot(SIGSTORE, DEFAULT_ROOT, root_content(arguments.trusted_root, config)),)


def root_content(given: str | None, config: Config) -> bytes:
    """Return the root's file: given, configured, refreshed, or shipped with trustkit. Raises UsageError."""
    from trustkit.trusted_files import sigstore_root

    return bounded_content(Path(given), limits.TRUSTED_ROOT_BYTES) if given else sigstore_root(config)


def bounded_content(path: Path, limit_bytes: int) -> bytes:
    """Return a file's content. Raises UsageError."""
    try:
        with path.open("rb") as stream:
            content = stream.read(limit_bytes + 1)
    except OSError as error:
        raise UsageError(f"{path}: {(error.strerror or str(error)).lower()}", next_step="check the path") from error
    if len(content) > limit_bytes:
        raise UsageError(f"{path}: more than {limit_bytes} bytes")
    return content


def _exact_or_regex(arguments: argparse.Namespace, name: str) -> tuple[str, Regex | None]:
    exact, regex = getattr(arguments, name) or "", getattr(arguments, f"{name}_regexp") or ""
    option = "--" + name.replace("_", "-")
    if exact and regex:
        raise UsageError(f"{option} and {option}-regexp exclude each other")
    if not regex:
        return exact, None
    try:
        return "", Regex.compile(regex)
    except MalformedError as error:
        raise UsageError(f"{option}-regexp: {error.message}", next_step="write an expression of RE2") from error
