"""Signing in the format of the Notary Project: a key, and the chain of certificates that speaks for it."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from trustkit import app, limits
from trustkit.cli.identities import bounded_content
from trustkit.cli.notation_options import duration
from trustkit.cli.signer import Signed, Signer
from trustkit.config import Config
from trustkit.errors import MalformedError, UsageError
from trustkit.signing.trust.roots import CA, CertificateStore, TrustRoots

if TYPE_CHECKING:
    from trustkit.signing.notation.stamp import Stamping


class NotationSigner(Signer):
    """One private key and its chain."""

    def __init__(self, config: Config, arguments: argparse.Namespace, actor: str) -> None:
        """Read the chain, open the key. Raises UsageError, KeyFileError, AlgorithmNotApprovedError."""
        if not arguments.key or not arguments.certificate_chain:
            raise UsageError(
                "a notation signature needs a key and its certificates",
                next_step="give --key and --certificate-chain, a PEM file: the key's certificate first, the root last",
            )
        self._chain = _chain(Path(arguments.certificate_chain))
        self._stamping = _stamping(arguments)
        self._cose = arguments.signature_format == "cose"
        self._expiry = duration(arguments.expiry) if arguments.expiry else None
        self._crypto = app.open_crypto(config)
        super().__init__(config, arguments.key, actor)

    @property
    def own(self) -> TrustRoots:
        """The key for attestations, and the chain's root for signatures."""
        # nobody is asked here whether the chain was revoked: those who verify the signature do that
        store = CertificateStore(CA, "own", self._chain[-1:], unknown_passes=True)
        return super().own._replace(stores=(store,))

    def sign(self, given: str, layout: str, annotations: Mapping[str, str]) -> Signed:  # noqa: ARG002  (one place only)
        """Sign the image a reference names now. Raises as `Signer.sign`, CertificateError."""
        from trustkit.signing.notation.envelope import COSE, JWS
        from trustkit.signing.notation.sign import Manner, sign

        now = app.now()
        expires_at = now + self._expiry if self._expiry else None
        manner = Manner(COSE if self._cose else JWS, annotations, self._stamping, expires_at)
        return self._attach(
            given, lambda _, root: sign(root, self._key, self._chain, manner, now=now, crypto=self._crypto)
        )


def _stamping(arguments: argparse.Namespace) -> "Stamping | None":
    if bool(arguments.timestamp_url) != bool(arguments.timestamp_root):
        raise UsageError(
            "a timestamp needs the authority's URL and the root under which it is believed",
            next_step="give --timestamp-url and --timestamp-root, a PEM file",
        )
    if not arguments.timestamp_url:
        return None
    from trustkit.signing.notation.stamp import Stamping

    return Stamping(arguments.timestamp_url, _chain(Path(arguments.timestamp_root)))


def _chain(path: Path) -> tuple[bytes, ...]:
    from trustkit.codec import pem

    content = bounded_content(path, limits.CHAIN_CERTIFICATES * limits.CERTIFICATE_BYTES)
    try:
        return tuple(der for _, der in pem.decode_all(content, ("CERTIFICATE",)))
    except MalformedError as error:
        raise UsageError(f"{path}: {error.message}", next_step="give PEM certificates, the root last") from error
