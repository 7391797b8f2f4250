"""Durations and sizes as policies write them: `24h`, `90d`, `500MiB`."""

import re
from datetime import timedelta

from trustkit.policy.fields import text
from trustkit.policy.nodes import INTEGER, Node, refuse, shown

_DURATION = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d|w)\Z", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
# A hundred years: beyond it, comparisons with real times overflow.
_MOST_SECONDS = 100 * 366 * 86_400
_SIZE = re.compile(r"([1-9][0-9]{0,8})(kB|MB|GB|KiB|MiB|GiB)\Z", re.ASCII)
_BYTES = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def duration(node: Node) -> timedelta:
    """Return a duration. Raises PolicySyntaxError."""
    written = text(node)
    found = span(written)
    if found is None:
        raise refuse(node, f"{shown(written)} is no duration", "write a number and s, m, h, d or w, such as 24h or 90d")
    return found


def span(written: str) -> timedelta | None:
    """Return the duration that a text is, None if it is none."""
    found = _DURATION.match(written)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    return timedelta(seconds=seconds) if 0 < seconds <= _MOST_SECONDS else None


def size(node: Node) -> int:
    """Return a number of bytes. Raises PolicySyntaxError."""
    if node.kind == INTEGER and isinstance(node.scalar, int) and node.scalar > 0:
        return node.scalar
    written = str(node.scalar)
    found = _SIZE.match(written)
    if found is None:
        raise refuse(node, f"{shown(written)} is no size", "write a number of bytes, or 500MB, 2GiB")
    return int(found[1]) * _BYTES[found[2]]


def plain(span: timedelta) -> str:
    """Return a duration as a policy would write it."""
    seconds = int(span.total_seconds())
    for unit in ("d", "h", "m"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds // _SECONDS[unit]}{unit}"
    return f"{seconds}s"
