"""`spec.require`: what the image and the request for a run must be like."""

from collections.abc import Mapping

from trustkit.model.crypto import MODES
from trustkit.model.image import Platform
from trustkit.model.strength import STRENGTHS
from trustkit.policy.document import Rule
from trustkit.policy.fields import Fields, boolean, choice, integer, items, mapping, text, texts
from trustkit.policy.nodes import LIST, Node, refuse, shown
from trustkit.policy.parse_pattern import registry_pattern
from trustkit.policy.parse_trust import ALGORITHMS
from trustkit.policy.profiles import PROFILES
from trustkit.policy.rules.image import ImagePlatform, ImageUser
from trustkit.policy.rules.registry import FromRegistry
from trustkit.policy.rules.runtime import RuntimeRule, capability
from trustkit.policy.statements import Source
from trustkit.policy.trusted import Demand

_FLAGS = (
    "denyPrivileged", "denyHostNamespaces", "denyHostPath", "denyRootUser", "readOnlyRoot", "denyHostProcess",
    "denyHostPorts", "denyNewPrivileges", "requireNonRoot",
)  # fmt: skip
_CONTENT = ("baseImages", "maxAge", "labels", "maxSize", "maxLayers", "denyHistory")
_STATED = ("provenance", "vulnerabilities", "sbom", "verificationSummary")
_OF_SIGNATURES = ("algorithms", "minimumStrength", "approved")
_OF_MODULE = ("providers", "modes", "certificates", "modules", "sha256")
_SHA256 = 64
_SECCOMP = ("RuntimeDefault", "Localhost", "Unset", "Unconfined")
_LISTS = ("volumes", "sysctls", "procMount", "apparmor", "selinuxTypes")
_PLATFORM_PARTS = (2, 3)
_HEX = frozenset("0123456789abcdef")
_CAPABILITY_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")


def require_rules(node: Node | None, sources: Mapping[str, Source]) -> tuple[Rule, ...]:
    """Return the rules of `spec.require`. Raises PolicySyntaxError."""
    if node is None:
        return ()
    fields = Fields(node, ("image", "runtime", "crypto", "expressions", *_STATED))
    rules = image_rules(fields.get("image"), sources) + runtime_rules(fields.get("runtime"))
    crypto = fields.get("crypto")
    if crypto is not None:
        rules += _crypto(crypto)
    if any(fields.get(name) is not None for name in _STATED):
        rules += _stated(fields, sources)
    expressions = fields.get("expressions")
    if expressions is None:
        return rules
    from trustkit.policy.parse_expressions import expressions as read

    return rules + read(expressions, sources)


def _stated(fields: Fields, sources: Mapping[str, Source]) -> tuple[Rule, ...]:
    from trustkit.policy.parse_statements import Statements

    reader = Statements(dict(sources))
    readers = (reader.provenance, reader.vulnerabilities, reader.sbom, reader.summary)
    found = zip(readers, (fields.get(name) for name in _STATED), strict=True)
    return tuple(read(value) for read, value in found if value is not None)


def signed_with(node: Node | None) -> tuple[tuple[str, ...], Demand]:
    """Return `spec.require.crypto.algorithms`, and what `minimumStrength` and `approved` demand.

    Raises PolicySyntaxError.
    """
    crypto = mapping(node).get("crypto") if node is not None else None
    asked = mapping(crypto) if crypto is not None else {}
    listed, least = asked.get("algorithms"), asked.get("minimumStrength")
    for item in items(listed) if listed is not None else ():
        choice(item, ALGORITHMS)
    strength = integer(least, min(STRENGTHS), max(STRENGTHS)) if least is not None else 0
    if least is not None and strength not in STRENGTHS:
        raise refuse(least, f"is not one of {', '.join(map(str, STRENGTHS))} bits")
    approved = asked.get("approved")
    demand = Demand(strength, boolean(approved) if approved is not None else False)
    return texts(listed) if listed is not None else (), demand


