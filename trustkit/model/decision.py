"""A decision and its findings: only `policy/evaluate.py` makes a Decision."""

from datetime import datetime

from trustkit.model.digest import Digest
from trustkit.model.grant import GrantUse
from trustkit.model.values import NamedTuple

ALLOW = "allow"
DENY = "deny"


class Finding(NamedTuple):
    """What one rule found. `enforced` False means: reported, but it did not decide (warn, audit).

    `rule` is its stable id, such as `production-images/verify.signatures`.
    """

    rule: str
    verdict: str
    enforced: bool
    message: str
    evidence: tuple[Digest, ...] = ()
    next_step: str = ""


class Decision(NamedTuple):
    """ALLOW or DENY, with the findings that led there and the digest of the policy that decided.

    `until`: from then on it no longer holds, because an exemption, a grant or a rollout that it rests on ends.
    """

    verdict: str
    findings: tuple[Finding, ...]
    policy: Digest
    policy_name: str = ""
    mode: str = "enforce"
    until: datetime | None = None
    grants: tuple[GrantUse, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether the verdict is ALLOW; carries no trust by itself, an Admission does."""
        return self.verdict == ALLOW

    @property
    def deciding(self) -> Finding | None:
        """The first enforced finding with the decision's verdict."""
        for finding in self.findings:
            if finding.enforced and finding.verdict == self.verdict:
                return finding
        return None
