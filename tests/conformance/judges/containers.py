"""GPG's and cosign's signatures, judged by the case's policy.json (containers-policy.json(5)), as `verify` does."""

from judges.as_it_is import verdict
from judges.case import Case, Judge, Verdict

from trustkit.admission.containers_policy import ContainersPolicyFile
from trustkit.model.digest import Digest
from trustkit.model.evidence import Place
from trustkit.model.reference import ImageRef
from trustkit.net.http import HttpClient, HttpOptions
from trustkit.oci.layout import LayoutFolder
from trustkit.oci.lookaside import Lookaside
from trustkit.signing.formats.cosign_signature import CosignSignature
from trustkit.signing.formats.simple_signing import SimpleSigning


class _WithLookaside(LayoutFolder):
    """The case's layout, and the lookaside folder beside it."""

    def __init__(self, case: Case, ref: ImageRef) -> None:
        super().__init__(case.folder / "layout")
        base = (case.folder / (case.text("lookaside") or "lookaside")).resolve()
        self._lookaside = Lookaside(f"file://{base}", ref.repository, HttpClient(HttpOptions()))

    def simple_signatures(self, place: Place, digest: Digest) -> tuple[tuple[bytes, ...], bool]:
        return self._lookaside.read(digest) if place.kind == "lookaside" else ((), True)

    def put_simple_signature(self, digest: Digest, content: bytes) -> str:
        raise AssertionError("a judge only reads")

    def keeps_simple_signatures(self) -> bool:
        return False


def takes(case: Case) -> bool:
    """Whether the case brings a policy.json, or is of the format that only such a policy speaks of."""
    return case.format == "gpg-simple-signing" or "policy" in case.inputs


def judge(case: Case) -> Verdict:
    """Say whether every requirement of the most specific scope is met."""
    ref = ImageRef.parse(case.text("reference"))
    content = (case.folder / (case.text("policy") or "policy.json")).read_bytes()
    chosen = ContainersPolicyFile(content, case.folder).of(ref)
    return verdict(case, chosen, (SimpleSigning(), CosignSignature()), _WithLookaside(case, ref))


JUDGE = Judge(takes, judge)
