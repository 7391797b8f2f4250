"""Notary Project signatures, judged by the trustpolicy.json and the trust store of the case, as `verify` does."""

from judges.as_it_is import verdict
from judges.case import Case, Judge, Verdict

from trustkit.admission.trust_policy import TrustPolicy
from trustkit.model.reference import ImageRef
from trustkit.oci.layout import LayoutFolder
from trustkit.signing.formats.notation import NotationSignature


def takes(case: Case) -> bool:
    """Whether the case is of this format."""
    return case.format.startswith("notation")


def judge(case: Case) -> Verdict:
    """Say whether a signature satisfies the policy of the repository."""
    folder = case.folder / "notation"
    policy = TrustPolicy((folder / "trustpolicy.json").read_bytes(), folder / "truststore")
    chosen = policy.of(ImageRef.parse(case.text("reference")))
    lists = (case.content("crl_file"),) if case.text("crl_file") else ()
    chosen = chosen._replace(trust=chosen.trust._replace(revocation_lists=lists))
    return verdict(case, chosen, (NotationSignature(),), LayoutFolder(case.folder / "layout"))


JUDGE = Judge(takes, judge)
