"""Which sections speak about a request, and in which order.

All sections that match hold at once (AND). The most specific one comes first, which decides only whose name and
whose finding is reported first. Specific means:
the longest literal beginning among the patterns that match the image, then the most literal
characters, then the section's name.
"""

from trustkit.model.facts import Facts
from trustkit.policy.document import Policy, Section


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
