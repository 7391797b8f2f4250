"""A container's state, as runtimes tell it, and as OCI hooks get it on standard input (runtime-spec runtime.md)."""

from pathlib import Path

from trustkit.codec import strict_json
from trustkit.codec.strict_json import as_object, as_text
from trustkit.hooks.errors import HookRequestError
from trustkit.model.values import NamedTuple

# Annotations are part of a state; real ones stay under 100 kB.
STATE_BYTES = 4 * 1024 * 1024


class State(NamedTuple):
    """Which container it is, and where its bundle lies."""

    container: str
    bundle: Path


def read_state(content: bytes) -> State:
    """Return the state. Raises HookRequestError, MalformedError, LimitExceededError."""
    members = as_object(strict_json.parse(content, what="state", limit_bytes=STATE_BYTES, fold_names=False), "state")
    container, bundle = (as_text(members.get(name), f"state {name}") for name in ("id", "bundle"))
    if not container or not bundle.startswith("/"):
        raise HookRequestError("the state names no container, or no folder of a bundle")
    return State(container, Path(bundle))
