"""How decisions are reached: where evidence is looked for, how long that may take, what is kept.

It belongs to the whole policy: of several documents the strictest holds, and a document of a namespace says none of it.
"""

from collections.abc import Iterable

from trustkit import limits
from trustkit.model.values import NamedTuple

# Where credentials come from: the machine's docker configuration, and a file of trustkit's own.
NODE, STATIC, POD_PULL_SECRETS = "node", "static", "podPullSecrets"
AUTH = (POD_PULL_SECRETS, NODE, STATIC)
POD_SPEC, IMAGE = "pod", "image"


class Registry(NamedTuple):
    """Limits on how registries are reached, beside what the machine's configuration allows; 0 seconds: as it says."""

    auth: tuple[str, ...] = AUTH
    mirrors: tuple[tuple[str, tuple[str, ...]], ...] = ()
    private_networks: bool = True
    same_site: bool = False
    seconds: float = 0.0


class Discovery(NamedTuple):
    """Which places evidence may lie in, and how much of it is looked at."""

    cosign_tag: bool = True
    referrers: bool = True
    notation_referrers: bool = True
    signatures: int = limits.EVIDENCE_ITEMS
    attestations: int = limits.EVIDENCE_ITEMS
    most_bytes: int = limits.EVIDENCE_BYTES


class Kept(NamedTuple):
    """For how long, and for how many images, what was found is kept by those who keep it."""

    positive_seconds: float = limits.CACHED_SECONDS
    negative_seconds: float = limits.CACHED_UNPROVEN_SECONDS
    entries: int = limits.CACHED_IMAGES


class ObjectPath(NamedTuple):
    """Where a custom kind of Kubernetes keeps a pod's spec (POD_SPEC) or the text of an image (IMAGE)."""

    group: str
    kind: str
    what: str
    steps: tuple[str, ...]


class Means(NamedTuple):
    """All of it. A deadline of 0 is none; `judges_unchanged`: updates are judged for what they leave as it was too."""

    deadline: float = 0.0
    registry: Registry = Registry()
    discovery: Discovery = Discovery()
    kept: Kept = Kept()
    judges_unchanged: bool = False
    pins_tags: bool = True
    paths: tuple[ObjectPath, ...] = ()


def strictest(said: Iterable[Means]) -> Means:
    """Return the strictest of what documents say."""
    found = Means()
    for one in said:
        found = _stricter(found, one)
    return found


def _stricter(one: Means, other: Means) -> Means:
    return Means(
        _least(one.deadline, other.deadline),
        _registry(one.registry, other.registry),
        Discovery(
            one.discovery.cosign_tag and other.discovery.cosign_tag,
            one.discovery.referrers and other.discovery.referrers,
            one.discovery.notation_referrers and other.discovery.notation_referrers,
            min(one.discovery.signatures, other.discovery.signatures),
            min(one.discovery.attestations, other.discovery.attestations),
            min(one.discovery.most_bytes, other.discovery.most_bytes),
        ),
        Kept(
            min(one.kept.positive_seconds, other.kept.positive_seconds),
            min(one.kept.negative_seconds, other.kept.negative_seconds),
            min(one.kept.entries, other.kept.entries),
        ),
        one.judges_unchanged or other.judges_unchanged,
        one.pins_tags and other.pins_tags,
        tuple(dict.fromkeys((*one.paths, *other.paths))),
    )


def _registry(one: Registry, other: Registry) -> Registry:
    mirrors = dict(one.mirrors)
    for host, listed in other.mirrors:
        mirrors[host] = tuple(dict.fromkeys((*mirrors.get(host, ()), *listed)))
    return Registry(
        tuple(word for word in one.auth if word in other.auth),
        tuple(sorted(mirrors.items())),
        one.private_networks and other.private_networks,
        one.same_site or other.same_site,
        _least(one.seconds, other.seconds),
    )


def _least(one: float, other: float) -> float:
    """Return the smaller of two numbers of seconds of which 0 says nothing."""
    return min(one, other) if one and other else one or other
