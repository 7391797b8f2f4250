"""Image names as people know them, and ids as they are cut."""

from trustkit.errors import ReferenceSyntaxError
from trustkit.model.reference import DEFAULT_REGISTRY, REGISTRY, ImageRef


def familiar(reference: str) -> str:
    """Return `busybox:1` for `docker.io/library/busybox:1`; other registries keep their whole name."""
    return reference.removeprefix(f"{DEFAULT_REGISTRY}/").removeprefix("library/")


def repository_of(reference: str) -> str:
    """Return the familiar name without tag and digest."""
    try:
        return familiar(ImageRef.parse(reference).name)
    except ReferenceSyntaxError:
        return familiar(reference)


def tags_and_digests(references: tuple[str, ...], digest: str) -> tuple[list[str], list[str]]:
    """Return Docker's RepoTags and RepoDigests of an image known by these references."""
    tags = [familiar(name) for name in references if "@" not in name]
    digests = sorted({f"{repository_of(name)}@{digest}" for name in references if _in_registry(name)})
    return tags, digests


def _in_registry(reference: str) -> bool:
    try:
        return ImageRef.parse(reference).transport == REGISTRY
    except ReferenceSyntaxError:
        return False
