"""YAML text to Policy: every field checked, every unknown or not yet enforced field refused.

The schema is that of docs/policy.md. A document that cannot be read whole is not read at all.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING  # noqa: TID251  (grants load on demand)

from trustkit.codec.canonical_json import canonical
from trustkit.model.digest import Digest
from trustkit.model.values import NamedTuple
from trustkit.policy.document import AS_CONFIGURED, ENFORCE, MODES, SLOTS, Condition, Match, Policy, Rule, Section
from trustkit.policy.exemptions import Exemption
from trustkit.policy.fields import Fields, boolean, choice, integer, items, mapping, moment, text, texts
from trustkit.policy.means import Means
from trustkit.policy.nodes import TEXT, Node, located, refuse, shown
from trustkit.policy.parse_pattern import image_pattern, namespace_pattern
from trustkit.policy.parse_require import require_rules, signed_with
from trustkit.policy.parse_trust import KeyReader, Trust, restricted, trust
from trustkit.policy.parse_verify import verify_rules
from trustkit.policy.rules.pinned import Pinned
from trustkit.policy.trusted import PolicyKey, PolicyRoot

if TYPE_CHECKING:  # most policies have none
    from trustkit.policy.grants import BreakGlass

API_VERSION = "trustkit.dev/v1"
ENGINES = ("trustkit", "docker", "podman", "containerd", "cri-o", "kubernetes")
_REVISION_MAX = 2**53 - 1
_NAME_CHARS = 63
_NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-.")
_SPEC = ("match", "enforcement", "trust", "verify", "require", "exceptions", "cache", "registry")
_MATCH = ("engines", "images", "namespaces", "namespaceSelector", "when", "kinds", "slots", "customPaths")
_ENFORCEMENT = (
    "mode", "onNoMatch", "onError", "acknowledgeFailOpen", "digest", "rollout", "deadline", "onUpdate",
)  # fmt: skip
# Every kind that bears pods; a list names some of them.
_POD_BEARING = "podBearing"


def parse(
    content: bytes,
    *,
    file: str,
    load_key: Callable[[str], bytes],
    digest: Callable[[bytes], Digest],
    fingerprint: Callable[[bytes], str],
    load_root: Callable[[str], bytes] | None = None,
) -> Policy:
    """Return the policy of a file with one or more documents.

    `load_key` returns the PEM file at a path relative to the policy, `digest` hashes, `fingerprint`
    checks a PEM public key and returns its fingerprint; `load_root` reads files of `trust.roots`, as `load_key`
    does if it is not given. Raises PolicySyntaxError, and what `load_key` and `load_root` raise.
    """
    from trustkit.policy.yaml_reader import documents

    found = documents(content, file)
    if not found:
        raise located(file, 1, "", "holds no policy document")
    reader = KeyReader(load_key, fingerprint, load_root or load_key)
    return combine([_document(node, reader, digest) for node in found], digest)


def combine(sections: Iterable[Section], digest: Callable[[bytes], Digest]) -> Policy:
    """Return one policy of all sections; their order does not matter. Raises PolicySyntaxError."""
    ordered = sorted(sections, key=lambda section: section.name)
    for one, other in pairwise(ordered):
        if one.name == other.name:
            reason = f"the name {one.name!r} is used by {one.file} too"
            raise located(other.file, 1, "metadata.name", reason, "give each policy its own name")
    _require_one_meaning(ordered)
    if len(ordered) == 1:
        return Policy(ordered[0].name, ordered[0].digest, tuple(ordered))
    whole = digest(canonical([str(section.digest) for section in ordered]))
    return Policy("+".join(section.name for section in ordered[:4]), whole, tuple(ordered))


def section_digest(
    content: object, section_keys: Iterable[PolicyKey], roots: Iterable[PolicyRoot], digest: Callable[[bytes], Digest]
) -> Digest:
    """Return the digest of a document: its content, and the bytes of every key and root it refers to."""
    whole = {"document": content, "keys": {key.name: str(digest(key.pem)) for key in section_keys}}
    files = {f"{root.kind}/{root.name}": str(digest(root.content)) for root in roots}
    return digest(canonical({**whole, "roots": files} if files else whole))


def _require_one_meaning(sections: Iterable[Section]) -> None:
    """Let a root's name mean one file: verification knows roots by name. Raises PolicySyntaxError."""
    known: dict[tuple[str, str], tuple[PolicyRoot, Section]] = {}
    for section in sections:
        for root in section.roots:
            one, holder = known.setdefault((root.kind, root.name), (root, section))
            if one.content != root.content:
                reason = f"the {root.kind} root {root.name!r} is another file in {holder.file}"
                raise located(section.file, 1, "spec.trust.roots", reason, "give each root file its own name")


