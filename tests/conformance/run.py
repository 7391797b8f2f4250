"""Judge every case of a folder of test vectors and print one line each: NAME valid|invalid|skipped CODE.

usage: python tests/conformance/run.py DIR

A case is a folder with `expected.json`, an OCI layout in `layout/` and the files it names. Only its
inputs are read: `format`, `reference`, `key`, `predicateType`, `verify_at`; never what the answer
should be. `CODE` is the stable code of the check that refused, `ok` for valid cases.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from trustkit.errors import NotFoundError, TrustkitError  # noqa: E402  (the path has to be set first)
from trustkit.fips.parse import public_key_from_pem  # noqa: E402
from trustkit.fips.select import provider  # noqa: E402
from trustkit.model.digest import Digest  # noqa: E402
from trustkit.model.reference import ImageRef  # noqa: E402
from trustkit.model.signature import ATTESTATION, SIGNATURE, VerificationReport  # noqa: E402
from trustkit.oci.gather import gather  # noqa: E402
from trustkit.oci.layout import LayoutFolder  # noqa: E402
from trustkit.oci.resolve import resolve  # noqa: E402
from trustkit.signing.format import Check, SignatureFormat, TrustedKey, TrustRoots  # noqa: E402
from trustkit.signing.formats.bundle import SigstoreBundle  # noqa: E402
from trustkit.signing.formats.cosign_attestation import CosignAttestation  # noqa: E402
from trustkit.signing.formats.cosign_signature import CosignSignature  # noqa: E402
from trustkit.signing.predicates import predicate_type_of  # noqa: E402
from trustkit.signing.verify import verify  # noqa: E402

FORMATS: tuple[SignatureFormat, ...] = (CosignSignature(), CosignAttestation(), SigstoreBundle())
_INPUTS = ("format", "reference", "key", "predicateType", "policy", "verify_at")
_HANDLED = (
    "cosign-simplesigning",
    "cosign-simplesigning-oci11",
    "cosign-att-dsse",
    "sigstore-bundle-oci",
    "sigstore-bundle-oci-att",
)
_ATTESTATIONS = ("-att", "-att-dsse")
_FALLBACK_NOW = "2026-11-24T00:00:00Z"


class Verdict(NamedTuple):
    """What was decided of a case, and by which check."""

    name: str
    verdict: str
    code: str

    def __str__(self) -> str:
        """Return the line that is printed."""
        return f"{self.name} {self.verdict} {self.code}"


def judge(case: Path) -> Verdict:
    """Return the verdict on one case; whatever the product refuses is `invalid` with its code."""
    inputs = _inputs(case)
    if "key" not in inputs or "policy" in inputs or inputs.get("format") not in _HANDLED:
        return Verdict(case.name, "skipped", "format")
    try:
        return _decide(case.name, inputs, _report(case, inputs))
    except TrustkitError as error:
        return Verdict(case.name, "invalid", error.code)


def cases(folder: Path) -> Iterator[Path]:
    """Yield the case folders in order of their names."""
    return (file.parent for file in sorted(folder.glob("*/expected.json")))


def _inputs(case: Path) -> Mapping[str, str]:
    document = json.loads((case / "expected.json").read_bytes())
    return {name: document[name] for name in _INPUTS if isinstance(document.get(name), str)}


def _report(case: Path, inputs: Mapping[str, str]) -> VerificationReport:
    source = LayoutFolder(case / "layout")
    digest = _digest(ImageRef.parse(inputs["reference"]), source)
    places = tuple(place for one in FORMATS for place in one.places)
    found = gather(digest, places, source)
    key = public_key_from_pem((case / inputs["key"]).read_bytes())
    now = datetime.fromisoformat(inputs.get("verify_at", _FALLBACK_NOW)).astimezone(UTC)
    return verify(found, FORMATS, Check(digest, TrustRoots((TrustedKey(inputs["key"], key),)), provider(), now))


def _digest(ref: ImageRef, source: LayoutFolder) -> Digest:
    """Return the image's digest; cases made from public signatures hold no image, only its digest."""
    try:
        return resolve(ref, source, None).digest
    except NotFoundError:
        if ref.digest is None:
            raise
        return ref.digest


def _decide(name: str, inputs: Mapping[str, str], report: VerificationReport) -> Verdict:
    """Say whether the report holds what the case asks for: a signature, or an attestation of a type."""
    asked = inputs.get("predicateType", "")
    attested = bool(asked) or inputs["format"].endswith(_ATTESTATIONS)
    wanted = ATTESTATION if attested else SIGNATURE
    for one in report.accepted:
        if one.kind != wanted:
            continue
        if not asked or (one.statement and one.statement.predicate_type == predicate_type_of(asked)):
            return Verdict(name, "valid", "ok")
    return Verdict(name, "invalid", _why(report))


def _why(report: VerificationReport) -> str:
    if report.accepted:
        return "verification.predicate_type"
    if report.rejected:
        return report.rejected[0].code
    return "unsigned" if report.complete else "incomplete"


def main(arguments: list[str]) -> int:
    """Print the lines. Returns 2 when called wrongly."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    for case in cases(Path(arguments[0])):
        print(judge(case), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
