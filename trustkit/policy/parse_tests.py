"""A policy's tests: cases of written facts (or a real image), and the verdict and rule expected of each."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from trustkit.codec.canonical_json import canonical
from trustkit.codec.predicates.read import read_value
from trustkit.errors import MalformedError, TrustkitError
from trustkit.model.crypto import MODES, ModuleStatus
from trustkit.model.digest import Digest
from trustkit.model.facts import Child, Facts, RequestFacts
from trustkit.model.image import Platform
from trustkit.model.reference import ImageRef
from trustkit.model.values import NamedTuple
from trustkit.policy.document import Policy, trusted_keys
from trustkit.policy.fields import Fields, boolean, choice, integer, items, mapping, moment, text
from trustkit.policy.nodes import BOOLEAN, INTEGER, LIST, MAPPING, TEXT, Node, located, refuse, shown
from trustkit.policy.recorded import About, Written, facts_of, field_names

Read = TypeVar("Read")
API_VERSION = "trustkit.dev/v1"
KIND = "PolicyTest"
_DIGEST = Digest("sha256", "11" * 32)
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_SIZE_MAX = 2**53 - 1
_KEY_BITS = 16384
_SIGNED = (
    "key", "fingerprint", "trustRoot", "subject", "issuer", "claims", "algorithm", "annotations", "signedAt", "log",
    "claimedName", "keyBits", "of",
)  # fmt: skip


class Case(NamedTuple):
    """One case: the image to judge or the facts instead of it, and what is expected."""

    name: str
    image: str
    facts: Facts | None
    request: RequestFacts
    verdict: str
    rule: str
    message: str
    line: int


class Cases(NamedTuple):
    """One file of cases: which policy they are about, relative to the file."""

    file: str
    policy: str
    nodes: tuple[Node, ...]


def cases_of(content: bytes, file: str) -> Cases:
    """Return the cases of a file, not read yet: they name keys of the policy. Raises PolicySyntaxError."""
    from trustkit.policy.yaml_reader import documents

    found = documents(content, file)
    if len(found) != 1:
        raise located(file, 1, "", "must hold one document of kind PolicyTest")
    top = Fields(found[0], ("apiVersion", "kind", "policy", "cases"))
    choice(top.require("apiVersion"), (API_VERSION,))
    choice(top.require("kind"), (KIND,))
    return Cases(file, text(top.require("policy")), items(top.require("cases")))


def is_test(content: bytes) -> bool:
    """Whether a file claims to hold tests; other files in a folder are policies and their keys."""
    return f"kind: {KIND}".encode() in content


def case(node: Node, policy: Policy, digest: Callable[[bytes], Digest]) -> Case:
    """Return one case of this policy. Raises PolicySyntaxError."""
    fields = Fields(node, ("name", "image", "facts", "request", "expect"))
    given = fields.exactly_one("image", "facts")
    expect = Fields(fields.require("expect"), ("verdict", "rule", "message"))
    rule, message, request = expect.get("rule"), expect.get("message"), fields.get("request")
    asked = written_request(request) if request is not None else RequestFacts(purpose="explain")
    image = text(given) if fields.get("facts") is None else ""
    return Case(
        text(fields.require("name")),
        image,
        None if image else written_facts(given, asked, policy, digest),
        asked,
        choice(expect.require("verdict"), ("allow", "deny")),
        text(rule) if rule is not None else "",
        text(message) if message is not None else "",
        node.line,
    )


def written_facts(node: Node, request: RequestFacts, policy: Policy, digest: Callable[[bytes], Digest]) -> Facts:
    """Return facts that were written down, as a policy could be asked about. Raises PolicySyntaxError."""
    fields = Fields(
        node,
        ("reference", "digest", "platform", "created", "user", "labels", "sizeBytes", "layers", "history", "now",
         "crypto", "signatures", "attestations", "children", "manifest"),
    )  # fmt: skip
    written_digest, platform, created, user = (fields.get(name) for name in ("digest", "platform", "created", "user"))
    labels, history, now, size, layers = (fields.get(n) for n in ("labels", "history", "now", "sizeBytes", "layers"))
    manifest, children = fields.get("manifest"), fields.get("children")
    ref, found = _checked(fields.require("reference"), ImageRef.parse), _DIGEST
    if written_digest is not None:
        found = _checked(written_digest, Digest.parse)
    elif ref.digest is not None:
        found = ref.digest
    image_user = text(user) if user is not None else ""
    about = About(
        ref=ref,
        digest=found,
        request=request._replace(user=request.user or image_user),
        crypto=_crypto(fields.get("crypto")),
        now=moment(now) if now is not None else _NOW,
        platform=_platform(platform) if platform is not None else Platform("linux", "amd64"),
        created=moment(created) if created is not None else None,
        user=image_user,
        labels=_pairs(labels),
        size_bytes=integer(size, 0, _SIZE_MAX) if size is not None else 0,
        layers=integer(layers, 0, 4096) if layers is not None else 1,
        history=tuple(text(item) for item in items(history)) if history is not None else (),
        manifest=_checked(manifest, Digest.parse) if manifest is not None else None,
        children=tuple(_child(item) for item in items(children)) if children is not None else (),
    )
    keys = {key.name: key.fingerprint for key in trusted_keys(policy)}
    signed, stated = fields.get("signatures"), fields.get("attestations")
    written = [_signed(Fields(item, _SIGNED), keys) for item in items(signed)] if signed is not None else []
    written += [_stated(item, keys) for item in items(stated)] if stated is not None else []
    numbered = (
        one._replace(evidence=digest(canonical([number, one.predicate_type]))) for number, one in enumerate(written)
    )
    return facts_of(about, tuple(numbered))


def _child(node: Node) -> Child:
    fields = Fields(node, ("digest", "platform"))
    return Child(_checked(fields.require("digest"), Digest.parse), _platform(fields.require("platform")))


def _platform(node: Node) -> Platform:
    return Platform(*text(node).split("/")[:3])


def _signed(fields: Fields, keys: dict[str, str]) -> Written:
    key, at = fields.get("key"), fields.get("signedAt")
    if key is not None and text(key) not in keys:
        raise refuse(key, f"unknown key {shown(text(key))}; the policy has {', '.join(sorted(keys)[:8]) or 'none'}")
    named = {name: fields.get(name) for name in ("fingerprint", "trustRoot", "subject", "issuer", "log", "claimedName")}
    told = {name: text(value) if value is not None else "" for name, value in named.items()}
    algorithm, bits, of = (fields.get(name) for name in ("algorithm", "keyBits", "of"))
    return Written(
        fingerprint=keys[text(key)] if key is not None else told["fingerprint"],
        trust_root=text(key) if key is not None else told["trustRoot"],
        subject=told["subject"],
        issuer=told["issuer"],
        claims=_pairs(fields.get("claims")),
        algorithm=text(algorithm) if algorithm is not None else "ecdsa-p256-sha256",
        key_bits=integer(bits, 0, _KEY_BITS) if bits is not None else 0,
        annotations=_pairs(fields.get("annotations")),
        signed_at=moment(at) if at is not None else None,
        log=told["log"],
        claimed_name=told["claimedName"],
        of=_checked(of, Digest.parse) if of is not None else None,
    )


def _stated(node: Node, keys: dict[str, str]) -> Written:
    fields = Fields(node, (*_SIGNED, "type", "predicate"))
    kind, predicate = text(fields.require("type")), fields.get("predicate")
    value = predicate.plain() if predicate is not None else {}
    try:
        content, said = canonical(value), read_value(kind, value)
    except MalformedError as error:
        raise refuse(predicate or node, error.message) from error
    return _signed(fields, keys)._replace(predicate_type=kind, predicate=content, said=said)


def written_request(node: Node) -> RequestFacts:
    """Return the facts of a request that was written down; a run unless it says else. Raises PolicySyntaxError."""
    names = field_names()
    fields = Fields(node, tuple(names))
    request = RequestFacts(purpose="run")
    for written, name in names.items():
        value = fields.get(written)
        if value is not None:
            request = request._replace(**{name: _value(value, getattr(request, name), name)})  # type: ignore[arg-type]
    return request


def _value(node: Node, default: object, name: str) -> object:
    if name == "namespace_labels":
        return _pairs(node)
    if isinstance(default, tuple):
        return tuple(text(item) for item in node.items) if node.kind == LIST else texts_of(node)
    return boolean(node) if isinstance(default, bool) else text(node)


def texts_of(node: Node) -> tuple[str, ...]:
    """Return a list of texts. Raises PolicySyntaxError."""
    return tuple(text(item) for item in items(node))


def _crypto(node: Node | None) -> ModuleStatus:
    if node is None:
        return ModuleStatus("test", "0", "none")
    texts = ("provider", "version", "library", "mode", "certificate", "module", "sha256")
    fields = Fields(node, (*texts, "validated", "approved"))
    named = {name: fields.get(name) for name in texts}
    told = {name: text(value) if value is not None else "" for name, value in named.items()}
    if named["mode"] is not None:
        choice(named["mode"], MODES)
    approved = fields.get("approved")
    return ModuleStatus(
        provider=told["provider"],
        version=told["version"],
        library=told["library"],
        mode=told["mode"] or MODES[0],
        validated=fields.flag("validated"),
        certificate=told["certificate"],
        module=told["module"],
        sha256=told["sha256"],
        approved=texts_of(approved) if approved is not None else (),
    )


def _pairs(node: Node | None) -> tuple[tuple[str, str], ...]:
    if node is None:
        return ()
    if node.kind != MAPPING:
        raise refuse(node, f"must be {MAPPING}, not {node.kind}")
    return tuple(sorted((name, _word(value)) for name, value in mapping(node).items()))


def _word(node: Node) -> str:
    if node.kind not in (TEXT, BOOLEAN, INTEGER):
        raise refuse(node, f"must be text, not {node.kind}")
    return str(node.scalar)


def _checked(node: Node, read: Callable[[str], Read]) -> Read:
    try:
        return read(text(node))
    except TrustkitError as error:
        raise refuse(node, error.message) from error
