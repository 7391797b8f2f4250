"""Whether a container user is provably not root."""

# The kernel's uids are 32 bits; runtimes differ beyond 31.
_UID_LIMIT = 2**31
_UID_CHARS = 10


def root_problem(user: str) -> str:
    """Return why this `user[:group]` may be root, or nothing.

    A name proves nothing: /etc/passwd inside the image says what it means. Kubernetes' runAsNonRoot
    refuses names too.
    """
    name = user.partition(":")[0]
    if name in ("", "root"):
        return "it would run as root"
    if not (name.isascii() and name.isdigit() and len(name) <= _UID_CHARS):
        return f"whether {name[:64]!r} is root cannot be told from its name"
    if int(name) == 0:
        return "it would run as root"
    if int(name) >= _UID_LIMIT:
        return f"{name} is no user id"
    return ""
