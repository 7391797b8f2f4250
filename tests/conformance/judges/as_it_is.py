"""Judging a case by another tool's policy file as it is, on the product's own straight path."""

from judges.case import Case, Verdict
from judges.cosign import why

from trustkit.admission.judge import Kit
from trustkit.admission.judge import judge as decide
from trustkit.admission.trust_policy import Chosen
from trustkit.errors import DigestMismatchError, IdentityError, LogMissingError, SignedIdentityError
from trustkit.fips.select import provider
from trustkit.model.decision import DENY
from trustkit.model.facts import Facts, RequestFacts
from trustkit.model.reference import ImageRef
from trustkit.oci.layout import LayoutFolder
from trustkit.policy.document import Policy
from trustkit.signing.format import SignatureFormat


def verdict(case: Case, chosen: Chosen, formats: tuple[SignatureFormat, ...], source: LayoutFolder) -> Verdict:
    """Return what the chosen policy decides about the case's image."""
    kit = Kit(
        open_source=lambda _: source,
        formats=tuple(one for one in formats if one.name in chosen.formats),
        crypto=provider(),
        policy=chosen.policy,
        trust=chosen.trust,
        now=lambda: case.now,
    )
    found = decide(ImageRef.parse(case.text("reference")), RequestFacts(purpose="verify"), kit)
    if found.decision.allowed:
        return Verdict(case.name, "valid", "ok")
    report = found.facts.report
    if not (report.accepted or report.rejected or report.complete):
        return Verdict(case.name, "invalid", DigestMismatchError.code)
    if not chosen.formats:
        return Verdict(case.name, "invalid", "policy" if not chosen.policy.sections else "rejected")
    code = _unusable(chosen.policy, found.facts) if report.accepted else why(report)
    return Verdict(case.name, "invalid", code)


def _unusable(policy: Policy, facts: Facts) -> str:
    """Return the code of what keeps good signatures from counting for the first requirement that is not met."""
    rule = next(rule for one in policy.sections for rule in one.rules if rule.judge(facts).verdict == DENY)
    signers = [signer for option in getattr(rule, "options", ()) for signer in option.of]
    fitting = [(signer, one) for signer in signers for one in facts.report.accepted if signer.fits(one, facts)]
    if not fitting:
        return IdentityError.code
    unlogged = all(getattr(signer, "logged", False) and not one.log for signer, one in fitting)
    return LogMissingError.code if unlogged else SignedIdentityError.code
