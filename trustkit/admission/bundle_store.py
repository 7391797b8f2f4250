"""The policy bundle in force, as it was last verified, and how a newer one takes its place.

    FOLDER/state.json          replaced as the last step: which bundle, its revision, when it was confirmed
    FOLDER/NUMBER/             one bundle: `manifest`, `evidence.json` (signatures found beside it), `blobs/HEX` (files)

Whatever is read here is verified again, under the signers that are pinned now: the folder is a memory, not a proof.
Only the highest revisions seen are taken on its word. A bundle that does not verify, or does not load, or is older,
leaves the one before in force; so does a registry that does not answer.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from fcntl import LOCK_EX, flock
from pathlib import Path

from trustkit import limits
from trustkit.admission.bundle_state import BundleState, evidence_bytes, parse_evidence, parse_state, state_bytes
from trustkit.admission.cache import Cache
from trustkit.admission.policies import Document, policy_from
from trustkit.admission.policy_bundle import (
    Pins,
    Signed,
    documents_of,
    require_signed,
    revision_of,
    revisions_of,
    went_down,
)
from trustkit.codec import policy_bundle
from trustkit.durable import make_folder, storage_error, write_file
from trustkit.errors import (
    ConfigError,
    DigestMismatchError,
    LimitExceededError,
    MalformedError,
    RollbackError,
    StorageError,
    TrustExpiredError,
    TrustkitError,
    UntrustedSignerError,
)
from trustkit.fips.hashing import digest_of
from trustkit.model.digest import Digest
from trustkit.model.evidence import Gathered, Place
from trustkit.model.reference import REGISTRY, ImageRef
from trustkit.model.values import NamedTuple
from trustkit.oci.gather import gather
from trustkit.oci.source import Fetched, ImageSource

_STATE, _EVIDENCE = "state.json", "evidence.json"
_PROBLEM_CHARS = 400
_KEPT = 2
_MINUTE = timedelta(minutes=1)
_MEMORY: Cache[tuple[Document, ...]] = Cache(2)


class Refreshed(NamedTuple):
    """What a refresh found: the bundle in force, who signed it, and whether it is another one than before."""

    state: BundleState
    signed: str
    changed: bool


class BundleStore:
    """What is kept of one reference."""

    def __init__(
        self, folder: Path, reference: str, pins: Pins, open_source: Callable[[ImageRef], ImageSource], hours: float
    ) -> None:
        """Keep it in a folder of its own below `folder`; it counts for `hours` after it was confirmed."""
        self.reference = reference
        self._folder = folder / digest_of(reference.encode()).hex[:16]
        self._pins, self._open_source, self._life = pins, open_source, timedelta(hours=hours)

    def state(self) -> BundleState | None:
        """Return what is in force, None before the first bundle. Raises MalformedError, StorageError."""
        file = self._folder / _STATE
        try:
            with file.open("rb") as stream:
                return parse_state(stream.read(limits.POLICY_BYTES + 1))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(file, error) from error
        except MalformedError as error:
            # to begin anew by oneself would be to take an older bundle again
            step = f"find out who changed it, and remove {self._folder} to begin anew"
            raise MalformedError(f"{file}: {error.message}", next_step=step) from error

    def documents(self, now: datetime) -> tuple[Document, ...]:
        """Return the documents in force; the first time they are fetched.

        Raises TrustExpiredError if they were confirmed too long ago, UntrustedSignerError if nobody who is pinned now
        signed them, DigestMismatchError, MalformedError, StorageError; and as `refresh`.
        """
        state = self.state() or self.refresh(now).state
        if now >= state.checked + self._life:
            raise TrustExpiredError(
                f"the policy of {self.reference} was last confirmed at {state.checked.isoformat()}, "
                f"and counts for {self._life}",
                next_step="trustkit policy pull says what keeps it from being confirmed",
            )
        folder = self._folder / str(state.number)
        # a minute's memory: keys have their time, and this is asked for every decision
        key = (folder, state.digest, self._pins.policy.digest, self._pins.trust)
        found = _MEMORY.get(key, now)
        if found is None:
            found = _verified(folder, state.digest, self.reference, self._pins, now)
            _MEMORY.put(key, found, (now, now + _MINUTE))
        return found

    def refresh(self, now: datetime) -> Refreshed:
        """Ask the registry, and put what it has in force if it is newer and holds.

        What keeps it from that is kept beside the bundle in force, and raised: SourceError, UntrustedSignerError,
        RollbackError, PolicySyntaxError, MalformedError, ...
        """
        with self._alone():
            before = self.state()
            try:
                found = self._refreshed(before, now)
            except TrustkitError as error:
                if before is not None:
                    problem = error.message[:_PROBLEM_CHARS]
                    self._write(before._replace(tried=now, problem=problem))
                raise
            self._write(found.state)
            self._prune(found.state)
            return found

    def _refreshed(self, before: BundleState | None, now: datetime) -> Refreshed:
        ref = ImageRef.parse(self.reference.removeprefix("oci://"))
        if ref.transport != REGISTRY:
            raise ConfigError(f"trust.policy {self.reference} names no registry")
        source = self._open_source(ref)
        fetched = source.manifest(ref.at)
        digest = fetched.descriptor.digest
        if ref.digest not in (None, digest):
            raise DigestMismatchError(f"{ref}: the registry answers with {digest}")
        evidence = gather(digest, _places(self._pins), source)
        signed = require_signed(digest, evidence, self._pins, now)
        kept = _kept(digest, evidence, signed, self._pins, now)
        if before is not None and before.digest == digest:
            # signed by others meanwhile, perhaps, who may be pinned tomorrow
            write_file(self._folder / str(before.number) / _EVIDENCE, kept)
            return Refreshed(before._replace(checked=now, tried=now, problem=""), signed.by, changed=False)
        files = _fetch(fetched, source, str(ref))
        policy = policy_from(documents_of(files, self.reference))
        revision = revision_of(policy)
        _require_newer(before, revision, digest)
        revisions = _not_lower(self._remembered(before), revisions_of(policy))
        number = before.number + 1 if before else 1
        self._keep(number, fetched, kept, files)
        # what cannot be read back would stop every decision once the state names it
        _verified(self._folder / str(number), digest, self.reference, self._pins, now)
        state = BundleState(self.reference, digest, revision, number, now, now, now, revisions=revisions)
        return Refreshed(state, signed.by, changed=True)

    def _remembered(self, before: BundleState | None) -> Mapping[str, int]:
        """Return the highest revision of every document. Raises DigestMismatchError, StorageError, MalformedError."""
        if before is None:
            return {}
        if before.revisions:
            return dict(before.revisions)
        # a state of before they were remembered: what is kept of the bundle says them, whoever is pinned now
        folder = self._folder / str(before.number)
        documents = _unpacked(folder, _manifest(folder, before.digest), self.reference)
        return revisions_of(policy_from(documents, resolve=False))

    def _keep(self, number: int, fetched: Fetched, evidence: bytes, files: dict[str, bytes]) -> None:
        """Write a bundle where nobody looks yet; what a crash left there is removed."""
        folder = self._folder / str(number)
        shutil.rmtree(folder, ignore_errors=True)
        make_folder(folder / "blobs")
        write_file(folder / "manifest", fetched.content)
        write_file(folder / _EVIDENCE, evidence)
        for content in files.values():
            write_file(folder / "blobs" / digest_of(content).hex, content)

    def _write(self, state: BundleState) -> None:
        write_file(self._folder / _STATE, state_bytes(state))

    def _prune(self, state: BundleState) -> None:
        """Remove bundles that nobody can be reading any more."""
        with suppress(OSError):
            for folder in self._folder.iterdir():
                if folder.name.isdecimal() and int(folder.name) not in range(
                    state.number + 1 - _KEPT, state.number + 1
                ):
                    shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        make_folder(self._folder)
        try:
            with (self._folder / ".lock").open("wb") as lock:
                flock(lock, LOCK_EX)
                yield
        except OSError as error:
            raise storage_error(self._folder, error) from error


def _kept(digest: Digest, evidence: Gathered, signed: Signed, pins: Pins, now: datetime) -> bytes:
    """Return what is kept of the evidence, which suffices by itself. Raises LimitExceededError."""
    content = evidence_bytes(evidence, signed.evidence)
    try:
        require_signed(digest, parse_evidence(content), pins, now)
    except (UntrustedSignerError, MalformedError) as error:
        raise LimitExceededError(
            f"policy bundle {digest}: its signatures do not fit in {limits.POLICY_EVIDENCE_BYTES} bytes",
            next_step="find out who attached signatures of that size, remove them, and sign the bundle anew",
        ) from error
    return content


def _verified(folder: Path, digest: Digest, reference: str, pins: Pins, now: datetime) -> tuple[Document, ...]:
    """Return the documents of a kept bundle. Raises as `BundleStore.documents`."""
    manifest = _manifest(folder, digest)
    require_signed(digest, parse_evidence(_read(folder / _EVIDENCE, limits.POLICY_BUNDLE_BYTES)), pins, now)
    return _unpacked(folder, manifest, reference)


def _manifest(folder: Path, digest: Digest) -> bytes:
    manifest = _read(folder / "manifest", limits.MANIFEST_BYTES)
    if digest_of(manifest) != digest:
        raise _changed(folder / "manifest")
    return manifest


def _unpacked(folder: Path, manifest: bytes, reference: str) -> tuple[Document, ...]:
    files = {}
    for path, told in policy_bundle.parse(manifest, reference).items():
        content = _read(folder / "blobs" / told.digest.hex, limits.TRUST_FILE_BYTES)
        if digest_of(content) != told.digest:
            raise _changed(folder / "blobs" / told.digest.hex)
        files[path] = content
    return documents_of(files, reference)


def _fetch(fetched: Fetched, source: ImageSource, what: str) -> dict[str, bytes]:
    """Return a bundle's files. Raises SourceError, DigestMismatchError, MalformedError, LimitExceededError."""
    found = policy_bundle.parse(fetched.content, what)
    return {path: source.blob(told, limits.TRUST_FILE_BYTES) for path, told in found.items()}


