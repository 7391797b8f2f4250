"""`spec.exceptions`: exemptions and break-glass, both for named rules; loaded when a policy has any."""

from trustkit.policy.document import Rule
from trustkit.policy.exemptions import ExemptImage, Exemption
from trustkit.policy.fields import Fields, boolean, choice, items, moment, text, texts
from trustkit.policy.grants import LONGEST, BreakGlass
from trustkit.policy.nodes import Node, refuse, shown
from trustkit.policy.parse_pattern import image_pattern
from trustkit.policy.parse_trust import Trust
from trustkit.policy.parse_verify import parties, threshold
from trustkit.policy.quantities import duration

_ID_CHARS = 63
_HEX_CHARS = 64
_HEX = frozenset("0123456789abcdef")
# Naming these would skip whatever the policy will demand tomorrow.
_TOO_WIDE = ("all", "spec", "verify", "require", "verify.attestations", "enforcement")


_TERMS = ("enabled", "grant", "approvers", "requesters", "maxDuration", "skip", "neverSkip", "audit")


def exceptions(node: Node, rules: tuple[Rule, ...], trusted: Trust) -> tuple[tuple[Exemption, ...], BreakGlass | None]:
    """Return the exemptions and the terms of break-glass, checked against their section. Raises PolicySyntaxError."""
    fields = Fields(node, ("exemptions", "breakGlass"))
    listed, terms = fields.get("exemptions"), fields.get("breakGlass")
    if listed is None and terms is None:
        raise refuse(node, "the mapping is empty", "give exemptions or breakGlass")
    return (
        _exemptions(listed, rules) if listed is not None else (),
        _break_glass(terms, rules, trusted) if terms is not None else None,
    )


def _exemptions(node: Node, rules: tuple[Rule, ...]) -> tuple[Exemption, ...]:
    found = tuple(_exemption(item, rules) for item in items(node))
    for number, one in enumerate(found):
        if any(one.id == other.id for other in found[:number]):
            raise refuse(node, f"exemption {shown(one.id)} is given twice")
    return found


def _break_glass(node: Node, rules: tuple[Rule, ...], trusted: Trust) -> BreakGlass | None:
    """Return the terms, None if they are not enabled; everything is checked all the same."""
    fields = Fields(node, _TERMS)
    choice(fields.require("grant"), ("signed",))
    approvers = Fields(fields.require("approvers"), ("count", "of", "notRequester"))
    apart, audit = approvers.get("notRequester"), fields.get("audit")
    if apart is not None and not boolean(apart):
        raise refuse(apart, "who asks must not approve", "leave it out, or say true")
    longest, skip, never = fields.require("maxDuration"), fields.require("skip"), fields.get("neverSkip")
    if duration(longest) > LONGEST:
        raise refuse(longest, f"at most {LONGEST.days} days", "an exemption is for more")
    for item in (*items(skip), *(items(never) if never is not None else ())):
        _require_rule(item, rules)
    requesters = fields.get("requesters")
    told = Fields(audit, ("alert", "reviewWithin")) if audit is not None else None
    alert, within = (told.get("alert"), told.get("reviewWithin")) if told else (None, None)
    terms = BreakGlass(
        approvers=threshold(approvers, trusted),
        requesters=parties(requesters, trusted) if requesters is not None else trusted.signers,
        max_duration=duration(longest),
        skip=texts(skip),
        never_skip=texts(never) if never is not None else (),
        alert=boolean(alert) if alert is not None else True,
        review_within=duration(within) if within is not None else None,
    )
    return terms if boolean(fields.require("enabled")) else None


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
