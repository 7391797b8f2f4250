"""`spec.require.image`, the parts about what the image is made of; loaded when a policy has one of them."""

from trustkit.policy.document import Rule
from trustkit.policy.fields import Fields, boolean, integer, items, mapping, text
from trustkit.policy.nodes import BOOLEAN, MAPPING, Node, refuse, shown
from trustkit.policy.parse_pattern import image_pattern
from trustkit.policy.parse_statements import Statements, expression
from trustkit.policy.pattern import Pattern
from trustkit.policy.quantities import duration, size
from trustkit.policy.rules.content import BaseImages, ImageAge, ImageHistory, ImageLabel, ImageSize
from trustkit.policy.statements import Source

FIELDS = ("baseImages", "maxAge", "labels", "maxSize", "maxLayers", "denyHistory")
_LAYERS = 512
_LABEL_CHARS = 256
_LABEL = "label"


def content_rules(fields: Fields, statements: Statements) -> list[Rule]:
    """Return the rules of the fields in FIELDS. Raises PolicySyntaxError."""
    bases, age, labels, largest, layers, history = (fields.get(name) for name in FIELDS)
    rules: list[Rule] = []
    if bases is not None:
        rules.append(_bases(bases, statements))
    if age is not None:
        rules.append(ImageAge(duration(age)))
    if labels is not None:
        rules += _labels(labels)
    if largest is not None:
        rules.append(ImageSize("maxSize", size(largest)))
    if layers is not None:
        rules.append(ImageSize("maxLayers", integer(layers, 1, _LAYERS)))
    if history is not None:
        rules.append(ImageHistory(tuple(expression(item) for item in items(history))))
    return rules


def _labels(node: Node) -> list[Rule]:
    named = mapping(node)
    if not named:
        raise refuse(node, "the mapping is empty")
    return [_label(name, value) for name, value in named.items()]


def _label(name: str, node: Node) -> ImageLabel:
    if not name or len(name) > _LABEL_CHARS or not name.isprintable():
        raise refuse(node, f"{shown(name)} is no name for a label")
    if node.kind == BOOLEAN:
        if not boolean(node):
            raise refuse(node, "`true` asks for the label; there is nothing else to ask without a value")
        return ImageLabel(name)
    if node.kind != MAPPING:
        return ImageLabel(name, text(node))
    return ImageLabel(name, regex=expression(Fields(node, ("regex",)).require("regex")))


def _bases(node: Node, statements: Statements) -> BaseImages:
    fields = Fields(node, ("anyOf", "from"))
    sources: list[Source | None] = [
        None if text(item) == _LABEL else statements.materials_of(item) for item in items(fields.require("from"))
    ]
    return BaseImages(tuple(_base(item) for item in items(fields.require("anyOf"))), tuple(sources))


def _base(node: Node) -> Pattern:
    written = text(node)
    name, at, digest = written.partition("@")
    image_pattern(node._replace(scalar=name))
    if at and not (digest == "*" or digest.startswith("sha256:")):
        raise refuse(node, f"{shown(written)} names no digest after the @", "write NAME@* or NAME@sha256:...")
    return Pattern.compile(f"{name}@{digest or '*'}")
