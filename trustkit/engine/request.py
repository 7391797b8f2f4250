"""What a run asks for, as facts: computed once for the policy, and again by the engine before every start."""

from collections.abc import Mapping

from trustkit.engine import capabilities
from trustkit.errors import AdmissionDenied
from trustkit.model.facts import RequestFacts
from trustkit.model.run import RunSpec

_HOST = "host"
_UNCONFINED = "unconfined"


def facts_of(
    spec: RunSpec, image_config: Mapping[str, object], *, actor: str = "", purpose: str = "run"
) -> RequestFacts:
    """Return the facts of running an image (its config's `config` object) by this spec.

    `host_mounts` holds the host paths, sorted; capability names are written CAP_X.

    Raises UsageError for an unknown capability.
    """
    return RequestFacts(
        actor=actor,
        purpose=purpose,
        privileged=spec.privileged,
        host_network=spec.network == _HOST,
        host_mounts=tuple(sorted({mount.source for mount in spec.mounts if mount.is_bind})),
        capabilities_added=_names(spec.capabilities_added),
        capabilities_dropped=_names(spec.capabilities_dropped),
        user=spec.user or _text(image_config.get("User")),
        read_only=spec.read_only,
        seccomp=_UNCONFINED if spec.privileged else "default",
        # Only what was asked for: the image's own command is bound by its digest, and the gate is asked before it
        # knows the image.
        command=(spec.entrypoint or ()) + (spec.command or ()),
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


def _names(given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({capabilities.normalised(name) for name in given}))


def require_within(wanted: RequestFacts, admitted: RequestFacts) -> None:
    """Return if what is wanted reaches no further than what was admitted.

    Raises AdmissionDenied naming the first thing that does.
    """
    wider = _wider(wanted, admitted)
    if wider:
        message = f"the run asks for more than was admitted: {wider}"
        raise AdmissionDenied(message, next_step="ask the gate for this very run", wider=wider)


def _wider(wanted: RequestFacts, admitted: RequestFacts) -> str:
    checks = (
        (admitted.purpose != wanted.purpose, f"purpose {wanted.purpose}, admitted {admitted.purpose}"),
        (wanted.privileged and not admitted.privileged, "privileged"),
        (wanted.host_network and not admitted.host_network, "the host's network"),
        (wanted.host_pid and not admitted.host_pid, "the host's processes"),
        (_beyond(wanted.host_mounts, admitted.host_mounts), f"host paths {', '.join(wanted.host_mounts)}"),
        (_beyond(wanted.devices, admitted.devices), f"devices {', '.join(wanted.devices)}"),
        (_more_capable(wanted, admitted), "capabilities"),
        (wanted.user != admitted.user, f"user {wanted.user or 'root'}, admitted {admitted.user or 'root'}"),
        (admitted.read_only and not wanted.read_only, "a writable root file system"),
        (wanted.seccomp != admitted.seccomp, f"seccomp {wanted.seccomp}, admitted {admitted.seccomp}"),
        (wanted.command != admitted.command, f"command {' '.join(wanted.command)!r}"),
    )
    return next((name for failed, name in checks if failed), "")


def _beyond(wanted: tuple[str, ...], admitted: tuple[str, ...]) -> bool:
    return not set(wanted) <= set(admitted)


def _more_capable(wanted: RequestFacts, admitted: RequestFacts) -> bool:
    if wanted.privileged:
        return False
    return _beyond(_capabilities(wanted), _capabilities(admitted))


def _capabilities(facts: RequestFacts) -> tuple[str, ...]:
    return capabilities.effective(facts.capabilities_added, facts.capabilities_dropped, privileged=facts.privileged)
