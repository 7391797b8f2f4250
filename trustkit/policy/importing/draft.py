"""A policy in the making: documents as plain values, the files they need, and what could not be said.

Notes are about what is said otherwise, and never looser. What cannot be said at all is `untranslated`: the section
it stands in gets a rule that always denies and says so.
"""

import re
from collections.abc import Iterable

from trustkit.errors import MalformedError, PolicySyntaxError
from trustkit.model.values import NamedTuple
from trustkit.policy.nodes import TEXT, Node
from trustkit.policy.parse_pattern import image_pattern
from trustkit.policy.regex import Regex
from trustkit.policy.trusted import REMOTE

_NAME_CHARS = 63
_SECTIONS = 256
_QUOTED = re.compile(r"([\\.+*?()|\[\]{}^$])")


class Imported(NamedTuple):
    """The documents, files to put beside them, what is said otherwise, and what could not be said."""

    documents: tuple[dict[str, object], ...]
    files: dict[str, bytes]
    notes: tuple[str, ...]
    untranslated: tuple[str, ...]


class Draft:
    """Gathers sections; names of sections and keys are made unique."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.notes: list[str] = []
        self.untranslated: list[str] = []
        self._documents: list[dict[str, object]] = []
        self._keys: dict[str, str] = {}

    def section(self, name: str) -> "Section":
        """Begin a section. Raises MalformedError for too many."""
        if len(self._documents) >= _SECTIONS:
            raise MalformedError(f"more than {_SECTIONS} sections would be needed")
        used = {str(document["name"]) for document in self._documents}
        wanted = _plain_name(name)
        unique = wanted
        number = 2
        while unique in used:
            unique = f"{wanted[: _NAME_CHARS - 4]}-{number}"
            number += 1
        spec: dict[str, object] = {}
        self._documents.append({"name": unique, "spec": spec})
        return Section(self, unique, spec)

    def key_name(self, pem: str, wanted: str = "key") -> str:
        """Return the name of a key, the same for the same key wherever it stands."""
        if pem not in self._keys:
            self._keys[pem] = f"{_plain_name(wanted)[:50]}-{len(self._keys) + 1}"
        return self._keys[pem]

    def note(self, text: str) -> None:
        """Say that something is said otherwise."""
        if text not in self.notes:
            self.notes.append(text)

    def finished(self) -> Imported:
        """Return everything."""
        documents = tuple(
            {
                "apiVersion": "trustkit.dev/v1",
                "kind": "Policy",
                "metadata": {"name": one["name"]},
                "spec": one["spec"],
            }
            for one in self._documents
        )
        return Imported(documents, self.files, tuple(self.notes), tuple(self.untranslated))


class Section:
    """One document's `spec`."""

    def __init__(self, draft: Draft, name: str, spec: dict[str, object]) -> None:
        self._draft = draft
        self.name = name
        self._spec = spec

    def match(self, patterns: Iterable[str], without: Iterable[str] = ()) -> None:
        """Say which images it is about; `without` are expressions over names that are excluded."""
        listed = list(dict.fromkeys(self._pattern(one) for one in patterns))
        found: dict[str, object] = {} if "**" in listed else {"images": listed}
        excluded = [f"!image.name.matches({quoted(one)})" for one in dict.fromkeys(without)]
        if excluded:
            found["when"] = " && ".join(excluded)
        if found:
            self._spec["match"] = found

    def when(self, expression: str) -> None:
        """Speak about requests only for which this holds too."""
        match = self._child("match")
        match["when"] = f"{match['when']} && {expression}" if "when" in match else expression

    def slots(self, names: Iterable[str]) -> None:
        """Speak about images in these slots of a pod only."""
        self._child("match")["slots"] = list(names)

    def trust(self, family: str, name: str, value: object) -> None:
        """Say whom a name stands for."""
        self._child("trust", family)[name] = value

    def root(self, kind: str, name: str, value: object) -> None:
        """Name a file of trust."""
        self._child("trust", "roots", kind)[name] = value

    def key(self, pem: str, wanted: str = "key") -> dict[str, object]:
        """Trust a key, PEM or path, and return how `verify` names it."""
        name = self._draft.key_name(pem, wanted)
        self.trust("keys", name, {"pem": pem})
        return {"key": name}

    def service_key(self, uri: str, wanted: str = "key") -> dict[str, object]:
        """Trust a key that lies in a service, and return how `verify` names it. Raises MalformedError."""
        if uri.partition(":")[0] not in REMOTE:
            raise MalformedError("a key in a place that is not known here")
        name = self._draft.key_name(uri, wanted)
        self.trust("keys", name, {"kms": uri})
        return {"key": name}

    def logged(self) -> None:
        """Let only what a transparency log shows count."""
        self.root("sigstore", "sigstore", "trust/trusted_root.json")
        self._child("trust")["transparency"] = {"required": True}

    def copy_scope(self, other: "Section") -> None:
        """Speak about what another section speaks about, in its mode."""
        for name in ("match", "enforcement"):
            if name in other._spec:  # noqa: SLF001  (of the same class)
                self._spec[name] = other._spec[name]  # noqa: SLF001

    def verify(self, field: str, value: object) -> None:
        """Set a field of `verify`."""
        self._child("verify")[field] = value

    def require(self, field: str, value: object) -> None:
        """Set a field of `require`."""
        self._child("require")[field] = value

    def set(self, field: str, value: object) -> None:
        """Set a field of `enforcement`."""
        self._child("enforcement")[field] = value

    def expression(self, rule: str, message: str, *, denial: bool = False) -> None:
        """Add an expression."""
        listed = self._child("require").setdefault("expressions", [])
        if isinstance(listed, list):
            one: dict[str, object] = {"id": f"imported-{len(listed) + 1}", "rule": rule, "message": message[:400]}
            listed.append({**one, "denial": True} if denial else one)

    def deny(self, message: str) -> None:
        """Deny, as the other policy does too."""
        self.expression("false", message)

    def untranslated(self, what: str) -> None:
        """Deny because something could not be said."""
        self._draft.untranslated.append(f"{self.name}: {what}")
        self.expression("false", f"not translated: {what}")

    def accept_until(self, until: str, what: str) -> None:
        """Accept anything with a warning, until a date: nothing is trusted without end."""
        self.deny(f"{what}: nothing is verified")
        self.set("rollout", {"warnUntil": until})
        self._draft.note(f"{self.name}: {what} becomes a warning until {until}, and a denial from then on")

    def _pattern(self, written: str) -> str:
        """Return a pattern we can write; for another one everything, and the section denies."""
        try:
            return image_pattern(Node(self.name, 1, "images", TEXT, written)).text
        except PolicySyntaxError:
            self.untranslated(f"the pattern {written[:120]!r}")
            return "**"

    def _child(self, *path: str) -> dict[str, object]:
        found = self._spec
        for name in path:
            inner = found.setdefault(name, {})
            if not isinstance(inner, dict):
                raise MalformedError(f"{name} is set twice")
            found = inner
        return found


def quoted(text: str) -> str:
    """Return a text as an expression writes it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def literal(text: str) -> str:
    """Return the regular expression of exactly this text."""
    return _QUOTED.sub(r"\\\1", text)


def anywhere(pattern: str) -> str:
    """Return the expression whose whole text matches where `pattern` is found anywhere. Raises MalformedError."""
    found = f"(?s:.*)(?:{pattern})(?s:.*)"
    Regex.compile(pattern)
    Regex.compile(found)
    return found


def wildcard(text: str) -> str:
    """Return the expression of a text in which `*` stands for anything."""
    return ".*".join(literal(part) for part in text.split("*"))


def _plain_name(text: str) -> str:
    letters = re.sub(r"[^a-z0-9.-]+", "-", text.lower()).strip("-.")
    return letters[:_NAME_CHARS] or "imported"
