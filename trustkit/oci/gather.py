"""All evidence that lies beside an image: one loop over places, with limits.

A place that answers "not there" is empty; a place that gives no answer is an error, because
"no signatures" must never be the fruit of a failure. An item that cannot be used (malformed, too
large, gone) is left out, noted, and makes the result incomplete.
"""

from collections.abc import Callable, Iterator, Sequence

from trustkit import limits
from trustkit.codec.oci_manifest import Manifest, parse_manifest
from trustkit.errors import (
    DigestMismatchError,
    LimitExceededError,
    MalformedError,
    NotFoundError,
)
from trustkit.fips.hashing import digest_of
from trustkit.model.digest import Digest
from trustkit.model.evidence import REFERRERS, SIMPLE_SIGNING, TAG_SUFFIX, Evidence, Gathered, Place
from trustkit.model.image import Descriptor
from trustkit.oci.ahead import begin, later
from trustkit.oci.source import Fetched, ImageSource, SimpleSignatures

_SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
_UNUSABLE = (MalformedError, DigestMismatchError, NotFoundError)


def gather(
    image: Digest,
    places: Sequence[Place],
    source: ImageSource,
    *,
    at_once: bool = True,
    most_bytes: int = limits.EVIDENCE_BYTES,
) -> Gathered:
    """Return the evidence for one image, asking at all places at once or in turn. Raises SourceError."""
    ask = begin if at_once else later
    search = _Search(image, source, most_bytes)
    tags = {f"{image.algorithm}-{image.hex}{place.pattern}": place for place in places if place.kind == TAG_SUFFIX}
    referrers = [place for place in places if place.kind == REFERRERS]
    # The first answers are asked for at once; what they lead to is read in order, within the limits.
    manifests = {tag: ask(source.manifest, tag) for tag in tags}
    listing = ask(source.referrers, image) if referrers else None
    for tag, place in tags.items():
        search.in_tag(tag, place, manifests[tag])
    if listing is not None:
        search.in_referrers(referrers, listing)
    for place in places:
        if place.kind not in (TAG_SUFFIX, REFERRERS):
            search.beside(place)
    return Gathered(tuple(search.items), search.complete, tuple(search.notes))


class _Search:
    """What was found so far, and how much more may be."""

    def __init__(self, image: Digest, source: ImageSource, most_bytes: int) -> None:
        self.items: list[Evidence] = []
        self.notes: list[str] = []
        self.complete = True
        self._image = image
        self._source = source
        self._left_bytes = most_bytes

    def in_tag(self, tag: str, place: Place, ask: Callable[[], Fetched]) -> None:
        """Take each layer of the manifest at `sha256-<hex><suffix>`."""
        try:
            fetched = ask()
        except NotFoundError:
            return
        except (MalformedError, DigestMismatchError) as error:
            self._leave_out(tag, error)
            return
        manifest = self._parsed(tag, fetched.content, fetched.descriptor.media_type)
        if manifest is not None:
            self._take(place, manifest, fetched.descriptor.digest)

    def in_referrers(self, places: Sequence[Place], ask: Callable[[], tuple[tuple[Descriptor, ...], bool]]) -> None:
        """Open every referrer; only its own manifest says what type it is (cosign#4641)."""
        try:
            found, complete = ask()
        except (MalformedError, DigestMismatchError) as error:
            self._leave_out("the list of referrers", error)
            return
        if not complete:
            self._cut(f"more than {limits.EVIDENCE_ITEMS} referrers; the others were not read")
        for descriptor in self._distinct(found):
            manifest = self._referrer(descriptor)
            if manifest is None:
                continue
            kind = manifest.artifact_type or manifest.config.media_type
            place = next((each for each in places if each.pattern in ("", kind)), None)
            if place is None:
                self.notes.append(f"referrer {descriptor.digest} of type {kind[:120]} was not read")
            else:
                self._take(place, manifest, descriptor.digest)

    def beside(self, place: Place) -> None:
        """Take the simple signatures that the source keeps outside of its repository, if it does."""
        if not isinstance(self._source, SimpleSignatures):
            return
        try:
            found, complete = self._source.simple_signatures(place, self._image)
        except MalformedError as error:
            self._leave_out(f"{place.kind} of {self._image}", error)
            return
        if not complete:
            self._cut(f"more than {limits.EVIDENCE_ITEMS} signatures in the {place.kind}; the others were not read")
        for content in found:
            if len(self.items) >= limits.EVIDENCE_ITEMS or len(content) > self._left_bytes:
                self._cut(f"more than {limits.EVIDENCE_ITEMS} items; the others were not read")
                return
            self._left_bytes -= len(content)
            self.items.append(Evidence(place, SIMPLE_SIGNING, digest_of(content), content, {}))

    def _distinct(self, found: Sequence[Descriptor]) -> Iterator[Descriptor]:
        seen: set[Digest] = set()
        for descriptor in found:
            if descriptor.digest not in seen:
                seen.add(descriptor.digest)
                yield descriptor

    def _referrer(self, descriptor: Descriptor) -> Manifest | None:
        what = f"referrer {descriptor.digest}"
        try:
            content = self._source.manifest(str(descriptor.digest)).content
        except _UNUSABLE as error:
            self._leave_out(what, error)
            return None
        manifest = self._parsed(what, content, descriptor.media_type)
        if manifest is not None and (manifest.subject is None or manifest.subject.digest != self._image):
            # Neither the list nor the subject is signed: what the signed bytes speak of decides.
            self.notes.append(f"{what} was listed, but says that it refers to something else")
        return manifest

    def _parsed(self, what: str, content: bytes, media_type: str) -> Manifest | None:
        try:
            return parse_manifest(content, media_type, what)
        except MalformedError as error:
            self._leave_out(what, error)
            return None

    def _take(self, place: Place, manifest: Manifest, digest: Digest) -> None:
        # OCI 1.0 had no artifactType: the configuration's media type stands for it (image-spec, manifest.md).
        kind = manifest.artifact_type or (manifest.config.media_type if place.kind == REFERRERS else "")
        for layer in manifest.layers:
            if len(self.items) >= limits.EVIDENCE_ITEMS:
                self._cut(f"more than {limits.EVIDENCE_ITEMS} items; the others were not read")
                return
            try:
                content = self._content(layer)
            except _UNUSABLE as error:
                self._leave_out(f"item {layer.digest}", error)
                continue
            # cosign's oci-1-1 mode keeps the signature in a referrer's layer annotations
            outer = manifest.annotations if place.kind == REFERRERS else {}
            annotations = {**outer, **layer.annotations}
            self.items.append(
                Evidence(
                    place,
                    layer.media_type,
                    layer.digest,
                    content,
                    annotations,
                    kind,
                    digest,
                    len(manifest.layers),
                )
            )

    def _content(self, layer: Descriptor) -> bytes:
        is_signature = layer.media_type == _SIMPLE_SIGNING
        limit = limits.SIGNATURE_BYTES if is_signature else limits.ATTESTATION_BYTES
        if layer.size_bytes > self._left_bytes:
            raise LimitExceededError(f"all evidence of one image may have {limits.EVIDENCE_BYTES} bytes")
        content = self._source.blob(layer, limit)
        self._left_bytes -= len(content)
        return content

    def _leave_out(self, what: str, error: Exception) -> None:
        self._cut(f"{what} was left out: {error}")

    def _cut(self, note: str) -> None:
        self.complete = False
        self.notes.append(note)
