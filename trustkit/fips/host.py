"""The operating environment this process runs in, as a security policy names the ones its module was tested in."""

import os
from pathlib import Path

from trustkit.model.values import NamedTuple

_OS_RELEASE, _CPUINFO = Path("/etc/os-release"), Path("/proc/cpuinfo")
# The first processor's lines; a large machine has hundreds of processors.
_CPU_BYTES = 8192
# What x86 and ARM call the instructions a module computes with (PAA: processor algorithm acceleration).
PAA = frozenset({"aes", "avx2", "sha_ni", "pclmulqdq", "vaes", "sha1", "sha2", "sha512", "pmull", "asimd"})


class Host(NamedTuple):
    """`os` is `os-release`'s ID-VERSION_ID; `cpu` the processor's own name, `paa` what it computes with."""

    os: str
    machine: str = ""
    kernel: str = ""
    cpu: str = ""
    paa: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it as a line."""
        parts = (self.os, self.machine, f"Linux {self.kernel}", self.cpu, f"PAA {' '.join(self.paa) or 'none'}")
        return ", ".join(part for part in parts if part)


def measured() -> Host:
    """Return this machine; what cannot be read is empty, and fits no requirement."""
    about = os.uname()
    cpu, paa = processor(_read(_CPUINFO))
    return Host(operating_system(_read(_OS_RELEASE)), about.machine, about.release, cpu, paa)


def operating_system(os_release: str) -> str:
    """Return `ID-VERSION_ID` of an os-release(5) file's text."""
    fields = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    return "-".join(fields.get(name, "").strip("\"'") for name in ("ID", "VERSION_ID"))


def processor(cpuinfo: str) -> tuple[str, tuple[str, ...]]:
    """Return the first processor's name and its PAA, of /proc/cpuinfo's text (proc(5))."""
    fields = {}
    for line in cpuinfo.partition("\n\n")[0].splitlines():
        name, _, value = line.partition(":")
        fields[name.strip()] = value.strip()
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return fields.get("model name", ""), tuple(sorted(PAA.intersection(flags)))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_CPU_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
