"""Images as Docker's JSON, and the progress lines of a pull."""

import json

from trustkit.engine.values import ImageView, PullProgress
from trustkit.errors import TrustkitError
from trustkit.server.shapes import fields, moments, names
from trustkit.server.status import members_of

_PROGRESS = {
    "downloading": "Downloading",
    "exists": "Already exists",
    "unpacking": "Extracting",
    "done": "Pull complete",
}
_BAR_CHARS = 50


def summary(view: ImageView, containers: int = -1) -> dict[str, object]:
    """Return a row of `GET /images/json`."""
    tags, digests = names.tags_and_digests(view.references, str(view.digest))
    config = fields.mapping(view.config, "config")
    return {
        "Id": str(view.image_id),
        "ParentId": "",
        "RepoTags": tags,
        "RepoDigests": digests,
        "Created": moments.seconds_of(view.created),
        "Size": view.size_bytes,
        "SharedSize": -1,
        "Labels": dict(fields.mapping(config, "Labels")),
        "Containers": containers,
    }


def inspection(view: ImageView) -> dict[str, object]:
    """Return the answer of `GET /images/{name}/json`."""
    tags, digests = names.tags_and_digests(view.references, str(view.digest))
    rootfs = fields.mapping(view.config, "rootfs")
    return {
        "Id": str(view.image_id),
        "RepoTags": tags,
        "RepoDigests": digests,
        "Parent": "",
        "Comment": "",
        "Created": view.created,
        "Author": fields.text(view.config, "author"),
        "DockerVersion": "",
        "Architecture": fields.text(view.config, "architecture"),
        "Os": fields.text(view.config, "os"),
        "Size": view.size_bytes,
        "Config": dict(fields.mapping(view.config, "config")),
        "GraphDriver": {"Name": "overlayfs", "Data": None},
        "RootFS": {"Type": "layers", "Layers": list(fields.texts(rootfs, "diff_ids"))},
        "Metadata": {"LastTagTime": moments.text_of(view.pulled_at)},
        "Trustkit": {"Digest": str(view.digest), "Manifest": str(view.manifest)},
    }


def progress_line(progress: PullProgress) -> bytes:
    """Return one line of a pull's stream."""
    members: dict[str, object] = {
        "status": _PROGRESS.get(progress.status, progress.status),
        "id": progress.digest.hex[:12],
        "progressDetail": {},
    }
    if progress.status in {"downloading", "unpacking"} and progress.total_bytes:
        members["progressDetail"] = {"current": progress.current_bytes, "total": progress.total_bytes}
        filled = min(progress.current_bytes * _BAR_CHARS // progress.total_bytes, _BAR_CHARS)
        members["progress"] = f"[{('=' * filled + '>')[:_BAR_CHARS]:<{_BAR_CHARS}}]"
    return line(members)


def status_line(text: str) -> bytes:
    """Return a line that only says something."""
    return line({"status": text})


def error_line(error: TrustkitError) -> bytes:
    """Return the line that ends a pull that failed."""
    members = members_of(error)
    return line({"errorDetail": {"message": members["message"]}, "error": members["message"], **members})


def line(members: dict[str, object]) -> bytes:
    """Return a JSON line."""
    return json.dumps(members).encode() + b"\r\n"
