"""A verified statement's predicate as a typed value, by its type."""

from collections.abc import Callable, Mapping

from trustkit import limits
from trustkit.codec.predicates import custom, cyclonedx, migration, provenance, results, scai, scan, spdx, summary, vex
from trustkit.codec.predicates.custom import Custom
from trustkit.codec.predicates.migration import Migration
from trustkit.codec.predicates.provenance import Provenance
from trustkit.codec.predicates.results import TestResult
from trustkit.codec.predicates.sbom import Sbom
from trustkit.codec.predicates.scai import AttributeReport
from trustkit.codec.predicates.scan import Scan
from trustkit.codec.predicates.summary import VerificationSummary
from trustkit.codec.predicates.vex import Vex
from trustkit.codec.strict_json import parse

Predicate = Provenance | VerificationSummary | Sbom | Scan | Vex | AttributeReport | TestResult | Custom | Migration

READERS: Mapping[str, Callable[[object], Predicate]] = {
    provenance.V02: provenance.read_v02,
    provenance.V1: provenance.read_v1,
    summary.V1: summary.read,
    scan.COSIGN: scan.read_cosign,
    results.TYPE: results.read,
    custom.TYPE: custom.read,
    migration.TYPE: migration.read,
    **dict.fromkeys(scan.INTOTO, scan.read_intoto),
    **dict.fromkeys(spdx.TYPES, spdx.read),
    **dict.fromkeys(cyclonedx.TYPES, cyclonedx.read),
    **dict.fromkeys(vex.TYPES, vex.read),
    **dict.fromkeys(scai.TYPES, scai.read),
}


def read(predicate_type: str, content: bytes) -> Predicate | None:
    """Return what a predicate's JSON says, None for types that are not known here.

    Raises MalformedError, LimitExceededError.
    """
    reader = READERS.get(predicate_type)
    if reader is None:
        return None
    return reader(parse(content, what="predicate", limit_bytes=limits.ATTESTATION_BYTES, fold_names=False))


def read_value(predicate_type: str, value: object) -> Predicate | None:
    """Return what a predicate that is read already says, None for unknown types. Raises as `read`."""
    reader = READERS.get(predicate_type)
    return None if reader is None else reader(value)