def _crypto(node: Node) -> tuple[Rule, ...]:
    from trustkit.policy.rules.crypto import CryptoModule

    fields = Fields(node, (*_OF_SIGNATURES, "validated", *_OF_MODULE))
    lists = {name: fields.get(name) for name in _OF_MODULE}
    for item in items(lists["modes"]) if lists["modes"] is not None else ():
        choice(item, MODES)
    for item in items(lists["sha256"]) if lists["sha256"] is not None else ():
        if len(text(item)) != _SHA256 or not set(text(item)) <= _HEX:
            raise refuse(item, f"{shown(text(item))} is no SHA-256 of a file", "write 64 hex digits in lower case")
    rule = CryptoModule(fields.flag("validated"), *(texts(one) if one is not None else () for one in lists.values()))
    if rule == CryptoModule() and _asks_nothing_of_signatures(fields):
        raise refuse(node, "asks for nothing")
    return () if rule == CryptoModule() else (rule,)


def _asks_nothing_of_signatures(fields: Fields) -> bool:
    return all(fields.get(name) is None for name in ("algorithms", "minimumStrength")) and not fields.flag("approved")


def image_rules(node: Node | None, sources: Mapping[str, Source]) -> tuple[Rule, ...]:
    """Return the rules of `spec.require.image`. Raises PolicySyntaxError."""
    if node is None:
        return ()
    fields = Fields(node, ("registries", "platforms", "denyRootUser", *_CONTENT))
    registries, platforms = fields.get("registries"), fields.get("platforms")
    rules: list[Rule] = []
    if registries is not None:
        rules.append(FromRegistry(tuple(registry_pattern(item) for item in items(registries))))
    if platforms is not None:
        texts(platforms)
        rules.append(ImagePlatform(tuple(_platform(item) for item in items(platforms))))
    if fields.flag("denyRootUser"):
        rules.append(ImageUser())
    if any(fields.get(name) is not None for name in _CONTENT):
        from trustkit.policy.parse_content import content_rules
        from trustkit.policy.parse_statements import Statements

        rules += content_rules(fields, Statements(dict(sources)))
    return tuple(rules)


def runtime_rules(node: Node | None) -> tuple[Rule, ...]:
    """Return the rules of `spec.require.runtime`: the profile's, changed by fields. Raises PolicySyntaxError."""
    if node is None:
        return ()
    fields = Fields(node, (*_FLAGS, *_LISTS, "capabilities", "seccomp", "profile"))
    profile = fields.get("profile")
    rules = dict(PROFILES[choice(profile, tuple(PROFILES))]) if profile is not None else {}
    for name in _FLAGS:
        given = fields.get(name)
        if given is not None and boolean(given):
            rules[name] = ()
        elif given is not None:
            rules.pop(name, None)
    capabilities, seccomp = fields.get("capabilities"), fields.get("seccomp")
    if capabilities is not None:
        rules |= _capabilities(capabilities)
    for name in _LISTS:
        listed = fields.get(name)
        if listed is not None:
            rules[name] = texts(listed)
    if seccomp is not None:
        for item in items(seccomp):
            choice(item, _SECCOMP)
        rules["seccomp"] = texts(seccomp)
    return tuple(RuntimeRule(name, allowed) for name, allowed in rules.items())


def _capabilities(node: Node) -> dict[str, tuple[str, ...]]:
    fields = Fields(node, ("add", "drop"))
    added, dropped = fields.get("add"), fields.get("drop")
    if added is None and dropped is None:
        raise refuse(node, "the field 'add' is missing")
    found = {"capabilities.add": _named_capabilities(added)} if added is not None else {}
    return found | ({"capabilities.drop": _named_capabilities(dropped)} if dropped is not None else {})


def _named_capabilities(added: Node) -> tuple[str, ...]:
    # an empty list is the strictest rule there is: nothing may be added
    if added.kind == LIST and not added.items:
        return ()
    names = tuple(capability(name) for name in texts(added))
    for item, name in zip(items(added), names, strict=True):
        if not name or not set(name) <= _CAPABILITY_LETTERS:
            raise refuse(item, f"{shown(name)} is no capability", "write NET_BIND_SERVICE")
    return names


def _platform(node: Node) -> Platform:
    written = str(node.scalar)
    parts = written.split("/")
    if len(parts) not in _PLATFORM_PARTS or not all(parts):
        raise refuse(node, f"{shown(written)} is no platform", "write linux/amd64 or linux/arm64/v8")
    return Platform(*parts)
