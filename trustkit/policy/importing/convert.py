"""A file of another tool, whichever it is, as a policy of ours."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from trustkit import limits
from trustkit.codec.strict_json import as_object, parse
from trustkit.errors import MalformedError
from trustkit.policy.importing import cluster_image_policy, connaisseur, containers, kyverno, notation
from trustkit.policy.importing.draft import Draft, Imported

_FAR = timedelta(days=90)
_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*\Z")
_FOREIGN = re.compile(r"[^ -~]")
_RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def convert(content: bytes, file: str, now: datetime) -> Imported:
    """Return the policy. Raises MalformedError, PolicySyntaxError for YAML that is none."""
    if content.lstrip()[:1] == b"{":
        value = parse(content, what=file, limit_bytes=limits.POLICY_BYTES, fold_names=False)
        top = as_object(value, file)
        if "trustPolicies" in top:
            return notation.convert(top, now)
        if "kind" not in top and not connaisseur.is_values(top):
            return containers.convert(top, now)
        return _documents([top], now)
    from trustkit.policy.yaml_reader import documents

    return _documents([as_object(node.plain(), file) for node in documents(content, file)], now)


def _documents(found: list[dict[str, object]], now: datetime) -> Imported:
    draft = Draft()
    until = (now + _FAR).strftime("%Y-%m-%dT%H:%M:%SZ")
    known = 0
    for document in found:
        kind = str(document.get("kind", ""))
        if kind == cluster_image_policy.KIND:
            cluster_image_policy.convert(document, draft, until)
        elif kind in kyverno.KINDS:
            kyverno.convert(document, draft)
        elif connaisseur.is_values(document):
            connaisseur.convert(document, draft, until)
        else:
            draft.note(f"a document of kind {kind[:60] or 'unknown'} is left out")
            continue
        known += 1
    imported = draft.finished()
    if not known or not imported.documents:
        raise MalformedError(
            "holds no policy of a tool that is known: policy.json, trustpolicy.json, ClusterImagePolicy, Kyverno's "
            "verifyImages or ImageValidatingPolicy, Connaisseur"
        )
    return imported


def to_yaml(imported: Imported, origin: str) -> str:
    """Return the documents as text, with what could not be said on top."""
    lines = [f"# Imported from {_comment(origin)}. Read it before you rely on it."]
    lines += [f"# said otherwise: {_comment(note)}" for note in imported.notes]
    lines += [f"# NOT TRANSLATED, so it denies: {_comment(what)}" for what in imported.untranslated]
    for number, document in enumerate(imported.documents):
        lines += ["---"] if number else []
        lines += _block(document, 0)
    return "\n".join(lines) + "\n"


def _block(value: dict[str, object], depth: int) -> Iterator[str]:
    margin = "  " * depth
    for name, member in value.items():
        key = name if _PLAIN_KEY.match(name) and name.lower() not in _RESERVED else json.dumps(name)
        if isinstance(member, dict) and member and depth < 4:  # noqa: PLR2004  (deeper ones fit a line)
            yield f"{margin}{key}:"
            yield from _block(member, depth + 1)
        elif isinstance(member, list) and member and depth < 4:  # noqa: PLR2004
            yield f"{margin}{key}:"
            yield from (f"{margin}  - {_line(item)}" for item in member)
        else:
            yield f"{margin}{key}: {_line(member)}"


def _line(value: object) -> str:
    """Return a value in one line: JSON is YAML, but for escapes of letters beyond the first plane."""
    return _FOREIGN.sub(lambda found: f"\\U{ord(found[0]):08x}", json.dumps(value, ensure_ascii=False))


def _comment(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:400]
