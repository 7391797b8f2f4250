"""The `filters` parameter: `{"status": ["running"]}`, or `{"status": {"running": true}}` as newer clients write it."""

from collections.abc import Callable, Mapping

from trustkit.engine.values import ContainerView, ImageView
from trustkit.errors import UsageError
from trustkit.server.shapes import container, fields, names

Filters = Mapping[str, tuple[str, ...]]


def parse(text: str, known: frozenset[str]) -> Filters:
    """Read the parameter. Raises UsageError, also for a filter not served: a dropped one would show too much."""
    found: dict[str, tuple[str, ...]] = {}
    members = fields.body_of(text.encode(), "filters")
    for name, value in members.items():
        if name not in known:
            raise UsageError(f"invalid filter {name[:40]!r}", next_step=f"known are {', '.join(sorted(known))}")
        if isinstance(value, dict):
            found[name] = tuple(word for word, wanted in value.items() if wanted is True)
        else:
            found[name] = fields.texts(members, name)
    return found


def _labelled(labels: Mapping[str, str], wanted: str) -> bool:
    name, sign, value = wanted.partition("=")
    return name in labels and (not sign or labels[name] == value)


# The shortest image id that `ancestor` takes for one.
_ID_CHARS = 4


def _is_of(view: ContainerView, word: str) -> bool:
    known = {container.image_name(view), names.familiar(view.reference), view.reference, str(view.image)}
    hexadecimal = view.image_id.hex
    short = word.removeprefix("sha256:")
    return word in known or f"{word}:latest" in known or (len(short) >= _ID_CHARS and hexadecimal.startswith(short))


_CONTAINER: dict[str, Callable[[ContainerView, str], bool]] = {
    "id": lambda view, word: view.id.startswith(word),
    "name": lambda view, word: word.removeprefix("/") in view.name,
    "status": lambda view, word: view.status.value == word,
    "label": lambda view, word: _labelled(view.labels, word),
    "exited": lambda view, word: view.finished_at is not None and str(view.exit_code) == word,
    "ancestor": _is_of,
    "network": lambda view, word: view.network.mode == word,
}
CONTAINER_FILTERS = frozenset(_CONTAINER)
IMAGE_FILTERS = frozenset({"reference", "label", "dangling"})


def container_matches(view: ContainerView, filters: Filters) -> bool:
    """Whether a container passes: every filter, by any of its values (labels: by all)."""
    for name, words in filters.items():
        test = _CONTAINER[name]
        matches = [test(view, word) for word in words]
        if not (all(matches) if name == "label" else any(matches)):
            return False
    return True


def image_matches(view: ImageView, filters: Filters) -> bool:
    """Whether an image passes every filter."""
    config = fields.mapping(view.config, "config")
    raw = fields.mapping(config, "Labels")
    labels = {name: str(value) for name, value in raw.items()}
    if not all(_labelled(labels, word) for word in filters.get("label", ())):
        return False
    for word in filters.get("dangling", ()):
        if (word in {"true", "1"}) == bool(view.references):
            return False
    wanted = filters.get("reference", ())
    shown = {names.familiar(reference) for reference in view.references}
    return not wanted or any(word in shown or any(_repository(r) == word for r in shown) for word in wanted)


def _repository(shown: str) -> str:
    return names.repository_of(shown)
