"""Signing, start to end: resolve once, make the evidence, push it, put it on record."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from trustkit import app
from trustkit.audit.events import image_signed
from trustkit.cli.client.layouts import whole
from trustkit.cli.on_record import pushed
from trustkit.cli.words import ask_passphrase, ask_pin
from trustkit.config import Config
from trustkit.errors import KeyFileError
from trustkit.model.digest import Digest
from trustkit.model.image import Descriptor
from trustkit.model.reference import REGISTRY, ImageRef
from trustkit.oci.push import push
from trustkit.oci.source import Repository
from trustkit.signing.format import Attachment
from trustkit.signing.key_life import require_in_force
from trustkit.signing.key_providers.env import EnvironmentKeys
from trustkit.signing.key_providers.file import FileKeys
from trustkit.signing.key_providers.remote import is_remote, open_remote
from trustkit.signing.keyring import Keyring
from trustkit.signing.keys import SigningKey
from trustkit.signing.sign import Subjected, attest_all, sign
from trustkit.signing.trust.roots import TrustedKey, TrustRoots


class Signed(NamedTuple):
    """What was signed (pinned), with which key (fingerprint), and the manifest that holds the evidence.

    `signed_in` is what the token or the service that did the maths says of itself; None for keys in files.
    """

    image: str
    digest: Digest
    key: str
    evidence: Digest
    record: int
    signed_in: dict[str, str] | None = None


class _Place(NamedTuple):
    """An image (pinned), as what it is signed, and where its evidence goes."""

    pinned: str
    image: Subjected
    subject: Descriptor
    repository: Repository


class Signer:
    """One private key, opened once, and the places it signs in."""

    def __init__(self, config: Config, key: str, actor: str) -> None:
        """Open the log, then the key. Raises KeyFileError, AlgorithmNotApprovedError, AuditError, StorageError."""
        self.log = app.open_log(config)
        self._sources = app.Sources(config)
        self._key = open_private(config, key)
        self._actor = actor

    @property
    def own(self) -> TrustRoots:
        """What has to be trusted for this key's signatures to verify."""
        return TrustRoots((TrustedKey("own", self._key.public),))

    @property
    def fingerprint(self) -> str:
        """The key's."""
        return self._key.public.fingerprint

    def sign(self, given: str, layout: str, annotations: Mapping[str, str]) -> Signed:
        """Sign the image a reference names now. Raises SourceError, CryptoError, AuditError."""
        return self._attach(given, lambda image, _: sign(image, self._key, layout, annotations))

    def attest(self, given: str, layout: str, predicate: tuple[str, bytes]) -> Signed:
        """Sign a statement about the image. Raises as `sign`, MalformedError, UsageError."""
        return self.attest_all((given,), (), layout, predicate)[0]

    def attest_all(
        self, given: Sequence[str], others: tuple[SigningKey, ...], layout: str, predicate: tuple[str, bytes]
    ) -> list[Signed]:
        """Sign one statement about all these images with this key and others, and attach it to each. As `attest`."""
        places = [self._found(one) for one in dict.fromkeys(given)]
        keys = (self._key, *others)
        made = attest_all(tuple(place.image for place in places), keys, predicate, app.now(), layout)
        # one attachment of all keys, or one by each
        pairs = [(key, made[at % len(made)]) for at, key in enumerate(keys)]
        return [self._pushed(place, key, attachment) for place in places for key, attachment in pairs]

    def _attach(self, given: str, make: Callable[[Subjected, Descriptor], Attachment]) -> Signed:
        place = self._found(given)
        return self._pushed(place, self._key, make(place.image, place.subject))

    def _found(self, given: str) -> "_Place":
        """Return what a reference names now, and where its evidence goes. Raises SourceError."""
        ref = ImageRef.parse(whole(given))
        repository = self._sources.repository(ref)
        root = repository.manifest(ref.at).descriptor
        # What is signed says nothing of where the caller keeps his files, unless he said so.
        name = ref.name if ref.transport == REGISTRY else ImageRef.parse(given).path
        subject = Descriptor(root.media_type, root.digest, root.size_bytes)
        return _Place(str(ref.with_digest(root.digest)), Subjected(root.digest, name), subject, repository)

    def _pushed(self, place: "_Place", key: SigningKey, attachment: Attachment) -> Signed:
        place_of_key, fingerprint = signed_in(key), key.public.fingerprint
        event = image_signed(
            app.now(),
            reference=place.pinned,
            image=place.image.digest,
            fingerprint=fingerprint,
            actor=self._actor,
            signed_in=place_of_key,
        )
        evidence, record = pushed(
            self.log, event, lambda sending: push(attachment, place.subject, place.repository, sending)
        )
        return Signed(place.pinned, place.image.digest, fingerprint, evidence, record.sequence, place_of_key)


def signed_in(key: SigningKey) -> dict[str, str] | None:
    """Return what the place of a key says of itself, if that is a token or a service."""
    place = getattr(key, "place", None)
    return dict(place._asdict()) if place is not None else None


def open_private(config: Config, key: str) -> SigningKey:
    """Return the private key that a name of the ring, a file, env://NAME, or the URI of a token stands for.

    Raises KeyFileError, KeyUnavailableError, MalformedError, UsageError, AlgorithmNotApprovedError.
    """
    crypto = app.open_crypto(config)

    def ask(what: str) -> bytes:
        return ask_passphrase(f"Passphrase of {what}")

    if key.startswith("env:"):
        return EnvironmentKeys(crypto, os.environ).open(key, ask)
    if is_remote(key):
        return open_remote(key, crypto, ask_pin, config.path("keys.pkcs11_module"))
    if "/" in key or Path(key).exists():
        return FileKeys(crypto).open(key, ask)
    ring = Keyring(config.keys, crypto)
    stored = ring.show(key)
    require_in_force(stored.record, key, app.now())
    if stored.has_private or not stored.record.uri:
        return ring.open(key, ask)
    opened = open_remote(stored.record.uri, crypto, ask_pin, config.path("keys.pkcs11_module"))
    if opened.public.fingerprint != stored.public.fingerprint:
        raise KeyFileError(
            f"{stored.record.uri} is not the key that was imported as {key}", next_step="import it under a new name"
        )
    return opened
