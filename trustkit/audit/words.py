"""What a record is about, in one line for tables, and readers of its members."""

from collections.abc import Mapping

from trustkit.model.audit import AuditEvent
from trustkit.model.crypto import ModuleStatus

_CHARS = 160
# The first of these members that a record has says what it is about.
_NAMES = ("reference", "name", "file", "what", "grant")
# Nothing failed, and yet the reason is what one looks for.
_GIVEN_UP = ("key.revoked", "revocation.published")
_EXPLAIN = "explain"


def about(event: AuditEvent) -> str:
    """Return the most telling words: why it was refused, what ran, how it ended."""
    name = _name(event)
    tells_why = event.outcome in {"deny", "unknown", "failed"} or event.kind in _GIVEN_UP
    why = reason(event) if tells_why else ""
    words = f"{name}: {why}" if name and why else name or why
    clean = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return clean if len(clean) <= _CHARS else clean[: _CHARS - 1] + "…"


def _name(event: AuditEvent) -> str:
    body = event.body
    name = next(filter(None, (text(body, member) for member in _NAMES)), "")
    if event.kind == "container.exited" and text(body, "exit_code"):
        return f"{text(body, 'name') or name}: exit {text(body, 'exit_code')}"
    if event.kind == "revocation.published":
        return f"{text(body, 'revokes')} {name}".strip()
    if event.kind == "content_trust.published":
        return f"{text(body, 'repository')}: {text(body, 'what')}"
    if event.kind == "trust.updated":
        return f"root version {text(body, 'root')}"
    return name


def reason(event: AuditEvent) -> str:
    """Return why, in the record's own words: the deciding finding's, or the error's."""
    body = event.body
    return text(body, "reason") or text(mapping(body, "error"), "message") or text(body, "message")


def trial(body: Mapping[str, object]) -> str:
    """Return what a decision was only tried by or looked at for; empty if somebody was admitted or refused by it."""
    # records of before explanations said so themselves have their purpose
    purpose = text(mapping(body, "request"), "purpose")
    return text(body, "trial") or (_EXPLAIN if purpose == _EXPLAIN else "")


def text(body: Mapping[str, object], name: str) -> str:
    """Return a member as text; empty if it is absent or no scalar."""
    value = body.get(name)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def mapping(body: Mapping[str, object], name: str) -> Mapping[str, object]:
    """Return a member that is a map; empty if it is absent or another thing."""
    value = body.get(name)
    return value if isinstance(value, Mapping) else {}


def mappings(body: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    """Return the maps in a member that is a list."""
    value = body.get(name)
    if not isinstance(value, list | tuple):
        return []
    return [item for item in value if isinstance(item, Mapping)]


def module_of(crypto: Mapping[str, object]) -> ModuleStatus:
    """Return the module in a record's `crypto`; which algorithms it approves stands with each signature."""
    told = {name: text(crypto, name) for name in ModuleStatus._fields}
    return ModuleStatus(
        provider=told["provider"],
        version=told["version"],
        library=told["library"],
        mode=told["mode"],
        validated=crypto.get("validated") is True,
        certificate=told["certificate"],
        module=told["module"],
        sha256=told["sha256"],
    )
