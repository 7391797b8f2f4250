"""Kyverno's patterns of image references become a section's `match.images`."""

from trustkit.codec.strict_json import as_list, as_text
from trustkit.policy.importing.draft import Section
from trustkit.policy.importing.names import bare, full, narrow, wide


def references(section: Section, given: object, skipped: object) -> None:
    """Set which images the section is about. Raises MalformedError."""
    patterns, without = [], []
    for item in as_list(given or [], "imageReferences"):
        written = as_text(item, "imageReferences")
        name, is_open = bare(written)
        pattern = wide(full(name)) if "{{" not in written else ""
        if not pattern or not is_open:
            section.untranslated(f"the image reference {written[:120]}")
        patterns.append(pattern or "**")
    for item in as_list(skipped or [], "skipImageReferences"):
        written = as_text(item, "skipImageReferences")
        name, is_open = bare(written)
        if is_open and "{{" not in written:
            without.append(narrow(full(name)))
        else:
            section.untranslated(f"the skipped reference {written[:120]}")
    section.match(patterns or ["**"], without)
