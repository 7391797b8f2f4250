"""Layouts and archives named by a relative path: the daemon has another working directory than its caller."""

from pathlib import Path

_TRANSPORTS = ("oci:", "oci-archive:", "docker-archive:")


def whole(image: str) -> str:
    """Return the reference with its path made absolute, a registry's as it is."""
    for transport in _TRANSPORTS:
        path = image.removeprefix(transport)
        if path and path != image and not path.startswith("/"):
            return f"{transport}{Path.cwd()}/{path}"
    return image
