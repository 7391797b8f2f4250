"""Whatever a bundle, a state or a command line holds, readers answer or raise our errors."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustkit.errors import TrustkitError
from trustkit.hooks.oci.bundle import Bundle, read_bundle
from trustkit.hooks.oci.invocation import read
from trustkit.hooks.oci.mounts import Surroundings
from trustkit.hooks.oci.request import read_request
from trustkit.hooks.oci.state import read_state

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_MOUNT = st.fixed_dictionaries(
    {}, optional={"type": st.sampled_from(("bind", "tmpfs", "overlay")) | _JSON, "source": _JSON, "options": _JSON}
)
_DEVICE = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("major", "minor", "type", "path", "access"), _JSON) | {"allow": st.booleans()}
)
_LINUX = st.fixed_dictionaries(
    {"namespaces": st.just([{"type": kind} for kind in ("mount", "uts", "pid")]) | _JSON},
    optional={
        "seccomp": st.fixed_dictionaries({"defaultAction": st.just("SCMP_ACT_ERRNO")}, optional={"syscalls": _JSON}),
        "devices": st.lists(_DEVICE, max_size=2),
        "resources": st.fixed_dictionaries({"devices": st.lists(_DEVICE, max_size=2)}),
        "sysctl": st.dictionaries(st.text(max_size=3), _JSON, max_size=2),
        "maskedPaths": _JSON, "Seccomp": _JSON,
    },
)  # fmt: skip
_PROCESS = st.fixed_dictionaries(
    {}, optional={"user": _JSON, "capabilities": _JSON, "args": _JSON, "selinuxLabel": _JSON, "new": _JSON}
)
_CONFIG = st.fixed_dictionaries(
    {"linux": _LINUX}, optional={"process": _PROCESS | _JSON, "mounts": st.lists(_MOUNT, max_size=3), "root": _JSON}
)
_WORDS = st.sampled_from(
    (
        "create",
        "run",
        "exec",
        "hook",
        "state",
        "--bundle",
        "-b",
        "--root",
        "/x",
        "--trustkit-home",
        "--log=x",
        "abc",
        "-",
    )
)


@given(_CONFIG)
def test_any_configuration_is_read_or_refused(config: dict[str, object]) -> None:
    with contextlib.suppress(TrustkitError):
        read_request(Bundle(Path("/nowhere"), config), Surroundings("a"), "podman")


@given(st.lists(_WORDS | st.text(max_size=6), max_size=8))
def test_any_command_line_is_read_or_refused(words: list[str]) -> None:
    with contextlib.suppress(TrustkitError):
        found = read(words)
        assert not any(word.startswith("--trustkit") for word in found.words[: len(found.known) * 2])


@given(st.binary(max_size=80) | _JSON.map(lambda value: json.dumps(value).encode()))
def test_any_state_is_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(TrustkitError):
        assert read_state(content).bundle.is_absolute()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff", b'{"a":1,"a":2}', b"[" * 100, b" " * (4 * 1024 * 1024 + 1)], ids=range(7)
)
def test_a_configuration_that_is_no_bounded_object_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(TrustkitError):
        read_bundle(tmp_path)


def test_a_configuration_behind_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("{}")
    (tmp_path / "config.json").symlink_to("elsewhere")
    with pytest.raises(TrustkitError):
        read_bundle(tmp_path)
