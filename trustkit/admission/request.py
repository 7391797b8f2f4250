"""What a run asks for, as facts: the same for the gate that admits it and the engine that checks it again."""

from trustkit.model.facts import RequestFacts
from trustkit.model.run import RunSpec


def request_of(spec: RunSpec, *, actor: str = "", purpose: str = "run", engine: str = "trustkit") -> RequestFacts:
    """Return the facts of a run: every way in which it reaches outside its container."""
    return RequestFacts(
        actor=actor,
        purpose=purpose,
        engine=engine,
        privileged=spec.privileged,
        host_network=spec.network == "host",
        host_mounts=tuple(sorted({mount.source for mount in spec.mounts if mount.is_bind})),
        capabilities_added=_capabilities(spec.capabilities_added),
        capabilities_dropped=_capabilities(spec.capabilities_dropped),
        user=spec.user,
        read_only=spec.read_only,
        command=(spec.entrypoint or ()) + (spec.command or ()),
    )


def _capabilities(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({name.upper().removeprefix("CAP_") for name in names}))
