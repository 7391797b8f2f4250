"""`--filter NAME=VALUE` to the parameter the daemon reads."""

from trustkit.errors import UsageError


def filters_of(texts: list[str]) -> str:
    """Return the `filters` parameter of `NAME=VALUE` words. Raises UsageError."""
    if not texts:
        return ""
    import json

    wanted: dict[str, list[str]] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise UsageError(f"{text!r} is no filter", next_step="write NAME=VALUE")
        wanted.setdefault(name, []).append(value)
    return json.dumps(wanted)
