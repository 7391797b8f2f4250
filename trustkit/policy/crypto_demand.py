"""What a whole policy demands of the crypto module: a node of a fleet that has another one does not begin to serve."""

from trustkit.model.crypto import ModuleStatus
from trustkit.policy.document import ENFORCE, Policy, Section
from trustkit.policy.rules.crypto import CryptoModule


def refusal_everywhere(policy: Policy, module: ModuleStatus) -> str:
    """Return why every section refuses this module, so that nothing could be admitted; nothing if one does not."""
    reasons = [_refusal(section, module) for section in policy.sections]
    return next(iter(reasons), "") if all(reasons) else ""


def _refusal(section: Section, module: ModuleStatus) -> str:
    # Who may be excused is judged request by request.
    if section.mode != ENFORCE or section.warn_until or section.exemptions or section.break_glass:
        return ""
    demands = (rule for rule in section.rules if isinstance(rule, CryptoModule))
    return next((reason for rule in demands if (reason := rule.refusal(module))), "")
