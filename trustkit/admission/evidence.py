"""Everything that lies beside an image, each item with its verdict: to be looked at, never to decide by.

Followed from the image to the platforms' images of an index, and from each evidence manifest to what refers to it.
"""

from datetime import datetime

from trustkit import limits
from trustkit.admission.judge import Kit
from trustkit.codec.oci_manifest import Index, parse
from trustkit.errors import LimitExceededError
from trustkit.model.digest import Digest
from trustkit.model.evidence import NOTARY_SIGNATURE, REFERRERS, TAG_SUFFIX, Evidence, Gathered, Place
from trustkit.model.reference import ImageRef
from trustkit.model.signature import VerificationReport, VerifiedSignature
from trustkit.model.values import NamedTuple
from trustkit.oci.gather import gather
from trustkit.oci.source import ImageSource
from trustkit.signing.format import Check
from trustkit.signing.revoked import without_revoked_keys
from trustkit.signing.verify import verify

VERIFIED = "verified"
REJECTED = "rejected"
UNRECOGNISED = "unrecognised"
# What is not in any format's places, and still evidence to look at.
_FURTHER = (Place(TAG_SUFFIX, ".sbom"), Place(REFERRERS, ""))
_MANIFESTS = 256
# Docker Content Trust lies on a trust server, and not beside the image.
CONTENT_TRUST = "trust server"
_TUF = "application/json"


class Signed(NamedTuple):
    """Who signed, as far as it is proven, and what."""

    kind: str
    trust_root: str
    fingerprint: str
    subject: str
    issuer: str
    algorithm: str
    claimed_name: str
    predicate_type: str
    signed_at: datetime | None
    time_source: str
    log: str


class Item(NamedTuple):
    """One blob of evidence: VERIFIED with who signed, REJECTED with the check that said so, or UNRECOGNISED."""

    digest: Digest
    media_type: str
    size_bytes: int
    format: str
    verdict: str
    code: str = ""
    reason: str = ""
    signed: tuple[Signed, ...] = ()


class Beside(NamedTuple):
    """A manifest with its items, and the evidence about it; `place` says how it was found.

    `digest` is None for signatures kept outside of the repository.
    """

    place: str
    digest: Digest | None
    type: str
    items: tuple[Item, ...] = ()
    evidence: tuple["Beside", ...] = ()
    notes: tuple[str, ...] = ()
    complete: bool = True


def evidence_of(ref: ImageRef, kit: Kit) -> Beside:
    """Return an image with all evidence beside it.

    Raises SourceError, DigestMismatchError, MalformedError, LimitExceededError.
    """
    return _Walk(ref, kit).image()


class _Walk:
    def __init__(self, ref: ImageRef, kit: Kit) -> None:
        self._ref, self._kit = ref, kit
        self._source: ImageSource = kit.open_source(ref)
        known = (place for each in kit.formats for place in each.places)
        self._places = tuple(dict.fromkeys((*known, *_FURTHER)))
        self._now = kit.now()
        self._left = _MANIFESTS

    def image(self) -> Beside:
        """Return the image, and the images of an index."""
        root = self._source.manifest(self._ref.at)
        document = parse(root.content, root.descriptor.media_type, str(self._ref))
        found = self._beside("image", root.descriptor.digest, document.media_type, 0)
        found = found._replace(evidence=(*found.evidence, *self._content_trust(root.descriptor.digest)))
        if not isinstance(document, Index):
            return found
        children = tuple(
            self._beside(f"platform {child.platform or 'unknown'}", child.digest, child.media_type, 1)
            for child in document.manifests
        )
        return found._replace(evidence=(*found.evidence, *children))

    def _beside(self, place: str, digest: Digest, kind: str, depth: int, items: tuple[Item, ...] = ()) -> Beside:
        self._left -= 1
        if self._left < 0 or depth > limits.COPY_DEPTH:
            raise LimitExceededError(
                f"more than {_MANIFESTS} manifests belong to {self._ref}, or they are {limits.COPY_DEPTH} deep",
                next_step="look at one of the platforms by its digest",
            )
        gathered = gather(digest, self._places, self._source, at_once=self._kit.at_once)
        groups: dict[tuple[str, Digest | None], list[Evidence]] = {}
        for item in gathered.items:
            groups.setdefault((_place(item), item.manifest_digest), []).append(item)
        check, notes = self._check(digest, gathered)
        evidence = tuple(self._group(where, found, check, depth) for where, found in groups.items())
        return Beside(place, digest, kind, items, evidence, (*gathered.notes, *notes), gathered.complete)

    def _check(self, digest: Digest, gathered: Gathered) -> tuple[Check, list[str]]:
        """Return what evidence about a manifest is checked by, and what could not be found out."""
        check = Check(digest, self._kit.trust, self._kit.crypto, self._now, predicates=True)
        if not any(item.artifact_type == NOTARY_SIGNATURE for item in gathered.items):
            return check, []
        # these bind size and type of what they sign, and their certificates may be revoked
        trust = check.trust
        notes: list[str] = []
        if self._kit.ask_revocation is not None:
            trust, notes = self._kit.ask_revocation(gathered.items, trust, self._now)
        return check._replace(trust=trust, target=self._source.manifest(str(digest)).descriptor), notes

    def _content_trust(self, digest: Digest) -> tuple[Beside, ...]:
        """Return what trust servers say of the image, if the policy names some."""
        if self._kit.ask_repository is None:
            return ()
        nothing = VerificationReport(digest, (), (), (), complete=True)
        report = self._kit.ask_repository(nothing, self._ref, self._kit.trust.repositories)
        report = without_revoked_keys(report, self._kit.trust.revoked)
        items = [
            Item(one.evidence, _TUF, 0, one.format, VERIFIED, signed=(_signed(one),)) for one in report.accepted
        ] + [Item(one.evidence, _TUF, 0, one.format, REJECTED, one.code, one.message) for one in report.rejected]
        return (Beside(CONTENT_TRUST, None, _TUF, tuple(items), (), report.notes, report.complete),)

    def _group(self, where: tuple[str, Digest | None], found: list[Evidence], check: Check, depth: int) -> Beside:
        place, digest = where
        items = tuple(self._item(item, check) for item in found)
        kind = found[0].artifact_type or found[0].media_type
        if digest is None:
            return Beside(place, None, kind, items)
        return self._beside(place, digest, kind, depth + 1, items)

    def _item(self, item: Evidence, check: Check) -> Item:
        # one by one, because two items may have the same digest and different signatures
        report = verify(Gathered((item,), complete=True), self._kit.formats, check)
        name, verdict, code, reason = _verdict(report)
        signed = tuple(_signed(one) for one in report.accepted)
        return Item(item.digest, item.media_type, len(item.content), name, verdict, code, reason, signed)


def _verdict(report: VerificationReport) -> tuple[str, str, str, str]:
    if report.accepted:
        return report.accepted[0].format, VERIFIED, "", ""
    if report.rejected:
        one = report.rejected[0]
        return one.format, REJECTED, one.code, one.message
    return "", UNRECOGNISED, "", ""


def _place(item: Evidence) -> str:
    if item.place.kind == TAG_SUFFIX:
        return f"tag {item.place.pattern}"
    return "referrer" if item.place.kind == REFERRERS else item.place.kind


def _signed(one: VerifiedSignature) -> Signed:
    signer = one.signer
    return Signed(
        one.kind,
        signer.trust_root,
        signer.fingerprint,
        signer.subject,
        signer.issuer,
        one.algorithm,
        one.claimed_name,
        one.statement.predicate_type if one.statement else "",
        one.signed_at,
        one.time_source,
        one.log,
    )
