"""Evidence about the manifests of an index, where a policy says that it must be there (`verify.subjects.index`)."""

from collections.abc import Callable

from trustkit import limits
from trustkit.model.digest import Digest
from trustkit.model.evidence import Gathered
from trustkit.model.facts import Child
from trustkit.model.image import INDEX_TYPES, Descriptor, Platform, ResolvedImage
from trustkit.model.signature import ATTESTATION, SIGNATURE, VerificationReport, VerifiedSignature
from trustkit.policy.document import CHILDREN, RUNNING
from trustkit.policy.means import Discovery
from trustkit.policy.rules.covering import runs

# No platform is told, so it may run anywhere.
_UNTOLD = Platform("any", "platform")
Found = tuple[tuple[Descriptor, Gathered], ...]


def children_of(image: ResolvedImage) -> tuple[Child, ...]:
    """Return the manifests an index lists, none of a lone manifest."""
    return tuple(_child(one) for one in image.children)


def gathered(
    image: ResolvedImage,
    first: Gathered,
    asked: frozenset[str],
    gather: Callable[[Digest, int], Gathered],
    *,
    most_bytes: int,
    every: bool,
) -> Found:
    """Return the evidence of the image, and of the manifests in it that rules ask about, within `most_bytes`.

    `every`: whichever may run, not only the one that would here. Raises SourceError.
    """
    found = [(image.root, first)]
    left = most_bytes - _bytes(first)
    wanted = _wanted(image, asked, every=every)
    for one in wanted[: limits.COVERED_MANIFESTS]:
        evidence = gather(one.digest, left)
        left -= _bytes(evidence)
        found.append((one, evidence))
    if len(wanted) > limits.COVERED_MANIFESTS:
        note = f"the index lists {len(wanted)} manifests; evidence of {limits.COVERED_MANIFESTS} was read"
        found[0] = (image.root, first._replace(complete=False, notes=(*first.notes, note)))
    return tuple(found)


def merged(reports: list[VerificationReport]) -> VerificationReport:
    """Return one report of the image, which is the first, and its manifests: each item says what it is about."""
    return VerificationReport(
        reports[0].image,
        tuple(item for one in reports for item in one.accepted),
        tuple(item for one in reports for item in one.rejected),
        tuple(item for one in reports for item in one.unrecognised),
        complete=all(one.complete for one in reports),
        notes=tuple(note for one in reports for note in one.notes),
    )


def counted(report: VerificationReport, discovery: Discovery) -> VerificationReport:
    """Return the report with as many signatures and attestations as may count; what is left out makes it incomplete."""
    kept: list[VerifiedSignature] = []
    left = {SIGNATURE: discovery.signatures, ATTESTATION: discovery.attestations}
    for item in report.accepted:
        left[item.kind] -= 1
        if left[item.kind] >= 0:
            kept.append(item)
    if len(kept) == len(report.accepted):
        return report
    note = f"{len(report.accepted) - len(kept)} more were left out (verify.discovery)"
    return report._replace(accepted=tuple(kept), complete=False, notes=(*report.notes, note))


def _wanted(image: ResolvedImage, asked: frozenset[str], *, every: bool) -> list[Descriptor]:
    if CHILDREN in asked or (RUNNING in asked and every):
        listed = {one.digest: one for one in image.children if runs(_child(one))}
        return [one for digest, one in listed.items() if digest != image.digest]
    return [image.manifest] if RUNNING in asked and image.manifest.digest != image.digest else []


def _child(one: Descriptor) -> Child:
    return Child(one.digest, one.platform or _UNTOLD, one.media_type in INDEX_TYPES)


def _bytes(found: Gathered) -> int:
    return sum(len(item.content) for item in found.items)
