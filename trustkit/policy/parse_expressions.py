"""`spec.require.expressions` and `spec.match.when`; loaded when a policy has one of them."""

from collections.abc import Mapping

from trustkit.codec.predicates import custom, cyclonedx, provenance, results, scan, spdx, summary, vex
from trustkit.errors import MalformedError
from trustkit.policy.document import Rule
from trustkit.policy.expressions.compile import Condition, compile_expression
from trustkit.policy.expressions.kinds import Schema
from trustkit.policy.expressions.monotone import only_grows
from trustkit.policy.expressions.reader import read as syntax
from trustkit.policy.expressions.schema import facts_schema, match_schema
from trustkit.policy.fields import Fields, items, text
from trustkit.policy.nodes import Node, refuse, shown
from trustkit.policy.rules.expression import Expression
from trustkit.policy.statements import Source

_ID_CHARS = 63
_PREDICATES = {
    provenance.V02: "provenance",
    provenance.V1: "provenance",
    summary.V1: "summary",
    results.TYPE: "testResult",
    custom.TYPE: "custom",
    **dict.fromkeys((scan.COSIGN, *scan.INTOTO), "scan"),
    **dict.fromkeys((*spdx.TYPES, *cyclonedx.TYPES), "sbom"),
    **dict.fromkeys(vex.TYPES, "vex"),
}


def expressions(node: Node, sources: Mapping[str, Source]) -> tuple[Rule, ...]:
    """Return a rule for each expression. Raises PolicySyntaxError."""
    schema = facts_schema({name: _PREDICATES.get(one.predicate_type, "") for name, one in sources.items()})
    found = tuple(_expression(item, schema, sources) for item in items(node))
    for number, (item, one) in enumerate(zip(items(node), found, strict=True)):
        if any(one.name == other.name for other in found[:number]):
            raise refuse(item, f"the id {shown(one.name)} is given twice")
    return found


def condition(node: Node) -> Condition:
    """Return the condition of `match.when`. Raises PolicySyntaxError."""
    return _compiled(node, match_schema())


def _expression(node: Node, schema: Schema, sources: Mapping[str, Source]) -> Expression:
    fields = Fields(node, ("id", "rule", "message", "denial"))
    name, message = text(fields.require("id")), fields.get("message")
    if len(name) > _ID_CHARS or not name.replace("-", "").isalnum() or not name.isascii():
        raise refuse(node, f"{shown(name)} is no id: letters, digits and -")
    compiled = _compiled(fields.require("rule"), schema)
    if not fields.flag("denial") and not only_grows(syntax(text(fields.require("rule")))):
        step = "look for evidence with exists, or add `denial: true` to declare that further evidence may deny"
        raise refuse(fields.require("rule"), "further evidence could turn this from true to false", step)
    used = tuple(sources[one] for kind, one in sorted(compiled.uses) if kind == "attestations")
    return Expression(name, compiled, text(message) if message is not None else "", used)


def _compiled(node: Node, schema: Schema) -> Condition:
    try:
        return compile_expression(text(node), schema)
    except MalformedError as error:
        raise refuse(node, error.message, "docs/policy.md lists facts and functions of expressions") from error
