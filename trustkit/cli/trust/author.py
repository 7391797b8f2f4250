"""Authors of content trust: which repository they mean, with which private keys, and what is put on record."""

import argparse
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from trustkit import app
from trustkit.audit.events import content_trust_published
from trustkit.cli.on_record import done, noting
from trustkit.cli.signer import open_private
from trustkit.cli.trust.asking import asked
from trustkit.cli.words import actor, ask_passphrase
from trustkit.config import Config, load
from trustkit.errors import KeyFileError, MalformedError, UsageError
from trustkit.fips.hashing import digest_of
from trustkit.model.audit import AuditEvent
from trustkit.model.keys import PublicKey
from trustkit.model.reference import REGISTRY, ImageRef
from trustkit.signing.content_trust.identifiers import bare, id_of
from trustkit.signing.content_trust.key_folder import FiledKey, KeyFolder
from trustkit.signing.keys import SigningKey

if TYPE_CHECKING:
    from trustkit.admission.content_trust import Begin, Repositories
    from trustkit.oci.trust_metadata import TrustMetadata
    from trustkit.signing.content_trust.draft import Draft
    from trustkit.signing.content_trust.values import VerifiedRepository

_ROOT = "root"
# Of four tries at most, so that they fit an entry of the log.
_SENT_CHARS = 8192


class Keys:
    """The private keys given, and those of the folder; each is opened once, when it is first needed."""

    def __init__(self, config: Config, given: Sequence[str]) -> None:
        """Open the given ones. Raises KeyFileError, KeyUnavailableError."""
        self.folder = KeyFolder(config.content_trust, app.open_crypto(config))
        self._open: dict[str, SigningKey] = {}
        for word in given:
            self.add(open_private(config, word))

    def add(self, key: SigningKey) -> SigningKey:
        """Sign with this key too."""
        self._open[id_of(bare(key.public))] = key
        return key

    def holds(self, key_id: str) -> bool:
        """Whether the key is here; nothing is opened."""
        return key_id in self._open or self.folder.find(key_id) is not None

    def open(self, key_id: str) -> SigningKey:
        """Return the key. Raises KeyFileError, KeyUnavailableError."""
        filed = None if key_id in self._open else self.folder.find(key_id)
        return self.open_filed(filed) if filed else self._open[key_id]

    def open_filed(self, filed: FiledKey) -> SigningKey:
        """Return the key of a file. Raises KeyFileError."""
        found = self._open.get(filed.key_id)
        return found or self.add(self.folder.open(filed, lambda what: _passphrase(filed.role, f"Passphrase of {what}")))

    def make(self, role: str, gun: str) -> SigningKey:
        """Make a key, and keep it in the folder. Raises KeyFileError, StorageError."""
        passphrase = _passphrase(role, f"Passphrase for the new {role} key of {gun}", confirm=True)
        return self.add(self.folder.make(role, gun, passphrase))


