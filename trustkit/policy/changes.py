"""What differs between two policies, field by field, and what that does to rules."""

from collections.abc import Iterator

from trustkit.model.values import NamedTuple
from trustkit.policy.document import Policy, Section

ADDED, REMOVED, CHANGED = "added", "removed", "changed"


class Change(NamedTuple):
    """One difference: in which section, at which path, the values before and after as text."""

    kind: str
    section: str
    path: str
    before: str = ""
    after: str = ""


def flat(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield each scalar of a plain document with its path; what stands in lists is named by its place."""
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from flat(member, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and value:
        for number, member in enumerate(value):
            yield from flat(member, f"{path}[{number}]")
    else:
        yield path, str(value)


def changes(before: dict[str, tuple[object, Section]], after: dict[str, tuple[object, Section]]) -> tuple[Change, ...]:
    """Return every difference of two policies' documents by section name; none if they decide the same."""
    found: list[Change] = []
    for name in sorted({*before, *after}):
        if name not in after:
            found.append(Change(REMOVED, name, ""))
        elif name not in before:
            found.append(Change(ADDED, name, ""))
        else:
            found += _within(name, before[name], after[name])
    return tuple(found)


def by_name(policy: Policy, plain: dict[str, object]) -> dict[str, tuple[object, Section]]:
    """Return documents and sections by name, for `changes`."""
    return {section.name: (plain[section.name], section) for section in policy.sections}


def _within(name: str, before: tuple[object, Section], after: tuple[object, Section]) -> list[Change]:
    one, other = dict(flat(before[0])), dict(flat(after[0]))
    found = []
    for path in sorted({*one, *other}):
        if path not in other:
            found.append(Change(REMOVED, name, path, before=one[path]))
        elif path not in one:
            found.append(Change(ADDED, name, path, after=other[path]))
        elif one[path] != other[path]:
            found.append(Change(CHANGED, name, path, one[path], other[path]))
    keys, newer = ({key.name: key.fingerprint for key in side[1].keys} for side in (before, after))
    found += [
        Change(CHANGED, name, f"spec.trust.keys.{key} (the file)", keys[key][:12], newer[key][:12])
        for key in sorted(keys.keys() & newer.keys())
        if keys[key] != newer[key]
    ]
    roots, newest = ({(root.kind, root.name): root.content for root in side[1].roots} for side in (before, after))
    found += [
        Change(CHANGED, name, f"spec.trust.roots ({kind} {root}, the file)")
        for kind, root in sorted(roots.keys() & newest.keys())
        if roots[kind, root] != newest[kind, root]
    ]
    return found
