"""Linux capabilities: Docker's default set, additions and removals (capabilities(7))."""

from collections.abc import Iterable

from trustkit.errors import UsageError

# In the order of their numbers.
_ALL_WORDS = """
    CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
    NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
    SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
    AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ
    PERFMON BPF CHECKPOINT_RESTORE
"""
ALL = tuple(f"CAP_{name}" for name in _ALL_WORDS.split())
_DEFAULT_WORDS = """
    CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT
    KILL AUDIT_WRITE
"""
DEFAULT = tuple(f"CAP_{name}" for name in _DEFAULT_WORDS.split())


def normalised(name: str) -> str:
    """Return `CAP_X` for `x`, `cap_x` or `CAP_X`, and `ALL` for any spelling of it.

    Raises UsageError for a name the kernel does not have.
    """
    upper = name.upper()
    if upper == "ALL":
        return upper
    full = upper if upper.startswith("CAP_") else f"CAP_{upper}"
    if full not in ALL:
        message = f"unknown capability: {name!r}"
        raise UsageError(message, next_step="capabilities(7) lists them; write NET_ADMIN or ALL")
    return full


def effective(added: Iterable[str], dropped: Iterable[str], *, privileged: bool) -> tuple[str, ...]:
    """Return what a container gets, as docker computes it: ALL first, then names, drops before adds.

    A privileged container gets what the engine itself may give, whatever is added or dropped.
    """
    possible = bounding()
    if privileged:
        return possible
    add, drop = {normalised(name) for name in added}, {normalised(name) for name in dropped}
    if "ALL" in add:
        start = tuple(name for name in ALL if name in possible)
    elif "ALL" in drop:
        start = ()
    else:
        start = DEFAULT
    kept = {name for name in start if name not in drop} | (add - {"ALL"})
    return tuple(name for name in ALL if name in kept)


def bounding() -> tuple[str, ...]:
    """Return the capabilities in our own bounding set: the runtime cannot give others."""
    with open("/proc/self/status", encoding="ascii") as status:
        bits = next(int(line.split()[1], 16) for line in status if line.startswith("CapBnd:"))
    return tuple(name for number, name in enumerate(ALL) if bits >> number & 1)
