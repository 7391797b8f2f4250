"""`spec.exceptions`: exemptions, each for named rules; loaded when a policy has any."""

from trustkit.policy.document import Rule
from trustkit.policy.exemptions import ExemptImage, Exemption
from trustkit.policy.fields import Fields, items, moment, text, texts
from trustkit.policy.nodes import Node, refuse, shown
from trustkit.policy.parse_pattern import image_pattern

_ID_CHARS = 63
_HEX_CHARS = 64
_HEX = frozenset("0123456789abcdef")
# Naming these would skip whatever the policy will demand tomorrow.
_TOO_WIDE = ("all", "spec", "verify", "require", "verify.attestations", "enforcement")


def exemptions(node: Node | None, rules: tuple[Rule, ...]) -> tuple[Exemption, ...]:
    """Return the exemptions, each checked against the rules of its section. Raises PolicySyntaxError."""
    if node is None:
        return ()
    fields = Fields(node, ("exemptions",), ("breakGlass",))
    found = tuple(_exemption(item, rules) for item in items(fields.require("exemptions")))
    for number, one in enumerate(found):
        if any(one.id == other.id for other in found[:number]):
            raise refuse(node, f"exemption {shown(one.id)} is given twice")
    return found


def _exemption(node: Node, rules: tuple[Rule, ...]) -> Exemption:
    fields = Fields(node, ("id", "images", "namespaces", "skip", "reason", "approvedBy", "expires"))
    name = text(fields.require("id"))
    if len(name) > _ID_CHARS or not name.isprintable():
        raise refuse(node, f"{shown(name)} is no id")
    namespaces, skip = fields.get("namespaces"), fields.require("skip")
    for item in items(skip):
        _require_rule(item, rules)
    return Exemption(
        name,
        tuple(_image(item) for item in items(fields.require("images"))),
        texts(skip),
        text(fields.require("reason")),
        texts(fields.require("approvedBy")),
        moment(fields.require("expires")),
        texts(namespaces) if namespaces is not None else (),
    )


def _require_rule(node: Node, rules: tuple[Rule, ...]) -> None:
    name = text(node)
    if name in _TOO_WIDE:
        raise refuse(node, f"{shown(name)} names no rule of its own", "name each rule: verify.signatures, require.sbom")
    if not any(rule.id == name or rule.id.startswith(f"{name}.") for rule in rules):
        known = ", ".join(rule.id for rule in rules[:12])
        raise refuse(node, f"no rule of this policy is called {shown(name)}; it has {known or 'none'}")


def _image(node: Node) -> ExemptImage:
    written = text(node)
    name, at, digest = written.partition("@")
    kind, _, value = digest.partition(":")
    if at and (kind != "sha256" or len(value) != _HEX_CHARS or not set(value) <= _HEX):
        raise refuse(node, f"{shown(written)} has no digest after the @")
    pattern = image_pattern(node._replace(scalar=name))
    if pattern.text == "**":
        raise refuse(node, "an exemption for every image is a different policy", "name the images it is about")
    return ExemptImage(pattern, digest)
