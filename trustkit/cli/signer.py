"""Signing, start to end: resolve once, make the evidence, push it, put it on record."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from trustkit import app
from trustkit.audit.events import image_signed
from trustkit.cli.client.layouts import whole
from trustkit.cli.words import ask_passphrase
from trustkit.config import Config
from trustkit.fips.provider import PrivateKey
from trustkit.model.digest import Digest
from trustkit.model.image import Descriptor
from trustkit.model.reference import REGISTRY, ImageRef
from trustkit.oci.push import push
from trustkit.signing.format import Attachment
from trustkit.signing.key_providers.env import EnvironmentKeys
from trustkit.signing.key_providers.file import FileKeys
from trustkit.signing.keyring import Keyring
from trustkit.signing.sign import Subjected, attest, sign


class Signed(NamedTuple):
    """What was signed (pinned), with which key (fingerprint), and the manifest that holds the evidence."""

    image: str
    digest: Digest
    key: str
    evidence: Digest
    record: int


class Signer:
    """One private key, opened once, and the places it signs in."""

    def __init__(self, config: Config, key: str, actor: str) -> None:
        """Open the key. Raises KeyFileError, AlgorithmNotApprovedError, AuditError, StorageError."""
        self._log = app.open_log(config)
        self._sources = app.Sources(config)
        self._key = open_private(config, key)
        self._actor = actor

    def sign(self, given: str, layout: str, annotations: Mapping[str, str]) -> Signed:
        """Sign the image a reference names now. Raises SourceError, CryptoError, AuditError."""
        return self._attach(given, lambda image: sign(image, self._key, layout, annotations))

    def attest(self, given: str, layout: str, predicate: tuple[str, bytes]) -> Signed:
        """Sign a statement about the image. Raises as `sign`, MalformedError, UsageError."""
        moment = app.now()
        return self._attach(given, lambda image: attest(image, self._key, predicate, moment, layout))

    def _attach(self, given: str, make: Callable[[Subjected], Attachment]) -> Signed:
        ref = ImageRef.parse(whole(given))
        place = self._sources.repository(ref)
        root = place.manifest(ref.at).descriptor
        # What is signed says nothing of where the caller keeps his files, unless he said so.
        name = ref.name if ref.transport == REGISTRY else ImageRef.parse(given).path
        attachment = make(Subjected(root.digest, name))
        evidence = push(attachment, Descriptor(root.media_type, root.digest, root.size_bytes), place)
        fingerprint = self._key.public.fingerprint
        pinned = str(ref.with_digest(root.digest))
        event = image_signed(app.now(), reference=pinned, image=root.digest, fingerprint=fingerprint, actor=self._actor)
        record = self._log.append(event)
        return Signed(pinned, root.digest, fingerprint, evidence, record.sequence)


def open_private(config: Config, key: str) -> PrivateKey:
    """Return the private key that a name of the ring, a file, or env://NAME stands for.

    Raises KeyFileError, UsageError, AlgorithmNotApprovedError.
    """
    crypto = app.open_crypto(config)

    def ask(what: str) -> bytes:
        return ask_passphrase(f"Passphrase of {what}")

    if key.startswith("env:"):
        return EnvironmentKeys(crypto, os.environ).open(key, ask)
    if "/" in key or Path(key).exists():
        return FileKeys(crypto).open(key, ask)
    return Keyring(config.keys, crypto).open(key, ask)
