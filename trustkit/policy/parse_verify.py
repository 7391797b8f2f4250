"""`spec.verify`: whose signatures and attestations are needed."""

from collections.abc import Mapping

from trustkit.model.values import NamedTuple
from trustkit.policy.document import ATTESTATIONS, SIGNATURES, Rule
from trustkit.policy.fields import Fields, boolean, choice, integer, items, mapping, text, unsupported
from trustkit.policy.nodes import TEXT, Node, refuse, shown
from trustkit.policy.parse_signers import signed_identity
from trustkit.policy.parse_trust import FAMILIES, Trust
from trustkit.policy.rules.attested import Attested
from trustkit.policy.rules.covering import INDEX_ONLY, SUBJECTS, Covering
from trustkit.policy.rules.signed_by import SignedBy
from trustkit.policy.signers import Signers
from trustkit.policy.statements import Source
from trustkit.policy.trusted import PolicyKey, Signer

_NAME_CHARS = 63
_COUNT_MAX = 64
_PARTIES = tuple(FAMILIES)
_OPTIONS = ("threshold", *_PARTIES)
_ATTESTATION = ("type", "by", "required", "newest", "all")


class Verify(NamedTuple):
    """What `spec.verify` says: its rules, and its attestations by name for rules that look inside them."""

    rules: tuple[Rule, ...] = ()
    sources: Mapping[str, Source] = {}
    subjects: str = INDEX_ONLY

    def covering(self, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        """Return the rules, those about evidence for every manifest that `subjects.index` names."""
        if self.subjects == INDEX_ONLY:
            return rules
        return tuple(
            Covering(rule, self.subjects)
            if rule.demands_evidence or {ATTESTATIONS, SIGNATURES} & set(rule.reads)
            else rule
            for rule in rules
        )


def verify_rules(node: Node | None, trust: Trust) -> Verify:
    """Return what `spec.verify` says, the rule about signatures first. Raises PolicySyntaxError."""
    if node is None:
        return Verify()
    fields = Fields(node, ("subjects", "signatures", "attestations", "discovery", "signedIdentity"))
    subjects, signatures, attestations = (fields.get(name) for name in ("subjects", "signatures", "attestations"))
    index = INDEX_ONLY
    if subjects is not None:
        index = choice(Fields(subjects, ("index",)).require("index"), SUBJECTS)
    named = fields.get("signedIdentity")
    identity = signed_identity(named) if named is not None else None
    if named is not None and signatures is None:
        raise refuse(named, "there are no signatures whose name could be compared", "add verify.signatures")
    rules: list[Rule] = []
    if signatures is not None:
        rules.append(_signatures(signatures, trust)._replace(identity=identity))
    sources: dict[str, Source] = {}
    if attestations is not None:
        for name, value in mapping(attestations).items():
            sources[name] = source = _attestation(name, value, trust)
            # what is not required has nothing to deny
            if Fields(value, _ATTESTATION).get("required") is None or Fields(value, _ATTESTATION).flag("required"):
                rules.append(Attested(name, source.predicate_type, source.options))
    return Verify(tuple(rules), sources, index)


def signers(fields: Fields, trust: Trust) -> tuple[Signers, ...]:
    """Return the alternatives that `anyOf`, `threshold` or one party states. Raises PolicySyntaxError."""
    given = fields.exactly_one("anyOf", *_OPTIONS)
    if fields.get("anyOf") is None:
        return (_signers(fields, trust),)
    return tuple(_signers(Fields(item, _OPTIONS, ("anyOf",)), trust) for item in items(given))


def _signatures(node: Node, trust: Trust) -> SignedBy:
    fields = Fields(node, ("anyOf", *_OPTIONS, "annotations"))
    options = signers(fields, trust)
    annotations = fields.get("annotations")
    if annotations is None:
        return SignedBy(options)
    wanted = tuple(sorted((name, text(value)) for name, value in mapping(annotations).items()))
    if not wanted:
        raise refuse(annotations, "the mapping is empty")
    return SignedBy(options, wanted)


def _attestation(name: str, node: Node, trust: Trust) -> Source:
    if not name or len(name) > _NAME_CHARS or not name.replace("-", "").replace("_", "").isalnum():
        raise refuse(node, f"{shown(name)} is no name for an attestation: letters, digits, - and _")
    fields = Fields(node, _ATTESTATION)
    predicate_type = text(fields.require("type"))
    by = Fields(fields.require("by"), ("anyOf", *_OPTIONS))
    newest, every = fields.flag("newest"), fields.get("all")
    if every is not None and not boolean(every):
        raise unsupported(every, "`all: false`")
    if newest and every is not None:
        raise refuse(node, "give newest or all, not both")
    return Source(name, predicate_type, signers(by, trust), newest)


def _signers(fields: Fields, trust: Trust) -> Signers:
    given = fields.exactly_one(*_OPTIONS)
    if fields.get("threshold") is None:
        return Signers(1, (_party(fields, trust),))
    return threshold(Fields(given, ("count", "distinct", "of")), trust)


def threshold(fields: Fields, trust: Trust) -> Signers:
    """Return what `count`, `of` and perhaps `distinct` state. Raises PolicySyntaxError."""
    distinct = fields.get("distinct")
    if distinct is not None:
        choice(distinct, ("key", "identity"), ("issuer",))
    of = parties(fields.require("of"), trust)
    number = fields.require("count")
    needed = integer(number, 1, _COUNT_MAX)
    different = len({one.fingerprint if isinstance(one, PolicyKey) else one.name for one in of})
    if needed > different:
        raise refuse(number, f"{needed} can never be reached: `of` lists {different} distinct signers")
    return Signers(needed, of)


def parties(node: Node, trust: Trust) -> tuple[Signer, ...]:
    """Return the parties of a list, each once. Raises PolicySyntaxError."""
    listed = items(node)
    of = tuple(_member(item, trust) for item in listed)
    for item, one in zip(listed, of, strict=True):
        if sum(one.name == other.name for other in of) > 1:
            raise refuse(item, f"{shown(one.name)} is listed twice")
    return of


def _member(node: Node, trust: Trust) -> Signer:
    """Return what an element of `of` names: a name alone, or one party as `anyOf` has it."""
    if node.kind != TEXT:
        return _party(Fields(node, _PARTIES), trust)
    name = text(node)
    found = trust.named(name)
    if found is None:
        listed = ", ".join(sorted(name for known in trust.parties.values() for name in known)[:8])
        raise refuse(node, f"unknown key or identity {shown(name)}; spec.trust has {listed or 'none'}")
    return found


def _party(fields: Fields, trust: Trust) -> Signer:
    node = fields.exactly_one(*_PARTIES)
    word = next(word for word in _PARTIES if fields.get(word) is not None)
    name = text(node)
    known = trust.parties.get(word, {})
    if name not in known:
        listed = ", ".join(sorted(known)[:8]) or "none"
        raise refuse(node, f"unknown {word} {shown(name)}; spec.trust.{FAMILIES[word]} has {listed}")
    return known[name]
