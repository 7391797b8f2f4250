"""GPG simple signing, start to end: resolve once, sign, store beside the registry, put on record."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from trustkit import app
from trustkit.audit.events import image_signed
from trustkit.cli.client.layouts import whole
from trustkit.cli.on_record import pushed
from trustkit.cli.signer import Signed
from trustkit.cli.words import ask_passphrase
from trustkit.codec.oci_manifest import Index, parse
from trustkit.config import Config
from trustkit.errors import KeyFileError, UsageError
from trustkit.fips.hashing import digest_of
from trustkit.model.digest import Digest
from trustkit.model.evidence import REFERRERS, SIMPLE_SIGNING, Place
from trustkit.model.image import Descriptor
from trustkit.model.reference import REGISTRY, ImageRef
from trustkit.oci.push import Sending, push
from trustkit.oci.source import Repository, SimpleSignatures
from trustkit.signing.format import Attachment
from trustkit.signing.formats.simple_signing import payload
from trustkit.signing.key_providers.gpg import GpgKey, OpenPgpFileKey


class _Key(Protocol):
    fingerprint: str

    def sign_message(self, content: bytes) -> bytes:
        """Return a binary OpenPGP message with the content and one signature."""


class GpgSigner:
    """One OpenPGP key, and the places it signs in."""

    def __init__(self, config: Config, arguments: argparse.Namespace, actor: str) -> None:
        """Find the key. Raises UsageError, KeyUnavailableError, KeyFileError, AuditError, StorageError."""
        if not arguments.key:
            raise UsageError("GPG signatures need a key of their own", next_step="give --key gpg:FINGERPRINT")
        app.open_crypto(config)
        self._identity = _named(arguments.sign_identity)
        self._key = open_openpgp(arguments.key)
        self._log = app.open_log(config)
        self._sources = app.Sources(config, simple_signatures=True)
        self._actor = actor

    def sign(self, given: str, _layout: str, annotations: Mapping[str, str]) -> Signed:
        """Sign the image a reference names now, and the images of an index, as containers' tools do.

        Raises UsageError, SourceError, MalformedError, KeyUnavailableError, AuditError, StorageError.
        """
        if annotations:
            raise UsageError("GPG signatures carry no annotations", next_step="leave -a out")
        ref = ImageRef.parse(whole(given))
        name = self._identity or _name_of(ref)
        place = self._sources.repository(ref)
        fetched = place.manifest(ref.at)
        root = fetched.descriptor
        document = parse(fetched.content, root.media_type, str(ref))
        children = document.manifests if isinstance(document, Index) else ()
        pinned = str(ref.with_digest(root.digest))
        fingerprint = self._key.fingerprint.lower()
        event = image_signed(app.now(), reference=pinned, image=root.digest, fingerprint=fingerprint, actor=self._actor)

        def store(sending: Sending) -> Digest:
            return [self._store(each, name, place, sending) for each in (*children, root._replace(annotations={}))][-1]

        evidence, record = pushed(self._log, event, store)
        return Signed(pinned, root.digest, fingerprint, evidence, record.sequence)

    def _store(self, image: Descriptor, name: str, place: Repository, sending: Sending) -> Digest:
        """Sign one manifest and store the signature where this repository keeps them."""
        message = self._key.sign_message(payload(image.digest, name, app.now()))
        if isinstance(place, SimpleSignatures):
            if place.keeps_simple_signatures():
                sending(digest_of(message))
            place.put_simple_signature(image.digest, message)
            return digest_of(message)
        attachment = Attachment(Place(REFERRERS, SIMPLE_SIGNING), SIMPLE_SIGNING, message, {}, SIMPLE_SIGNING)
        return push(attachment, Descriptor(image.media_type, image.digest, image.size_bytes), place, sending)


def open_openpgp(given: str) -> _Key:
    """Return the key that gpg:NAME or a file stands for. Raises UsageError, KeyUnavailableError, KeyFileError."""
    if given.startswith("gpg:"):
        return GpgKey(given)
    path = Path(given.removeprefix("file:"))
    if not path.is_file():
        raise UsageError(
            f"{given[:80]!r} is no OpenPGP key",
            next_step="write gpg:FINGERPRINT, or a file that `gpg --export-secret-keys` wrote",
        )
    try:
        return OpenPgpFileKey(path, b"")
    except KeyFileError as error:
        if "assword" not in error.message and "ncrypted" not in error.message:
            raise
        return OpenPgpFileKey(path, ask_passphrase(f"Passphrase of {path}"))


def _name_of(ref: ImageRef) -> str:
    """Return the name to sign: with the tag, which those who verify by tag compare."""
    if ref.transport != REGISTRY:
        raise UsageError(
            f"{ref.given} has no repository name to sign", next_step="say the name with --sign-identity REFERENCE"
        )
    return f"{ref.name}:{ref.tag}" if ref.tag else str(ref)


def _named(given: str | None) -> str:
    if not given:
        return ""
    ref = ImageRef.parse(given)
    if ref.transport != REGISTRY:
        raise UsageError(
            f"--sign-identity: {given[:120]!r} names no repository", next_step="write registry/repository:tag"
        )
    return _name_of(ref)
