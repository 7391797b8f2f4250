"""Notary Project signatures, judged by the trustpolicy.json and the trust store of the case, as `verify` does."""

from judges.case import Case, Judge, Verdict
from judges.cosign import why

from trustkit.admission.judge import Kit
from trustkit.admission.judge import judge as decide
from trustkit.admission.trust_policy import TrustPolicy
from trustkit.errors import DigestMismatchError
from trustkit.fips.select import provider
from trustkit.model.facts import RequestFacts
from trustkit.model.reference import ImageRef
from trustkit.oci.layout import LayoutFolder
from trustkit.signing.formats.notation import NotationSignature


def takes(case: Case) -> bool:
    """Whether the case is of this format."""
    return case.format.startswith("notation")


def judge(case: Case) -> Verdict:
    """Say whether a signature satisfies the policy of the repository."""
    ref = ImageRef.parse(case.text("reference"))
    folder = case.folder / "notation"
    chosen = TrustPolicy((folder / "trustpolicy.json").read_bytes(), folder / "truststore").of(ref.name)
    lists = (case.content("crl_file"),) if case.text("crl_file") else ()
    kit = Kit(
        open_source=lambda _: LayoutFolder(case.folder / "layout"),
        formats=(NotationSignature(),) if chosen.trust.stores else (),
        crypto=provider(),
        policy=chosen.policy,
        trust=chosen.trust._replace(revocation_lists=lists),
        now=lambda: case.now,
    )
    found = decide(ref, RequestFacts(purpose="verify"), kit)
    if found.decision.allowed:
        return Verdict(case.name, "valid", "ok")
    report = found.facts.report
    if not (report.accepted or report.rejected or report.complete):
        return Verdict(case.name, "invalid", DigestMismatchError.code)
    return Verdict(case.name, "invalid", why(report) if chosen.policy.sections else "policy")


JUDGE = Judge(takes, judge)
