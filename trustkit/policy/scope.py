"""Which sections speak about a request, and in which order.

All sections that match hold at once (AND). The most specific one comes first, which decides only whose name and
whose finding is reported first. Specific means:
the longest literal beginning among the patterns that match the image, then the most literal
characters, then the section's name.
"""

from trustkit.model.facts import Facts
from trustkit.policy.document import Policy, Section
from trustkit.policy.rules.covering import bare

# The label that Kubernetes sets itself to the namespace's name.
NAME_LABEL = "kubernetes.io/metadata.name"


def matching(policy: Policy, facts: Facts) -> tuple[Section, ...]:
    """Return the sections that match the request and the normalised name, most specific first."""
    name = facts.image.ref.name
    found: list[tuple[tuple[int, int], str, Section]] = []
    for section in policy.sections:
        if not section.match.here(facts):
            continue
        fitting = [pattern.specificity for pattern in section.match.images if pattern.matches(name)]
        if fitting or not section.match.images:
            found.append((max(fitting, default=(0, 0)), section.name, section))
    found.sort(key=lambda entry: (-entry[0][0], -entry[0][1], entry[1]))
    return tuple(section for _, _, section in found)


def needs_namespace_labels(policy: Policy) -> str:
    """Return which document looks at labels of namespaces other than their name, or nothing."""
    for section in policy.sections:
        conditions = [section.match.when, *(getattr(bare(rule), "condition", None) for rule in section.rules)]
        looked_at = {name for one in conditions for _, name in getattr(one, "uses", ())}
        if "namespaceLabels" in looked_at or any(name != NAME_LABEL for name, _ in section.match.selector):
            return section.name
    return ""
