"""Docker's default seccomp profile, resolved for one architecture and one set of capabilities (runtime-spec, Seccomp).

Everything not listed in `seccomp.json` fails with EPERM; `clone3` with ENOSYS, so that C libraries fall back to
`clone`, whose flags a filter can see.
"""

import errno
import json
from collections.abc import Collection
from functools import cache
from importlib.resources import files
from typing import TypedDict

# CLONE_NEWNS | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET | NEWCGROUP
_CLONE_NAMESPACES = 0x7E020000
_FLAGS_ARGUMENT = {"s390x": 1}
_ALLOW = "SCMP_ACT_ALLOW"


class _Architecture(TypedDict):
    filters: str
    allow: str


class _Profile(TypedDict):
    allow: list[str]
    allow_with_capability: dict[str, str]
    architectures: dict[str, _Architecture]
    personalities: list[int]
    socket_domains_below: int
    socket_domains: list[int]


@cache
def _profile() -> _Profile:
    loaded: _Profile = json.loads(  # noqa: TID251  (our own file)
        files("trustkit.engine").joinpath("seccomp.json").read_bytes()
    )
    return loaded


def _allow(*names: str) -> dict[str, object]:
    return {"names": list(names), "action": _ALLOW}


def _allow_if(name: str, index: int, operator: str, value: int) -> dict[str, object]:
    argument = {"index": index, "value": value, "op": operator}
    return {"names": [name], "action": _ALLOW, "args": [argument]}


def default_profile(architecture: str, capabilities: Collection[str]) -> dict[str, object]:
    """Return the `linux.seccomp` object of a spec; an unknown architecture filters its own calls only."""
    profile = _profile()
    own = profile["architectures"].get(architecture, {"filters": "", "allow": ""})
    names = " ".join((*profile["allow"], own["allow"])).split()
    rules = [_allow(*names)]
    rules += [
        _allow(*calls.split())
        for capability, calls in profile["allow_with_capability"].items()
        if capability in capabilities
    ]
    # runc treats repeated comparisons of one argument as alternatives, so a range has one bound only.
    rules.append(_allow_if("socket", 0, "SCMP_CMP_LT", profile["socket_domains_below"]))
    rules += [_allow_if("socket", 0, "SCMP_CMP_EQ", domain) for domain in profile["socket_domains"]]
    rules += [_allow_if("personality", 0, "SCMP_CMP_EQ", value) for value in profile["personalities"]]
    if "CAP_SYS_ADMIN" not in capabilities:
        flags = _FLAGS_ARGUMENT.get(architecture, 0)
        rules.append(_allow_if("clone", flags, "SCMP_CMP_MASKED_EQ", _CLONE_NAMESPACES))
        rules.append({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS})
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": errno.EPERM,
        "architectures": own["filters"].split(),
        "syscalls": rules,
    }
