"""What a bundle's seccomp filter amounts to (runtime-spec config-linux.md, Seccomp).

A bundle has the filter and not its name. It counts as an engine's default if it refuses by default, and refuses
whatever the engines' own profiles (moby's and containers-common's) let through only with a capability.
"""

from trustkit.hooks import fields
from trustkit.hooks.fields import Members

_REFUSING = ("SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD")
# A call → the capabilities of which one makes an engine let it through.
_GUARDED = {
    "delete_module": ("SYS_MODULE",),
    "finit_module": ("SYS_MODULE",),
    "init_module": ("SYS_MODULE",),
    "iopl": ("SYS_RAWIO",),
    "ioperm": ("SYS_RAWIO",),
    "kexec_file_load": ("SYS_BOOT",),
    "kexec_load": ("SYS_BOOT",),
    "open_by_handle_at": ("DAC_READ_SEARCH",),
    "settimeofday": ("SYS_TIME",),
    "clock_settime": ("SYS_TIME",),
    "acct": ("SYS_PACCT",),
    "bpf": ("SYS_ADMIN", "BPF"),
    "quotactl": ("SYS_ADMIN",),
    "swapon": (),
    "swapoff": (),
}


def seccomp_of(linux: Members, held: frozenset[str]) -> str:
    """Return `default`, `unconfined` or `localhost/...`, as policies know profiles. Raises MalformedError."""
    told = fields.mapping(linux, "seccomp")
    if fields.text(told, "defaultAction") not in _REFUSING:
        return "unconfined"
    if fields.text(told, "listenerPath"):
        return "localhost/listener"
    for rule in fields.items(told, "syscalls"):
        if fields.text(rule, "action") in _REFUSING:
            continue
        for call in fields.texts(rule, "names"):
            if call in _GUARDED and not held.intersection(_GUARDED[call]):
                return "localhost/bundle"
    return "default"
