"""Sign anew, as cosign or notation, what a repository's Docker Content Trust says of its tags.

The old chain is proven first, as `trustkit trust inspect` does; what is expired, rolled back or not proven ends it.
Then each tag's image in the registry must be the one that was signed, or nothing is signed at all. Each image gets a
signature, and an attestation that names the tag, the old root and the old keys. What the key signed before is not
signed again.
"""

import argparse
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from trustkit.cli.notation_options import add_notation_arguments, require_notation
from trustkit.cli.output import as_json, table
from trustkit.cli.trust.asking import add_repository_arguments, tags_of, verified
from trustkit.cli.words import actor
from trustkit.errors import UsageError
from trustkit.model.digest import Digest
from trustkit.model.reference import ImageRef
from trustkit.model.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustkit.admission.migration import Move, Standing
    from trustkit.cli.signer import Signer
    from trustkit.codec.predicates.migration import Migration
    from trustkit.config import Config
    from trustkit.fips.provider import CryptoProvider
    from trustkit.model.audit import AuditEvent
    from trustkit.oci.source import ImageSource
    from trustkit.signing.content_trust.values import VerifiedRepository

TO_SIGN, SIGNED, BEFORE = "to be signed", "signed", "signed before"


class Migrated(NamedTuple):
    """A tag, the image it stands for, how it stands, and the manifests that were made; `record` is 0 without any."""

    tag: str
    digest: Digest
    state: str
    signature: Digest | None = None
    attestation: Digest | None = None
    record: int = 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_repository_arguments(parser)
    parser.add_argument(
        "--key", metavar="KEY", help="the private key that signs from now on, as `trustkit sign` takes it"
    )
    parser.add_argument("--format", choices=("cosign", "notation"), default="cosign", help="what to sign as")
    parser.add_argument("--layout", choices=("bundle", "legacy"), default="bundle",
                        help="bundle: referrers, as cosign 3; legacy: .sig and .att tags, as cosign 2")  # fmt: skip
    parser.add_argument(
        "--timestamp-url", metavar="URL", default="", help="for notation: timestamp authority (RFC 3161)"
    )
    add_notation_arguments(parser)
    parser.add_argument("--dry-run", action="store_true", help="prove and compare everything, and sign nothing")
    parser.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Migrate. Raises VerificationError, SourceError, MalformedError, KeyFileError, CryptoError, AuditError."""
    from trustkit.admission.migration import moves
    from trustkit.app import Sources, open_crypto
    from trustkit.config import load

    require_notation(arguments)
    if not (arguments.key or arguments.dry_run):
        raise UsageError("nothing can be signed without a key", next_step="give --key, or look with --dry-run")
    config = load(os.environ)
    ref = ImageRef.parse(arguments.repository)
    signer = _signer(config, arguments) if arguments.key else None
    found = verified(arguments, config, ref)
    source = Sources(config).repository(ref)
    wanted = moves(found, tags_of(found, ref), source)
    if signer is None:
        _show([Migrated(one.tag.tag, one.target.digest, TO_SIGN) for one in wanted], arguments.output)
        return 0
    _Migration(signer, arguments, found, source, open_crypto(config)).all(wanted)
    return 0


def _signer(config: "Config", arguments: argparse.Namespace) -> "Signer":
    from trustkit.cli.notation_signer import NotationSigner
    from trustkit.cli.signer import Signer

    if arguments.format == "notation":
        return NotationSigner(config, arguments, actor())
    return Signer(config, arguments.key, actor())


class _Migration:
    """One key, and the repository whose tags it signs."""

    def __init__(
        self,
        signer: "Signer",
        arguments: argparse.Namespace,
        found: "VerifiedRepository",
        source: "ImageSource",
        crypto: "CryptoProvider",
    ) -> None:
        from trustkit import app

        self._signer, self._arguments, self._found = signer, arguments, found
        self._source, self._crypto = source, crypto
        # only evidence of the wanted layout counts as there: the other one's readers do not see it
        kept = ("cosign", "cosign-attestation") if arguments.layout == "legacy" else ("bundle",)
        self._formats = tuple(one for one in app.formats(signer.own) if one.name in (*kept, "notation"))
        self._now = app.now()

    def all(self, wanted: Iterable["Move"]) -> None:
        """Sign each, and show what was done even if one of them fails. Raises as `Signer.sign`."""
        done: list[Migrated] = []
        try:
            for one in wanted:
                done.append(self._one(one))  # noqa: PERF401  (what was done before a failure is shown)
        finally:
            _show(done, self._arguments.output)

    def _one(self, move: "Move") -> Migrated:
        from trustkit.admission.migration import link

        wanted = link(self._found, move.tag, self._arguments.format, self._signer.fingerprint, self._now)
        stands = self._standing(move, wanted)
        if stands.signed and stands.linked:
            return Migrated(move.tag.tag, move.target.digest, BEFORE, record=self._finished(move, wanted))
        if self._arguments.dry_run:
            return Migrated(move.tag.tag, move.target.digest, TO_SIGN)
        return self._sign(move, wanted, stands)

    def _standing(self, move: "Move", wanted: "Migration") -> "Standing":
        from trustkit.admission.migration import standing
        from trustkit.signing.format import Check

        check = Check(move.target.digest, self._signer.own, self._crypto, self._now, target=move.target)
        return standing(wanted, self._source, self._formats, check)

    def _sign(self, move: "Move", wanted: "Migration", stands: "Standing") -> Migrated:
        import json

        from trustkit.audit.events import image_migrating
        from trustkit.codec.predicates import migration

        # before anything is pushed, so that a migration that is cut off is on record too
        self._signer.log.append(image_migrating(self._event(move, wanted, {})))
        pinned = self._pinned(move)
        layout = self._arguments.layout
        signature = None if stands.signed else self._signer.sign(pinned, layout, {}).evidence
        said = migration.value_of(wanted)
        attestation = None
        if not stands.linked:
            attestation = self._signer.attest(pinned, layout, (migration.TYPE, json.dumps(said).encode())).evidence
        made = {name: str(one) for name, one in (("signature", signature), ("attestation", attestation)) if one}
        return Migrated(
            move.tag.tag, move.target.digest, SIGNED, signature, attestation, self._recorded(move, wanted, made)
        )

    def _finished(self, move: "Move", wanted: "Migration") -> int:
        """Put on record what an earlier run was cut off from recording; 0 if there is nothing of that kind."""
        began, ended = (self._newest(kind, move, wanted) for kind in ("image.migrating", "image.migrated"))
        return self._recorded(move, wanted, {}) if began > ended and not self._arguments.dry_run else 0

    def _newest(self, kind: str, move: "Move", wanted: "Migration") -> int:
        """Return the number of the newest such record about this tag, format and key; -1 without any."""
        from trustkit.audit.query import Query

        asked = {"content_trust": {"repository": wanted.repository, "tag": wanted.tag},
                 "signed": {"format": wanted.signed_as, "key": wanted.key}}  # fmt: skip
        for one in self._signer.log.records(Query(kind=kind, subject=move.target.digest, newest=True)):
            if all(part.items() <= _members(one.event.body.get(name)).items() for name, part in asked.items()):
                return one.sequence
        return -1

    def _recorded(self, move: "Move", wanted: "Migration", made: "Mapping[str, str]") -> int:
        from trustkit.cli.on_record import done

        event = self._event(move, wanted, made)
        what = f"{wanted.repository}:{wanted.tag} is signed anew as {wanted.signed_as}"
        return done(self._signer.log, what, [event], "give the same command again")[0].sequence

    def _event(self, move: "Move", wanted: "Migration", made: "Mapping[str, str]") -> "AuditEvent":
        from trustkit.app import now
        from trustkit.audit.events import image_migrated
        from trustkit.codec.predicates import migration

        said = migration.value_of(wanted)
        return image_migrated(
            now(),
            reference=self._pinned(move),
            image=move.target.digest,
            before=_members(said["contentTrust"]),
            after={**_members(said["signed"]), **made},
            actor=actor(),
        )

    def _pinned(self, move: "Move") -> str:
        return str(ImageRef.parse(self._found.gun).with_digest(move.target.digest))


def _members(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, dict) else {}


def _show(done: list[Migrated], output: str) -> None:
    if output == "json":
        as_json(done)
        return
    rows = [
        (one.tag, str(one.digest), one.state, one.signature.short if one.signature else "-",
         one.attestation.short if one.attestation else "-")
        for one in done
    ]  # fmt: skip
    table(("TAG", "DIGEST", "STATE", "SIGNATURE", "ATTESTATION"), rows)
