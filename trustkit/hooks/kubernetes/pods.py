"""Where each kind of object keeps its pods: every kind of Kubernetes that bears some, and custom ones by path."""

from collections.abc import Iterator, Mapping

from trustkit.errors import MalformedError, UsageError
from trustkit.hooks.kubernetes.json_text import Object, value
from trustkit.hooks.kubernetes.review import Kind
from trustkit.model.values import NamedTuple
from trustkit.policy.means import IMAGE as IMAGE  # noqa: PLC0414  (the same words in policies)
from trustkit.policy.means import POD_SPEC as POD_SPEC  # noqa: PLC0414

_TEMPLATE = ("spec", "template")
# kind → the path to the object that has a pod's metadata and spec
KINDS: Mapping[Kind, tuple[str, ...]] = {
    Kind("", "Pod"): (),
    Kind("", "PodTemplate"): ("template",),
    Kind("", "ReplicationController"): _TEMPLATE,
    Kind("apps", "Deployment"): _TEMPLATE,
    Kind("apps", "ReplicaSet"): _TEMPLATE,
    Kind("apps", "StatefulSet"): _TEMPLATE,
    Kind("apps", "DaemonSet"): _TEMPLATE,
    Kind("batch", "Job"): _TEMPLATE,
    Kind("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
}
_EACH = "[*]"
_PATH_PARTS = 16


class PodPart(NamedTuple):
    """A pod, or a template of pods: its spec, its annotations, and the JSON pointer to the spec."""

    pointer: str
    spec: Mapping[str, object]
    annotations: Mapping[str, object]


class CustomPath(NamedTuple):
    """Where a custom kind keeps a pod's spec (POD_SPEC) or the text of an image (IMAGE)."""

    kind: Kind
    what: str
    steps: tuple[str, ...]


def parse_custom_path(text: str, what: str) -> CustomPath:
    """Read `GROUP/KIND=spec.path[*].to`. Raises UsageError."""
    name, equals, path = text.partition("=")
    group, slash, kind = name.rpartition("/")
    steps = tuple(path.replace(_EACH, f".{_EACH}").split("."))
    if not (equals and slash and group and kind and path) or not all(steps) or len(steps) > _PATH_PARTS:
        step = "write GROUP/KIND=PATH, such as example.com/Workflow=spec.steps[*].pod"
        raise UsageError(f"{text[:120]!r} is no path in a custom kind", next_step=step)
    return CustomPath(Kind(group, kind), what, steps)


def pod_part(kind: Kind, found: Object) -> PodPart:
    """Return the pod of an object of one of `KINDS`. Raises MalformedError."""
    path = KINDS[kind]
    if not path:
        spec, metadata = _read(found, "spec"), _read(found, "metadata")
    else:
        holder = _read(found, path[0])
        for step in path[1:]:
            holder = _object(holder.get(step), step)
        spec, metadata = _object(holder.get("spec"), "spec"), _optional(holder, "metadata")
    annotations = _optional(metadata, "annotations")
    return PodPart("".join(f"/{step}" for step in (*path, "spec")), spec, annotations)


def custom_parts(paths: tuple[CustomPath, ...], found: Object) -> Iterator[tuple[str, str, object]]:
    """Yield what lies at the paths of a custom object: POD_SPEC or IMAGE, its pointer, its value.

    A path that leads nowhere yields nothing: optional members are. Raises MalformedError.
    """
    for path in paths:
        text = found.get(path.steps[0])
        if text is not None:
            start = value(text, path.steps[0])
            yield from ((path.what, at, item) for at, item in _follow(start, path.steps[1:], f"/{path.steps[0]}"))


def _follow(at: object, steps: tuple[str, ...], pointer: str) -> Iterator[tuple[str, object]]:
    if at is None:
        return
    if not steps:
        yield pointer, at
    elif steps[0] == _EACH:
        if not isinstance(at, list):
            raise MalformedError(f"{pointer} is no list")
        for index, item in enumerate(at):
            yield from _follow(item, steps[1:], f"{pointer}/{index}")
    else:
        escaped = steps[0].replace("~", "~0").replace("/", "~1")
        yield from _follow(_object(at, pointer).get(steps[0]), steps[1:], f"{pointer}/{escaped}")


def _read(found: Object, name: str) -> dict[str, object]:
    text = found.get(name)
    if text is None:
        raise MalformedError(f"the object has no {name}")
    return _object(value(text, name), name)


def _optional(of: Mapping[str, object], name: str) -> dict[str, object]:
    found = of.get(name)
    return {} if found is None else _object(found, name)


def _object(found: object, name: str) -> dict[str, object]:
    if not isinstance(found, dict):
        raise MalformedError(f"{name} is no object")
    return found
