"""Parties of sigstore as several tools write them: keys, and identities with expressions that match anywhere."""

from collections.abc import Mapping

from trustkit.codec.strict_json import as_object, as_text
from trustkit.errors import MalformedError
from trustkit.policy.importing.draft import Section, anywhere, wildcard

ROOT = "trust/trusted_root.json"
_PEM = "-----BEGIN PUBLIC KEY-----"


def identity(section: Section, name: str, value: object, *, wildcards: bool = False) -> dict[str, object] | None:
    """Trust an identity and return how `verify` names it; None if it says too little.

    Raises MalformedError, also for expressions that are not RE2.
    """
    members = as_object(value, "identity")
    found: dict[str, object] = {}
    for word, other in (("issuer", "issuerRegExp"), ("subject", "subjectRegExp")):
        exact = members.get(word) or members.get(f"{word}URL")
        regex = members.get(other) or members.get(f"{word}Regex") or members.get(f"{word}Regexp")
        if regex:
            found[f"{word}Regex"] = anywhere(as_text(regex, other))
        elif exact and wildcards and "*" in as_text(exact, word):
            found[f"{word}Regex"] = wildcard(as_text(exact, word))
        elif exact:
            found[word] = as_text(exact, word)
        else:
            return None
    section.root("sigstore", "sigstore", ROOT)
    section.trust("identities", name, found)
    return {"identity": name}


def inline_key(section: Section, pem: object, wanted: str) -> dict[str, object]:
    """Trust one PEM key given as text. Raises MalformedError for anything else, and for several keys."""
    text = as_text(pem, "public key").strip()
    if not text.startswith(_PEM) or text.count(_PEM) != 1:
        raise MalformedError("not exactly one PEM block PUBLIC KEY")
    return section.key(text + "\n", wanted)


def only(value: Mapping[str, object], *known: str) -> str:
    """Return the members beside those known, for a message."""
    return ", ".join(
        sorted(name for name, member in value.items() if name not in known and member not in (None, {}, []))
    )