class Author:
    """One repository, and what its author may do."""

    def __init__(self, config: Config, given: str, arguments: argparse.Namespace) -> None:
        """Open the log, then the keys: nothing is published that cannot be put on record.

        Raises UsageError, AuditError, StorageError, KeyFileError, KeyUnavailableError.
        """
        self.config, self.gun = config, repository_of(given)
        self.log = app.open_log(config)
        self.keys = Keys(config, getattr(arguments, "key", None) or ())
        self.crypto = app.open_crypto(config)
        self.asked = asked(arguments, config, self.gun)
        self.repositories: Repositories = app.open_repositories(config)

    def change(
        self,
        what: str,
        edit: "Callable[[Draft, TrustMetadata], None]",
        also: "Callable[[VerifiedRepository], Iterable[AuditEvent]]" = lambda _: (),
    ) -> "VerifiedRepository":
        """Return the repository after an edit is signed, published and put on record, with what `also` says of it.

        The edit may ask the server; it is done again on a newer state if somebody publishes in between.

        Raises TrustkitError.
        """
        from trustkit.signing.content_trust.draft import Draft
        from trustkit.signing.content_trust.publication import signed

        def files(before: "VerifiedRepository", server: "TrustMetadata") -> Mapping[str, bytes]:
            unusable = {one.name: one.version for one in before.unusable}
            draft = Draft(self.gun, before.files, app.now(), unusable, self.repositories.seen(self.gun))
            edit(draft, server)
            if not draft.changed:
                return {}
            made = signed(draft, self.keys, self.crypto)
            sent.append(_named(made))
            return made

        with self._noting(what) as sent:
            found = self.repositories.changed(self.asked, files)
        self.record(what, found, also(found))
        return found

    def begin(self, files: "Begin") -> "VerifiedRepository":
        """Return the repository after its first state is published and put on record. Raises TrustkitError."""

        def first(server: "TrustMetadata") -> Mapping[str, bytes]:
            made = files(server)
            sent.append(_named(made))
            return made

        with self._noting("init") as sent:
            found = self.repositories.begun(self.asked, first)
        self.record("init", found)
        return found

    def delete(self) -> None:
        """Have the server forget the repository, and put it on record. Raises TrustkitError."""
        with self._noting("delete") as sent:
            self.repositories.deleted(self.asked, lambda: sent.append("delete"))
        self.record("delete", None)

    def record(self, what: str, found: "VerifiedRepository | None", also: Iterable[AuditEvent] = ()) -> None:
        """Put on record what was published, nothing being left without `found`, together with other events.

        Raises AuditError, that says so.
        """
        signers = {role.name: [one.fingerprint for one in role.signers] for role in found.roles} if found else {}
        if found:
            signers[_ROOT] = [one.fingerprint for one in found.root_keys]
        versions = found.versions if found else {}
        event = self._event(what, versions, signers)
        done(self.log, f"{self.gun}: {what} is published", (event, *also), self._step)

    def _noting(self, what: str) -> AbstractContextManager[list[str]]:
        """As `noting`: an error after the server was sent something is put on record, with what that was."""
        return noting(self.log, f"{self.gun}: {what}", self._event(what, {}, {}), self._step, unsent=False)

    def _event(self, what: str, versions: Mapping[str, int], signers: Mapping[str, object]) -> AuditEvent:
        return content_trust_published(
            app.now(), gun=self.gun, what=what, versions=versions, signers=signers, actor=actor()
        )

    @property
    def _step(self) -> str:
        return f"see trustkit trust inspect {self.gun}"


def open_author(given: str, arguments: argparse.Namespace) -> Author:
    """Return the author of the repository that a reference names. Raises as `Author`."""
    return Author(load(os.environ), given, arguments)


def repository_of(given: str) -> str:
    """Return the repository that a reference names. Raises UsageError."""
    ref = ImageRef.parse(given)
    if ref.transport != REGISTRY:
        raise UsageError(f"{given[:120]!r} is no repository of a registry", next_step="write HOST/REPOSITORY")
    return ref.name


def public_key(config: Config, given: str) -> PublicKey:
    """Return the public key that a file or a name of the ring stands for. Raises KeyFileError."""
    from trustkit.codec import pem
    from trustkit.fips.parse import public_key_from_pem

    ((_, content),) = app.public_keys(config, [given]).items()
    try:
        # docker writes the signer's name into its public keys
        return public_key_from_pem(pem.split_headers(content)[1])
    except MalformedError as error:
        raise KeyFileError(f"{given}: {error.message}", next_step="give a public key in PEM") from error


def _named(files: Mapping[str, bytes]) -> str:
    """Return the files of one publication in words: which version of each role, and its digest."""
    from trustkit.signing.content_trust.files import read

    listed = (f"{role} {read(role, content).body.version} {digest_of(content)}" for role, content in files.items())
    return ", ".join(listed)[:_SENT_CHARS]


def _passphrase(role: str, prompt: str, *, confirm: bool = False) -> bytes:
    """As docker and notary are given it in the environment, else as for every key."""
    docker = "ROOT" if role == _ROOT else "REPOSITORY"
    notary = role.upper() if role in ("root", "targets", "snapshot") else "DELEGATION"
    for variable in (f"DOCKER_CONTENT_TRUST_{docker}_PASSPHRASE", f"NOTARY_{notary}_PASSPHRASE"):
        if os.environ.get(variable):
            return os.environ[variable].encode()
    return ask_passphrase(prompt, confirm=confirm)
