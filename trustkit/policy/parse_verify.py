"""`spec.verify`: whose signatures and attestations are needed."""

from collections.abc import Mapping

from trustkit.policy.document import PolicyKey, Rule
from trustkit.policy.fields import Fields, boolean, choice, integer, items, mapping, text, texts
from trustkit.policy.nodes import Node, refuse, shown
from trustkit.policy.rules.attested import Attested
from trustkit.policy.rules.signed_by import SignedBy
from trustkit.policy.signers import Signers

_NAME_CHARS = 63
_COUNT_MAX = 64


def verify_rules(node: Node | None, keys: Mapping[str, PolicyKey]) -> tuple[Rule, ...]:
    """Return the rules of `spec.verify`, signatures first. Raises PolicySyntaxError."""
    if node is None:
        return ()
    fields = Fields(node, ("subjects", "signatures", "attestations"), ("discovery", "signedIdentity"))
    subjects, signatures, attestations = (fields.get(name) for name in ("subjects", "signatures", "attestations"))
    if subjects is not None:
        index = Fields(subjects, ("index",)).require("index")
        choice(index, ("indexOnly",), ("allReferenced", "platform"))
    rules: list[Rule] = []
    if signatures is not None:
        rules.append(_signatures(signatures, keys))
    if attestations is not None:
        for name, value in mapping(attestations).items():
            rules += _attestation(name, value, keys)
    return tuple(rules)


def _signatures(node: Node, keys: Mapping[str, PolicyKey]) -> SignedBy:
    fields = Fields(node, ("anyOf", "threshold", "key", "annotations"), ("identity", "x509"))
    options = _options(fields, keys)
    annotations = fields.get("annotations")
    if annotations is None:
        return SignedBy(options)
    wanted = tuple(sorted((name, text(value)) for name, value in mapping(annotations).items()))
    if not wanted:
        raise refuse(annotations, "the mapping is empty")
    return SignedBy(options, wanted)


def _attestation(name: str, node: Node, keys: Mapping[str, PolicyKey]) -> list[Rule]:
    if not name or len(name) > _NAME_CHARS or not name.replace("-", "").replace("_", "").isalnum():
        raise refuse(node, f"{shown(name)} is no name for an attestation: letters, digits, - and _")
    fields = Fields(node, ("type", "by", "required"), ("newest", "all", "x509"))
    by = Fields(fields.require("by"), ("anyOf", "threshold", "key"), ("identity", "x509"))
    rule = Attested(name, text(fields.require("type")), _options(by, keys))
    required = fields.get("required")
    # what is not required has nothing to deny
    return [rule] if required is None or boolean(required) else []


def _options(fields: Fields, keys: Mapping[str, PolicyKey]) -> tuple[Signers, ...]:
    given = fields.exactly_one("anyOf", "threshold", "key")
    if fields.get("anyOf") is None:
        return (_signers(fields, keys),)
    alternatives = (Fields(item, ("threshold", "key"), ("identity", "x509", "anyOf")) for item in items(given))
    return tuple(_signers(alternative, keys) for alternative in alternatives)


def _signers(fields: Fields, keys: Mapping[str, PolicyKey]) -> Signers:
    given = fields.exactly_one("threshold", "key")
    if fields.get("threshold") is None:
        return Signers(1, (_known(given, text(given), keys),))
    threshold = Fields(given, ("count", "distinct", "of"))
    distinct = threshold.get("distinct")
    if distinct is not None:
        choice(distinct, ("key",), ("identity", "issuer"))
    listed = threshold.require("of")
    names = texts(listed)
    of = tuple(_known(item, name, keys) for item, name in zip(items(listed), names, strict=True))
    number = threshold.require("count")
    needed = integer(number, 1, _COUNT_MAX)
    different = len({key.fingerprint for key in of})
    if needed > different:
        raise refuse(number, f"{needed} can never be reached: `of` lists {different} distinct keys")
    return Signers(needed, of)


def _known(node: Node, name: str, keys: Mapping[str, PolicyKey]) -> PolicyKey:
    found = keys.get(name)
    if found is None:
        listed = ", ".join(sorted(keys)[:8]) or "none"
        raise refuse(node, f"unknown key {shown(name)}; spec.trust.keys has {listed}")
    return found