def _document(node: Node, reader: KeyReader, digest: Callable[[bytes], Digest]) -> Section:
    top = Fields(node, ("apiVersion", "kind", "metadata", "spec"))
    choice(top.require("apiVersion"), (API_VERSION,))
    choice(top.require("kind"), ("Policy",))
    metadata = Fields(top.require("metadata"), ("name", "revision", "owner"))
    revision, owner = metadata.get("revision"), metadata.get("owner")
    spec = Fields(top.require("spec"), _SPEC)
    trusted = restricted(trust(spec.get("trust"), reader), *signed_with(spec.get("require")))
    enforcement = _enforcement(spec.get("enforcement"))
    verify = verify_rules(spec.get("verify"), trusted)
    rules = verify.covering(verify.rules + enforcement.rules + require_rules(spec.get("require"), verify.sources))
    excepted = _exceptions(spec.get("exceptions"), rules, trusted)
    return Section(
        name=_name(metadata.require("name")),
        match=_match(spec.get("match")),
        mode=enforcement.mode,
        on_no_match=enforcement.on_no_match,
        rules=rules,
        keys=tuple(trusted.keys.values()),
        digest=section_digest(node.plain(), trusted.keys.values(), trusted.roots, digest),
        revision=integer(revision, 0, _REVISION_MAX) if revision else 0,
        owner=text(owner) if owner else "",
        file=node.file,
        roots=trusted.roots,
        exemptions=excepted[0],
        warn_until=enforcement.warn_until,
        means=_means(spec),
        fail_open=enforcement.fail_open,
        break_glass=excepted[1],
    )


def _exceptions(
    node: Node | None, rules: tuple[Rule, ...], trusted: Trust
) -> "tuple[tuple[Exemption, ...], BreakGlass | None]":
    if node is None:
        return (), None
    from trustkit.policy.parse_exceptions import exceptions

    return exceptions(node, rules, trusted)


def _means(spec: Fields) -> Means:
    """Return how decisions are reached, which most policies leave to the machine's configuration."""
    said = (
        ("enforcement", ("deadline", "onUpdate", "digest")),
        ("verify", ("discovery",)),
        ("match", ("customPaths",)),
    )
    inside = [(spec.get(name), fields) for name, fields in said]
    if all(spec.get(name) is None for name in ("cache", "registry")) and not any(
        node is not None and set(fields) & set(mapping(node)) for node, fields in inside
    ):
        return AS_CONFIGURED
    from trustkit.policy.parse_means import read_means

    return read_means(spec)


def _name(node: Node) -> str:
    name = text(node)
    if len(name) > _NAME_CHARS or not set(name) <= _NAME_LETTERS:
        raise refuse(node, f"{shown(name)} is no name: at most {_NAME_CHARS} of a-z 0-9 - .")
    return name


def _match(node: Node | None) -> Match:
    if node is None:
        return Match()
    fields = Fields(node, _MATCH)
    engines, images, namespaces = fields.get("engines"), fields.get("images"), fields.get("namespaces")
    selector = fields.get("namespaceSelector")
    if engines is not None:
        for item in items(engines):
            choice(item, ENGINES)
    return Match(
        texts(engines) if engines is not None else (),
        tuple(image_pattern(item) for item in items(images)) if images is not None else (),
        tuple(namespace_pattern(item) for item in items(namespaces)) if namespaces is not None else (),
        tuple((name, text(value)) for name, value in mapping(selector).items()) if selector is not None else (),
        _when(fields.get("when")),
        _kinds(fields.get("kinds")),
        _slots(fields.get("slots")),
    )


def _kinds(node: Node | None) -> tuple[str, ...]:
    if node is None or (node.kind == TEXT and choice(node, (_POD_BEARING,))):
        return ()
    return texts(node)


def _slots(node: Node | None) -> tuple[str, ...]:
    if node is None:
        return ()
    for item in items(node):
        choice(item, SLOTS)
    return texts(node) if set(texts(node)) != set(SLOTS) else ()


def _when(node: Node | None) -> Condition | None:
    if node is None:
        return None
    from trustkit.policy.parse_expressions import condition

    return condition(node)


class Enforcement(NamedTuple):
    """What `spec.enforcement` says."""

    mode: str = ENFORCE
    on_no_match: str = "deny"
    rules: tuple[Rule, ...] = ()
    warn_until: datetime | None = None
    fail_open: str = ""


def _enforcement(node: Node | None) -> Enforcement:
    if node is None:
        return Enforcement()
    fields = Fields(node, _ENFORCEMENT)
    mode, on_no_match, rollout = fields.get("mode"), fields.get("onNoMatch"), fields.get("rollout")
    pinning = fields.get("digest")
    rules: tuple[Rule, ...] = ()
    if pinning is not None and _digest_required(pinning):
        rules = (Pinned(),)
    until = moment(Fields(rollout, ("warnUntil",)).require("warnUntil")) if rollout is not None else None
    chosen = choice(mode, MODES) if mode is not None else ENFORCE
    if rollout is not None and chosen != ENFORCE:
        raise refuse(rollout, f"mode {chosen} never enforces, so there is nothing to roll out")
    wish = choice(on_no_match, ("deny", "warn", "allow")) if on_no_match is not None else "deny"
    return Enforcement(chosen, wish, rules, until, _fail_open(fields))


def _fail_open(fields: Fields) -> str:
    """Return under which name errors let images through; nothing: they deny. Raises PolicySyntaxError."""
    on_error, named = fields.get("onError"), fields.get("acknowledgeFailOpen")
    if on_error is None or choice(on_error, ("deny", "warn", "allow")) == "deny":
        if named is not None:
            raise refuse(named, "errors deny, so there is nothing to acknowledge", "remove it")
        return ""
    if named is None:
        step = "say who answers for it in acknowledgeFailOpen, or write onError: deny"
        raise refuse(on_error, "lets images through that nobody could look at", step)
    name = text(named)
    if len(name) > _NAME_CHARS or not name.isprintable():
        raise refuse(named, f"{shown(name)} is no name: at most {_NAME_CHARS} printable characters")
    return name


def _digest_required(node: Node) -> bool:
    fields = Fields(node, ("require", "mutateTags"))
    return boolean(fields.require("require"))
