"""The API versions served, and how a request names one (`/v1.44/containers/json`)."""

import re

from trustkit.errors import UsageError

NEWEST = (1, 47)
OLDEST = (1, 24)
_PREFIX = re.compile(r"/v([0-9]{1,4})\.([0-9]{1,4})(?=/)")


def text_of(version: tuple[int, int]) -> str:
    """Return `1.47`."""
    return f"{version[0]}.{version[1]}"


def split(path: str) -> tuple[tuple[int, int], str]:
    """Return the version a path asks for (the newest when it names none) and the rest of it.

    Raises UsageError, in the words that Docker's clients look for.
    """
    found = _PREFIX.match(path)
    if found is None:
        return NEWEST, path
    asked = (int(found[1]), int(found[2]))
    if asked > NEWEST:
        message = f"client version {text_of(asked)} is too new. Maximum supported API version is {text_of(NEWEST)}"
        raise UsageError(message, next_step=f"set DOCKER_API_VERSION={text_of(NEWEST)}")
    if asked < OLDEST:
        message = (
            f"client version {text_of(asked)} is too old. Minimum supported API version is {text_of(OLDEST)}, "
            "please upgrade your client to a newer version"
        )
        raise UsageError(message)
    return asked, path[found.end() :]
