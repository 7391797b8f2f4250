"""`spec.cache`, `spec.registry`, `verify.discovery`, `match.customPaths`, and times of `spec.enforcement`."""

import re

from trustkit import limits
from trustkit.policy.fields import Fields, boolean, choice, integer, items, mapping, text, texts
from trustkit.policy.means import AUTH, IMAGE, POD_SPEC, Discovery, Kept, Means, ObjectPath, Registry
from trustkit.policy.nodes import Node, refuse, shown
from trustkit.policy.quantities import duration, size

_ALWAYS = "always"
_SAME_SITE = "sameSite"
_NO_TIME = "0s"
_MOST_ENTRIES = 1_000_000
_PATHS = 64
_PATH_PARTS = 16
_GROUP = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,62}\Z")
# The part of RFC 9535 that names one place, or each element of a list.
_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_-]*)|\[(\*)\]|\['([^'\\\]]+)'\]")
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}\Z")
_MIRROR = re.compile(
    r"(https?://)?([A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:]{2,45}\])(:[0-9]{1,5})?(/[A-Za-z0-9._-]+){0,16}/?\Z"
)


def read_means(spec: Fields) -> Means:
    """Return what a document says of how decisions are reached. Raises PolicySyntaxError."""
    deadline, update, digest = (_inside(spec, "enforcement", name) for name in ("deadline", "onUpdate", "digest"))
    pins = mapping(digest).get("mutateTags") if digest is not None else None
    return Means(
        registry=_registry(spec.get("registry")),
        discovery=_discovery(_inside(spec, "verify", "discovery")),
        kept=_kept(spec.get("cache")),
        paths=_paths(_inside(spec, "match", "customPaths")),
        deadline=duration(deadline).total_seconds() if deadline is not None else 0.0,
        judges_unchanged=update is not None and choice(update, ("changedOnly", _ALWAYS)) == _ALWAYS,
        pins_tags=boolean(pins) if pins is not None else True,
    )


def _inside(spec: Fields, name: str, field: str) -> Node | None:
    node = spec.get(name)
    return mapping(node).get(field) if node is not None else None


def _kept(node: Node | None) -> Kept:
    if node is None:
        return Kept()
    fields = Fields(node, ("positiveTtl", "negativeTtl", "maxEntries", "staleWhileError"))
    stale, entries = fields.get("staleWhileError"), fields.get("maxEntries")
    if stale is not None and text(stale) != _NO_TIME:
        raise refuse(stale, "what is too old is never used, whatever failed", f"write {_NO_TIME}, or remove it")
    usual = Kept()
    return Kept(
        _seconds(fields.get("positiveTtl"), usual.positive_seconds),
        _seconds(fields.get("negativeTtl"), usual.negative_seconds),
        min(integer(entries, 1, _MOST_ENTRIES), usual.entries) if entries is not None else usual.entries,
    )


def _seconds(node: Node | None, most: float) -> float:
    if node is None:
        return most
    return 0.0 if text(node) == _NO_TIME else min(duration(node).total_seconds(), most)


def _registry(node: Node | None) -> Registry:
    if node is None:
        return Registry()
    fields = Fields(node, ("auth", "mirrors", "allowPrivateNetworks", "followRedirects", "timeout"))
    auth, mirrors, private, redirects, timeout = (
        fields.get(name) for name in ("auth", "mirrors", "allowPrivateNetworks", "followRedirects", "timeout")
    )
    for item in auth.items if auth is not None else ():
        choice(item, AUTH)
    return Registry(
        # an empty list is the strictest: nobody is told credentials
        AUTH if auth is None else texts(auth) if auth.items else (),
        tuple((_host(name, value), _mirrors(value)) for name, value in mapping(mirrors).items())
        if mirrors is not None
        else (),
        boolean(private) if private is not None else True,
        redirects is not None and choice(redirects, (_SAME_SITE, "blobs")) == _SAME_SITE,
        duration(timeout).total_seconds() if timeout is not None else 0.0,
    )


def _host(name: str, node: Node) -> str:
    if not _HOST.match(name):
        raise refuse(node, f"{shown(name)} is no registry host")
    return name


def _mirrors(node: Node) -> tuple[str, ...]:
    found = texts(node)
    for item, mirror in zip(items(node), found, strict=True):
        if not _MIRROR.match(mirror):
            raise refuse(item, f"{shown(mirror)} is no mirror", "write host[:port][/prefix]")
    return found


def _discovery(node: Node | None) -> Discovery:
    if node is None:
        return Discovery()
    places = ("cosignTag", "referrers", "notationReferrers")
    fields = Fields(node, (*places, "maxSignatures", "maxAttestations", "maxBytes"))
    signatures, attestations, most = (fields.get(name) for name in ("maxSignatures", "maxAttestations", "maxBytes"))
    tag, referrers, notation = (fields.get(name) is None or fields.flag(name) for name in places)
    usual = Discovery()
    return Discovery(
        tag,
        referrers,
        notation,
        integer(signatures, 1, usual.signatures) if signatures is not None else usual.signatures,
        integer(attestations, 0, usual.attestations) if attestations is not None else usual.attestations,
        min(size(most), limits.EVIDENCE_BYTES) if most is not None else usual.most_bytes,
    )


def _paths(node: Node | None) -> tuple[ObjectPath, ...]:
    if node is None:
        return ()
    listed = items(node)
    if len(listed) > _PATHS:
        raise refuse(node, f"more than {_PATHS} paths")
    return tuple(_path(item) for item in listed)


def _path(node: Node) -> ObjectPath:
    fields = Fields(node, ("group", "kind", "podSpec", "image"))
    group, kind = text(fields.require("group")), text(fields.require("kind"))
    if not _GROUP.match(group) or not _KIND.match(kind):
        raise refuse(node, f"{shown(f'{group}/{kind}')} is no custom kind", "write group: example.com, kind: Workflow")
    written = fields.exactly_one("podSpec", "image")
    return ObjectPath(group, kind, POD_SPEC if fields.get("podSpec") is not None else IMAGE, _steps(written))


def _steps(node: Node) -> tuple[str, ...]:
    written = text(node)
    steps, at = [], 1
    while written[:1] == "$" and (found := _STEP.match(written, at)):
        steps.append("[*]" if found[2] else found[1] or found[3])
        at = found.end()
    if not steps or at != len(written) or steps[0] == "[*]" or len(steps) > _PATH_PARTS:
        raise refuse(node, f"{shown(written)} is no path", "write $.spec.template.spec, with [*] for each of a list")
    return tuple(steps)
