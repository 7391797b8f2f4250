"""Which child of an index runs on a platform (image-spec image-index.md, platform variants)."""

import os
from collections.abc import Iterable

from trustkit.model.image import Descriptor, Platform

_GO_NAMES = {
    "x86_64": Platform("linux", "amd64"),
    "aarch64": Platform("linux", "arm64", "v8"),
    "armv8l": Platform("linux", "arm", "v8"),
    "armv7l": Platform("linux", "arm", "v7"),
    "armv6l": Platform("linux", "arm", "v6"),
    "armv5tel": Platform("linux", "arm", "v5"),
    "i686": Platform("linux", "386"),
    "ppc64le": Platform("linux", "ppc64le"),
    "s390x": Platform("linux", "s390x"),
    "riscv64": Platform("linux", "riscv64"),
}
# What an image without a variant was built for (containerd and Docker agree).
_UNSAID = {"arm": "v7", "arm64": "v8", "amd64": "v1"}


def host_platform() -> Platform:
    """Return the platform of this machine."""
    machine = os.uname().machine
    return _GO_NAMES.get(machine, Platform("linux", machine))


def fits(offered: Platform, wanted: Platform) -> bool:
    """Whether an image for `offered` runs on `wanted`: same system, and no newer variant."""
    if (offered.os, offered.architecture) != (wanted.os, wanted.architecture):
        return False
    return _level(offered) <= _level(wanted)


def choose(children: Iterable[Descriptor], wanted: Platform) -> Descriptor | None:
    """Return the child with the newest variant that fits; the first of equals, as others do."""
    fitting = [each for each in children if each.platform and fits(each.platform, wanted)]
    return max(fitting, key=lambda each: _level(each.platform or wanted), default=None)


def _level(platform: Platform) -> tuple[int, str]:
    """Order variants: v5 < v6 < v7; a variant that is no number fits only itself."""
    variant = platform.variant or _UNSAID.get(platform.architecture, "")
    digits = variant.removeprefix("v")
    return (int(digits), "") if digits.isascii() and digits.isdigit() and len(digits) < 4 else (0, variant)  # noqa: PLR2004
