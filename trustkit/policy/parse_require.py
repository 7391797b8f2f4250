"""`spec.require`: what the image and the request for a run must be like."""

from trustkit.model.image import Platform
from trustkit.policy.document import Rule
from trustkit.policy.fields import Fields, choice, items, texts
from trustkit.policy.nodes import LIST, Node, refuse, shown
from trustkit.policy.parse_pattern import registry_pattern
from trustkit.policy.rules.image import ImagePlatform, ImageUser
from trustkit.policy.rules.registry import FromRegistry
from trustkit.policy.rules.runtime import RuntimeRule, capability

_FLAGS = ("denyPrivileged", "denyHostNamespaces", "denyHostPath", "denyRootUser", "readOnlyRoot")
_SECCOMP = ("RuntimeDefault", "Localhost", "Unconfined")
_PLATFORM_PARTS = (2, 3)
_CAPABILITY_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")


def image_rules(node: Node | None) -> tuple[Rule, ...]:
    """Return the rules of `spec.require.image`. Raises PolicySyntaxError."""
    if node is None:
        return ()
    fields = Fields(node, ("registries", "platforms", "denyRootUser"), ("baseImages", "maxAge", "labels"))
    registries, platforms = fields.get("registries"), fields.get("platforms")
    rules: list[Rule] = []
    if registries is not None:
        rules.append(FromRegistry(tuple(registry_pattern(item) for item in items(registries))))
    if platforms is not None:
        texts(platforms)
        rules.append(ImagePlatform(tuple(_platform(item) for item in items(platforms))))
    if fields.flag("denyRootUser"):
        rules.append(ImageUser())
    return tuple(rules)


def runtime_rules(node: Node | None) -> tuple[Rule, ...]:
    """Return the rules of `spec.require.runtime`. Raises PolicySyntaxError."""
    if node is None:
        return ()
    fields = Fields(node, (*_FLAGS, "capabilities", "seccomp"), ("profile",))
    rules: list[Rule] = [RuntimeRule(name) for name in _FLAGS if fields.flag(name)]
    capabilities, seccomp = fields.get("capabilities"), fields.get("seccomp")
    if capabilities is not None:
        rules.append(RuntimeRule("capabilities.add", _capabilities(capabilities)))
    if seccomp is not None:
        for item in items(seccomp):
            choice(item, _SECCOMP)
        rules.append(RuntimeRule("seccomp", texts(seccomp)))
    return tuple(rules)


def _capabilities(node: Node) -> tuple[str, ...]:
    added = Fields(node, ("add",), ("drop",)).require("add")
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
