"""Break-glass grants on this machine: a folder of files that become verified statements, and what their use sets off.

    FOLDER/sha256-<image's hex>.<grant's id>.jsonl      sigstore bundles, one a line (`signing.grant_file`)

A file that is no grant is noted and left out: it must not keep a good one from counting.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from trustkit import limits
from trustkit.audit.events import grant_used
from trustkit.codec.grant import PREDICATE_TYPE
from trustkit.codec.sigstore_bundle import MEDIA_TYPE
from trustkit.durable import make_folder, storage_error, write_file
from trustkit.errors import StorageError, TrustkitError, UsageError
from trustkit.fips.hashing import digest_of
from trustkit.model.audit import AuditEvent
from trustkit.model.digest import Digest
from trustkit.model.evidence import REFERRERS, Evidence, Gathered, Place
from trustkit.model.facts import Facts
from trustkit.model.judgement import Judgement
from trustkit.signing.format import Check, SignatureFormat
from trustkit.signing.grant_file import GrantFile, read_grant
from trustkit.signing.verify import verify

_LOG = logging.getLogger(__name__)
_SUFFIX = ".jsonl"
_LOOKS = ("verify", "explain")


class GrantFolder:
    """Where the grants of this machine lie; who may write there decides nothing, for their signatures do."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; it need not be there."""
        self._folder = folder

    def __call__(self, image: Digest) -> Gathered:
        """Return the evidence about an image, with a note for each file that holds none. Raises StorageError."""
        items: list[Evidence] = []
        notes: list[str] = []
        for file in self._files(f"{image.algorithm}-{image.hex}."):
            try:
                grant = read_file(file)
                if grant.image != image:
                    raise UsageError(f"{file} is about {grant.image}")
            except TrustkitError as error:
                notes.append(f"break-glass grant {file.name[-40:]} was left out: {error.message}")
            else:
                items += evidence_of(grant)
        return Gathered(tuple(items), complete=True, notes=tuple(notes))

    def every(self) -> Iterable[tuple[Path, GrantFile]]:
        """Yield every file that holds a grant. Raises StorageError."""
        for file in self._files(""):
            try:
                yield file, read_file(file)
            except TrustkitError as error:
                _LOG.warning("%s: %s", file, error.message)

    def add(self, grant: GrantFile, now: datetime) -> Path:
        """Keep a grant, and no longer those that ended; one of the same id is replaced. Raises StorageError."""
        for file, known in tuple(self.every()):
            if known.ended(now):
                file.unlink(missing_ok=True)
        name = f"{grant.image.algorithm}-{grant.image.hex}.{grant.says.id}{_SUFFIX}"
        file = make_folder(self._folder) / name
        write_file(file, grant.to_bytes())
        return file

    def find(self, grant_id: str) -> Path:
        """Return the file of a grant. Raises UsageError if there is none, StorageError."""
        for file in self._files(""):
            if file.name.removesuffix(_SUFFIX).rpartition(".")[2] == grant_id:
                return file
        raise UsageError(f"no grant {grant_id[:80]!r} is here", next_step="trustkit break-glass list")

    def _files(self, beginning: str) -> list[Path]:
        try:
            found = sorted(file for file in self._folder.iterdir() if file.name.startswith(beginning))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise storage_error(self._folder, error) from error
        files = [file for file in found if file.name.endswith(_SUFFIX) and not file.name.startswith(".")]
        if len(files) > limits.GRANTS:
            what = f"{len(files)} grants about one image" if beginning else f"{len(files)} grants"
            raise StorageError(
                f"{self._folder}: {what}; {limits.GRANTS} are allowed", next_step="trustkit break-glass remove ID"
            )
        return files


def read_file(file: Path) -> GrantFile:
    """Return the grant in a file. Raises UsageError, MalformedError, LimitExceededError."""
    try:
        with file.open("rb") as stream:
            return read_grant(stream.read(limits.GRANT_FILE_BYTES + 1))
    except OSError as error:
        raise UsageError(f"{file}: {(error.strerror or str(error)).lower()}") from error


def evidence_of(grant: GrantFile) -> tuple[Evidence, ...]:
    """Return each signed statement of a grant as if it had been found beside the image."""
    place = Place(REFERRERS, "")
    return tuple(
        Evidence(place, MEDIA_TYPE, digest_of(bundle), bundle, {}, artifact_type=MEDIA_TYPE) for bundle in grant.bundles
    )


def with_grants(facts: Facts, found: Gathered, formats: tuple[SignatureFormat, ...], check: Check) -> Facts:
    """Return the facts with what these items prove, as far as they are grants, and why others prove nothing."""
    if not found.items and not found.notes:
        return facts
    told, report = verify(found, formats, check), facts.report
    known = {item.evidence for item in report.accepted}
    grants = tuple(
        item
        for item in told.accepted
        if item.statement is not None and item.statement.predicate_type == PREDICATE_TYPE and item.evidence not in known
    )
    return facts._replace(
        report=report._replace(
            accepted=(*report.accepted, *grants),
            rejected=(*report.rejected, *told.rejected),
            notes=(*report.notes, *told.notes),
        )
    )


def alerts(judgement: Judgement) -> tuple[AuditEvent, ...]:
    """Return an event for each grant that a decision rests on; those that ask for it are said aloud too.

    Who only looks (`verify`, `explain`) breaks nothing.
    """
    facts, grants = judgement.facts, judgement.decision.grants
    if facts.request.purpose in _LOOKS:
        return ()
    for use in grants:
        if use.alert:
            _LOG.warning(
                "break-glass: %s is let through though %s refused it, by grant %s of %s, approved by %s (%s)",
                facts.image.ref, ", ".join(use.rules), use.id, use.requester, ", ".join(use.approvers), use.reason,
            )  # fmt: skip
    reference, actor = str(facts.image.ref), facts.request.actor
    return tuple(
        grant_used(facts.now, use=use, image=facts.image.digest, reference=reference, actor=actor) for use in grants
    )