def _require_newer(before: BundleState | None, revision: int, digest: Digest) -> None:
    if before is None or revision > before.revision:
        return
    if revision < before.revision:
        message = f"the registry offers revision {revision} of the policy, and {before.revision} was in force"
    else:
        message = f"the registry offers other bytes as revision {revision} of the policy: {digest}"
    raise RollbackError(message, next_step="whoever publishes it must raise metadata.revision")


def _not_lower(before: Mapping[str, int], now: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Return what is to be remembered then. Raises RollbackError, LimitExceededError."""
    if lower := went_down(before, now):
        name, was, told = lower
        message = f"the registry offers revision {told} of the document {name}, and {was} was in force"
        raise RollbackError(message, next_step="whoever publishes it must raise that document's metadata.revision")
    whole = {**before, **now}
    if len(whole) > limits.POLICY_BUNDLE_NAMES:
        raise LimitExceededError(
            f"the policy has had {len(whole)} documents; {limits.POLICY_BUNDLE_NAMES} can be remembered",
            next_step="keep the names of documents, or publish them under another reference",
        )
    return tuple(sorted(whole.items()))


def _places(pins: Pins) -> tuple[Place, ...]:
    return tuple(dict.fromkeys(place for one in pins.formats for place in one.places))


def _read(file: Path, limit_bytes: int) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(limit_bytes + 1)
    except OSError as error:
        raise storage_error(file, error) from error
    if len(content) > limit_bytes:
        raise StorageError(f"{file}: larger than {limit_bytes} bytes", next_step="trustkit policy pull")
    return content


def _changed(file: Path) -> DigestMismatchError:
    return DigestMismatchError(f"{file} is not what was verified", next_step="find out who changed it")
