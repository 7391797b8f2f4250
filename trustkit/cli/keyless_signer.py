"""Signing for whom an identity token names: resolve once, sign, push, put on record."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from trustkit import app
from trustkit.audit.events import image_signed
from trustkit.cli.client.layouts import whole
from trustkit.cli.identities import bounded_content, root_content
from trustkit.cli.on_record import pushed
from trustkit.cli.signer import Signed
from trustkit.config import Config
from trustkit.errors import UsageError
from trustkit.model.digest import Digest
from trustkit.model.image import Descriptor
from trustkit.model.reference import REGISTRY, ImageRef
from trustkit.oci.push import push

if TYPE_CHECKING:
    from trustkit.signing.keyless_sign import Keyless, KeylessSignature
    from trustkit.signing.sign import Subjected

_TOKEN_CHARS = 64 * 1024
# RFC 7519: header, claims and signature in base64; what is shorter than any signed token names a file.
_DOTS = 2
_SHORTEST = 100


class KeylessSigner:
    """One identity token, and the services that turn it into signatures."""

    def __init__(self, config: Config, arguments: argparse.Namespace, actor: str) -> None:
        """Read token and root. Raises UsageError, MalformedError, AuditError, StorageError."""
        self._how = keyless_by(config, arguments)
        self._log = app.open_log(config)
        self._sources = app.Sources(config)
        self._actor = actor

    def sign(self, given: str, layout: str, annotations: Mapping[str, str]) -> Signed:
        """Sign the image a reference names now.

        Raises UsageError, SourceError, CryptoError, VerificationError, AuditError, StorageError.
        """
        from trustkit.signing.keyless_sign import sign_keyless

        return self._attach(given, lambda image, how: sign_keyless(image, how, dict(annotations), layout))

    def attest(self, given: str, layout: str, predicate: tuple[str, bytes]) -> Signed:
        """Sign a statement about the image. Raises as `sign`, MalformedError."""
        from trustkit.signing.keyless_sign import attest_keyless

        return self._attach(given, lambda image, how: attest_keyless(image, how, predicate, layout))

    def _attach(self, given: str, make: "Callable[[Subjected, Keyless], KeylessSignature]") -> Signed:
        from trustkit.signing.sign import Subjected

        ref = ImageRef.parse(whole(given))
        place = self._sources.repository(ref)
        root = place.manifest(ref.at).descriptor
        name = ref.name if ref.transport == REGISTRY else ImageRef.parse(given).path
        made = make(Subjected(root.digest, name), self._how(root.digest))
        subject = Descriptor(root.media_type, root.digest, root.size_bytes)
        signer = made.proven.identified.signer
        pinned = str(ref.with_digest(root.digest))
        event = image_signed(
            app.now(), reference=pinned, image=root.digest, fingerprint=signer.fingerprint, actor=self._actor
        )
        evidence, record = pushed(self._log, event, lambda sending: push(made.attachment, subject, place, sending))
        return Signed(pinned, root.digest, f"{signer.subject} ({signer.issuer})", evidence, record.sequence)


def keyless_by(config: Config, arguments: argparse.Namespace) -> "Callable[[Digest], Keyless]":
    """Return how to sign about an image as the options say. Raises UsageError, MalformedError."""
    from trustkit.signing.format import Check
    from trustkit.signing.keyless_sign import PUBLIC_FULCIO, PUBLIC_REKOR, Keyless, Services
    from trustkit.signing.trust.load import sigstore_root
    from trustkit.signing.trust.roots import TrustRoots

    token = token_of(arguments.identity_token)
    root = root_content(arguments.trusted_root, config)
    services = Services(
        arguments.fulcio_url or PUBLIC_FULCIO,
        arguments.rekor_url or PUBLIC_REKOR,
        arguments.timestamp_url,
        arguments.rekor_version,
        arguments.oidc_client_id,
    )
    crypto, trust = app.open_crypto(config), TrustRoots((), (sigstore_root(root, "sigstore"),))
    return lambda image: Keyless(token, services, root, Check(image, trust, crypto, app.now()))


def token_of(given: str) -> str:
    """Return the token, or the one in the file that is named. Raises UsageError."""
    if given.count(".") != _DOTS or len(given) <= _SHORTEST:
        given = bounded_content(Path(given), _TOKEN_CHARS).decode("ascii", "replace").strip()
    if given.count(".") != _DOTS or not given.isascii() or len(given) > _TOKEN_CHARS:
        raise UsageError("--identity-token is neither a token nor a file with one", next_step="give a JWT (RFC 7519)")
    return given
