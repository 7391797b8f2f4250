"""What a run asks for, as facts: computed once for the policy, and again by the engine before every start."""

from collections.abc import Mapping

from trustkit.admission.request import request_of
from trustkit.engine import capabilities
from trustkit.model.facts import RequestFacts
from trustkit.model.run import RunSpec

_UNCONFINED = "unconfined"


def facts_of(
    spec: RunSpec, image_config: Mapping[str, object], *, actor: str = "", purpose: str = "run"
) -> RequestFacts:
    """Return the facts of running an image (its config's `config` object, empty while unknown) by this spec.

    `command` holds what the request itself gives: the image's own is fixed by the image's digest.

    Raises UsageError for an unknown capability.
    """
    for name in (*spec.capabilities_added, *spec.capabilities_dropped):
        capabilities.normalised(name)
    return request_of(spec, actor=actor, purpose=purpose)._replace(
        user=spec.user or _text(image_config.get("User")),
        seccomp=_UNCONFINED if spec.privileged else "default",
    )


def command_of(spec: RunSpec, image_config: Mapping[str, object]) -> tuple[str, ...]:
    """Return path and arguments, as docker joins them: a given entrypoint drops the image's command."""
    if spec.entrypoint is not None:
        return spec.entrypoint + (spec.command or ())
    command = spec.command if spec.command is not None else texts(image_config.get("Cmd"))
    return texts(image_config.get("Entrypoint")) + command


def texts(value: object) -> tuple[str, ...]:
    """Return the strings of a JSON list; anything else is none."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
