"""SLSA provenance: who built it, from what, how.

Specification: slsa.dev/spec/v0.2/provenance and slsa.dev/spec/v1.0/provenance (1.1 keeps its type).
"""

from datetime import datetime

from trustkit.codec.canonical_json import canonical
from trustkit.codec.predicates.fields import Digests, Resource, each, flag, inner, members, moment, required, text
from trustkit.codec.predicates.fields import digests as read_digests
from trustkit.codec.predicates.fields import resource as read_resource
from trustkit.errors import LimitExceededError
from trustkit.model.values import NamedTuple

V02 = "https://slsa.dev/provenance/v0.2"
V1 = "https://slsa.dev/provenance/v1"
_WHAT = "SLSA provenance"
_MATERIALS = 20_000
_PARAMETER_DEPTH = 3
_PARAMETERS_BYTES = 1024 * 1024
# 0.2 says of what its lists claim to be complete
_COMPLETE = ("parameters", "environment", "materials")


class Provenance(NamedTuple):
    """A build as its builder states it; `version` is `0.2` or `1`.

    What a SLSA level needs that is not here (isolation, hosted platform) follows from who `builder_id`
    is, so a policy lists the builders it takes for a level. `source` is what the build was asked to
    build; its digest comes from the same entry of the dependencies, never from another one.
    `parameters` is canonical JSON of what the requester could choose; `parameter_texts` are the texts in it, by the
    path of names that leads to them.
    """

    version: str
    builder_id: str
    build_type: str
    source: Resource
    entry_point: str
    materials: tuple[Resource, ...]
    parameters: bytes
    invocation_id: str
    started_at: datetime | None
    finished_at: datetime | None
    complete: tuple[str, ...]
    reproducible: bool
    parameter_texts: tuple[tuple[tuple[str, ...], str], ...] = ()


def read_v02(value: object) -> Provenance:
    """Return provenance 0.2. Raises MalformedError, LimitExceededError."""
    found = members(value, _WHAT)
    invocation = inner(found, "invocation", _WHAT)
    source = inner(invocation, "configSource", f"{_WHAT} invocation")
    metadata = inner(found, "metadata", _WHAT)
    told = inner(metadata, "completeness", _WHAT)
    return Provenance(
        version="0.2",
        builder_id=required(inner(found, "builder", _WHAT), "id", f"{_WHAT} builder"),
        build_type=required(found, "buildType", _WHAT),
        source=_descriptor(source, f"{_WHAT} configSource"),
        entry_point=text(source, "entryPoint", f"{_WHAT} configSource"),
        materials=each(found, "materials", _WHAT, read_resource, _MATERIALS),
        parameters=_parameters(invocation.get("parameters", {})),
        invocation_id=text(metadata, "buildInvocationId", _WHAT),
        started_at=moment(metadata, "buildStartedOn", _WHAT),
        finished_at=moment(metadata, "buildFinishedOn", _WHAT),
        complete=tuple(name for name in _COMPLETE if flag(told, name, f"{_WHAT} completeness")),
        reproducible=flag(metadata, "reproducible", _WHAT),
        parameter_texts=_texts(invocation.get("parameters", {})),
    )


def read_v1(value: object) -> Provenance:
    """Return provenance 1. Raises MalformedError, LimitExceededError."""
    found = members(value, _WHAT)
    definition = inner(found, "buildDefinition", _WHAT)
    details = inner(found, "runDetails", _WHAT)
    metadata = inner(details, "metadata", _WHAT)
    parameters = inner(definition, "externalParameters", _WHAT)
    materials = each(definition, "resolvedDependencies", _WHAT, read_resource, _MATERIALS)
    source, entry_point = _source_v1(parameters, materials)
    return Provenance(
        version="1",
        builder_id=required(inner(details, "builder", _WHAT), "id", f"{_WHAT} builder"),
        build_type=required(definition, "buildType", _WHAT),
        source=source,
        entry_point=entry_point,
        materials=materials,
        parameters=_parameters(parameters),
        invocation_id=text(metadata, "invocationId", _WHAT),
        started_at=moment(metadata, "startedOn", _WHAT),
        finished_at=moment(metadata, "finishedOn", _WHAT),
        complete=(),
        reproducible=False,
        parameter_texts=_texts(parameters),
    )


def _texts(parameters: object, path: tuple[str, ...] = ()) -> tuple[tuple[tuple[str, ...], str], ...]:
    """Return the texts inside, some levels deep; longer paths and whatever else there is stay in `parameters`."""
    found: list[tuple[tuple[str, ...], str]] = []
    for name, value in parameters.items() if isinstance(parameters, dict) else ():
        if isinstance(value, str):
            found.append(((*path, name), value))
        elif isinstance(value, dict) and len(path) < _PARAMETER_DEPTH:
            found += _texts(value, (*path, name))
    return tuple(found)


def _source_v1(parameters: dict[str, object], materials: tuple[Resource, ...]) -> tuple[Resource, str]:
    """Return the source and the entry point; the specification leaves their place to the build type.

    Known: GitHub's `workflow`, the generators' `source` (a URI or a descriptor), BuildKit's `configSource`.
    """
    workflow = inner(parameters, "workflow", _WHAT) if isinstance(parameters.get("workflow"), dict) else {}
    if workflow:
        repository, ref = text(workflow, "repository", _WHAT), text(workflow, "ref", _WHAT)
        uri = f"git+{repository}@{ref}" if repository and ref else repository
        return _matched(Resource(uri), materials), text(workflow, "path", _WHAT)
    for name in ("source", "configSource"):
        told = parameters.get(name)
        if isinstance(told, str):
            return _matched(Resource(text(parameters, name, _WHAT)), materials), ""
        if isinstance(told, dict):
            within = members(told, f"{_WHAT} {name}")
            found = _descriptor(within, f"{_WHAT} {name}")
            return _matched(found, materials), text(within, "path", f"{_WHAT} {name}")
    return Resource(""), ""


def _matched(source: Resource, materials: tuple[Resource, ...]) -> Resource:
    if source.digests or not source.uri:
        return source
    same = {one.digests for one in materials if one.uri == source.uri and one.digests}
    # two different commits of one URI: nobody can say which of them was built
    found: Digests = same.pop() if len(same) == 1 else ()
    return source._replace(digests=found)


def _descriptor(found: dict[str, object], what: str) -> Resource:
    return Resource(text(found, "uri", what), read_digests(found.get("digest", {}), f"{what} digest"))


def _parameters(value: object) -> bytes:
    content = canonical(value)
    if len(content) > _PARAMETERS_BYTES:
        raise LimitExceededError(f"{_WHAT} has over {_PARAMETERS_BYTES} bytes of parameters")
    return content
