"""`--security-opt` and the masked paths of /proc and /sys, as facts (docker run reference, Security configuration)."""

from trustkit.hooks import fields
from trustkit.hooks.errors import HookRequestError
from trustkit.hooks.fields import Members
from trustkit.model.values import NamedTuple

_DEFAULTS = ("builtin", "docker-default", "")
_YES, _NO = ("", "true", "1", "t", "T", "TRUE", "True"), ("false", "0", "f", "F", "FALSE", "False")
# What every dockerd since 18.06 masks by itself; newer ones mask more.
MASKED = frozenset(
    {
        "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
        "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
    }
)  # fmt: skip
READ_ONLY = frozenset({"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"})
_LABEL_PARTS = ("user", "role", "type")


class Security(NamedTuple):
    """What the options say; `paths`: the masks of /proc and /sys stay."""

    seccomp: str = "default"
    apparmor: str = "default"
    selinux: str = ""
    new_privileges: bool = True
    paths: bool = True


def read_options(options: tuple[str, ...]) -> Security:
    """Return what the options say. Raises HookRequestError for one that is not known."""
    found = Security()
    labels: dict[str, str] = {}
    for option in options:
        # the colon is the old separator; dockerd looks for it only without an equals sign
        name, _, value = option.partition("=" if "=" in option else ":")
        if name == "seccomp":
            found = found._replace(seccomp=_profile(value))
        elif name == "apparmor":
            found = found._replace(apparmor=_profile(value))
        elif name == "no-new-privileges" and value in (*_YES, *_NO):
            found = found._replace(new_privileges=value in _NO)
        elif name == "systempaths" and value == "unconfined":
            found = found._replace(paths=False)
        elif name == "label":
            key, _, said = value.partition(":")
            labels["type" if key == "disable" else key] = "disable" if key == "disable" else said
        else:
            raise HookRequestError(f"the security option {option[:60]!r} is not known here", next_step="leave it out")
    if any(labels.get(part) for part in _LABEL_PARTS):
        found = found._replace(selinux=":".join(labels.get(part, "") for part in _LABEL_PARTS))
    return found


def read_paths(host: Members) -> str:
    """Return whether the masks over /proc and /sys are at least dockerd's own. Raises MalformedError."""
    for name, wanted in (("MaskedPaths", MASKED), ("ReadonlyPaths", READ_ONLY)):
        if host.get(name) is not None and not wanted <= set(fields.texts(host, name)):
            return "Unmasked"
    return "default"


def _profile(value: str) -> str:
    if value in _DEFAULTS:
        return "default"
    return "unconfined" if value == "unconfined" else f"localhost/{value[:60]}"
