"""Every request of Docker's API that is answered, and how (API 1.24 to 1.51); any other is refused."""

import re

from trustkit.hooks.docker.question import Question
from trustkit.hooks.errors import HookRefusedError, HookRequestError
from trustkit.model.values import NamedTuple

# How a route is answered: at once; once its body is known to be harmless; by the gate; or by class, if it is allowed.
READ, PLAIN, CHECKED, GATE, CLASS = "read", "plain", "checked", "gate", "class"

# What `--allow` can name → why it is refused otherwise.
CLASSES = {
    "build": "a build runs images and makes new ones that nobody judged",
    "grpc": "BuildKit's own protocol, in which builds run images, is not read here",
    "session": "a session serves files and credentials to BuildKit",
    "load": "an archive brings images that no registry vouches for",
    "import": "an archive brings an image that no registry vouches for",
    "commit": "it makes an image of what a container has become",
    "archive": "it changes files of a container after its image was judged",
    "checkpoint": "a checkpoint restores processes and memory that nobody judged",
    "plugins": "a plugin is code that runs beside dockerd, and could replace this one",
    "swarm": "swarm starts tasks without asking authorization plugins about their containers",
    "volume-options": "driver options can turn any path or device of the host into a volume",
    "runtime": "another runtime may ignore what the container is confined to",
    "exec-privileged": "it would have rights that the container was not judged with",
    "host-namespaces": "policies cannot look at the host's UTS, user and cgroup namespaces",
}


class Route(NamedTuple):
    """A method, a path whose `{}` is one segment and `{*}` any number, how it is answered, and its class."""

    method: str
    path: str
    how: str
    name: str = ""


def _reads() -> tuple[Route, ...]:
    paths = (
        "/_ping", "/version", "/info", "/events", "/system/df", "/containers/json", "/containers/{}/json",
        "/containers/{}/logs", "/containers/{}/stats", "/containers/{}/top", "/containers/{}/changes",
        "/containers/{}/export", "/containers/{}/archive", "/containers/{}/checkpoints",
        "/exec/{}/json", "/images/json", "/images/get", "/images/search", "/images/{*}/json", "/images/{*}/history",
        "/images/{*}/get", "/distribution/{*}/json", "/networks", "/networks/{}", "/volumes", "/volumes/{}",
        "/plugins", "/plugins/privileges", "/plugins/{*}/json", "/swarm", "/swarm/unlockkey", "/services",
        "/services/{}", "/services/{}/logs", "/tasks", "/tasks/{}", "/tasks/{}/logs", "/nodes", "/nodes/{}",
        "/secrets", "/secrets/{}", "/configs", "/configs/{}",
    )  # fmt: skip
    return (*(Route("GET", path, READ) for path in paths), Route("HEAD", "/_ping", READ),
            Route("HEAD", "/containers/{}/archive", READ))  # fmt: skip


def _plain() -> tuple[Route, ...]:
    """Return what starts nothing and brings no image."""
    posts = (
        "/auth", "/containers/{}/attach", "/containers/{}/stop", "/containers/{}/kill", "/containers/{}/pause",
        "/containers/{}/unpause", "/containers/{}/wait", "/containers/{}/resize", "/containers/prune",
        "/exec/{}/start", "/exec/{}/resize", "/images/prune", "/images/{*}/push", "/images/{*}/tag",
        "/networks/create", "/networks/{}/connect", "/networks/{}/disconnect", "/networks/prune", "/volumes/prune",
        "/build/prune", "/build/cancel",
    )  # fmt: skip
    deletes = ("/images/{*}", "/networks/{}", "/volumes/{}", "/containers/{}/checkpoints/{}")
    return (
        *(Route("POST", path, PLAIN) for path in posts),
        *(Route("DELETE", path, PLAIN) for path in deletes),
        Route("GET", "/containers/{}/attach/ws", PLAIN),  # writes to the container
    )


def _classes() -> tuple[Route, ...]:
    by_class = {
        "build": ("POST /build",),
        "grpc": ("POST /grpc",),
        "session": ("POST /session",),
        "load": ("POST /images/load",),
        "commit": ("POST /commit",),
        "archive": ("PUT /containers/{}/archive",),
        "checkpoint": ("POST /containers/{}/checkpoints",),
        "plugins": (
            "POST /plugins/pull", "POST /plugins/create", "POST /plugins/{*}/enable", "POST /plugins/{*}/disable",
            "POST /plugins/{*}/upgrade", "POST /plugins/{*}/set", "POST /plugins/{*}/push", "DELETE /plugins/{*}",
        ),
        "swarm": (
            "POST /swarm/init", "POST /swarm/join", "POST /swarm/leave", "POST /swarm/update", "POST /swarm/unlock",
            "POST /services/create", "POST /services/{}/update", "DELETE /services/{}", "POST /nodes/{}/update",
            "DELETE /nodes/{}", "POST /secrets/create", "POST /secrets/{}/update", "DELETE /secrets/{}",
            "POST /configs/create", "POST /configs/{}/update", "DELETE /configs/{}", "PUT /volumes/{}",
        ),
    }  # fmt: skip
    found = ((*line.split(" "), name) for name, lines in by_class.items() for line in lines)
    return tuple(Route(method, path, CLASS, name) for method, path, name in found)


CREATE, START, RESTART, PULL, EXEC = "create", "start", "restart", "pull", "exec"
RENAME, REMOVE, UPDATE, VOLUME = "rename", "remove", "update", "volume"
# The more special path first: `/images/create` before `/images/{*}`.
ROUTES = (
    Route("POST", "/containers/create", GATE, CREATE),
    Route("POST", "/containers/{}/start", GATE, START),
    Route("POST", "/containers/{}/restart", GATE, RESTART),
    Route("POST", "/images/create", GATE, PULL),
    Route("POST", "/containers/{}/exec", CHECKED, EXEC),
    Route("POST", "/containers/{}/rename", CHECKED, RENAME),
    Route("POST", "/containers/{}/update", CHECKED, UPDATE),
    Route("DELETE", "/containers/{}", CHECKED, REMOVE),
    Route("POST", "/volumes/create", CHECKED, VOLUME),
    *_classes(),
    *_plain(),
    *_reads(),
)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path).replace(r"\{\*\}", "(.+)").replace(r"\{\}", "([^/]+)") + r"\Z")


_TABLE = tuple((route, _pattern(route.path)) for route in ROUTES)


class Matched(NamedTuple):
    """The route of a request, and what its path names."""

    route: Route
    target: str


def route_of(question: Question) -> Matched:
    """Return how the request is answered. Raises HookRequestError: nobody says what it does."""
    for route, pattern in _TABLE:
        found = pattern.match(question.path) if route.method == question.method else None
        if found is not None:
            return Matched(route, "".join(found.groups()[:1]))
    raise HookRequestError(
        f"{question.method[:20]} {question.path[:120]} is no request that is answered here",
        next_step="if docker needs it, report it: only requests that are known are let through",
    )


def require_allowed(classes: tuple[str, ...], allowed: frozenset[str]) -> None:
    """Return if every class is allowed. Raises HookRefusedError naming the first that is not."""
    for name in classes:
        if name not in allowed:
            message = f"it needs the class {name}: {CLASSES[name]}"
            raise HookRefusedError(message, next_step=f"start trustkit with --allow {name} if that is acceptable")
