"""The engine's pure parts."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustkit.engine import capabilities, etc_files, names, rootfs, seccomp, users
from trustkit.engine.errors import ContainerdError
from trustkit.engine.failures import start_error
from trustkit.engine.log_file import LogFile, parse_entry
from trustkit.engine.request import command_of, facts_of
from trustkit.engine.signals import number_of
from trustkit.engine.values import OutputChunk, Stream
from trustkit.errors import TrustkitError, UsageError
from trustkit.model.run import RunSpec

PASSWD = b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/srv/app:/bin/sh\nbroken\n"
GROUP = b"root:x:0:\nstaff:x:50:app,other\napp:x:1001:\n"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("", (0, 0, (), "/root")),
        ("app", (1000, 1001, (50,), "/srv/app")),
        ("1000", (1000, 1001, (50,), "/srv/app")),
        ("app:staff", (1000, 50, (), "/srv/app")),
        ("4711", (4711, 0, (), "/")),
        ("4711:12", (4711, 12, (), "/")),
    ],
)
def test_users_resolve_as_docker_does(wanted: str, expected: tuple[object, ...]) -> None:
    assert tuple(users.resolve(wanted, PASSWD, GROUP)) == expected


@pytest.mark.parametrize("wanted", ["ghost", "app:ghosts", "99999999999", "-1", "app:-1"])
def test_unknown_users_are_refused(wanted: str) -> None:
    with pytest.raises(UsageError):
        users.resolve(wanted, PASSWD, GROUP)


@given(st.text(max_size=40), st.binary(max_size=200), st.binary(max_size=200))
def test_user_resolution_raises_only_our_errors(wanted: str, passwd: bytes, group: bytes) -> None:
    try:
        found = users.resolve(wanted, passwd, group)
    except TrustkitError:
        return
    assert 0 <= found.uid < 2**31


def test_the_default_capabilities_are_dockers() -> None:
    assert sum(1 << capabilities.ALL.index(name) for name in capabilities.DEFAULT) == 0xA80425FB


@pytest.mark.parametrize("name", ["", "CAP_", "CAP_ALL", "FLY", "SYS ADMIN"])
def test_unknown_capabilities_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        capabilities.normalised(name)


@pytest.mark.parametrize(("text", "number"), [("KILL", 9), ("sigterm", 15), ("9", 9), ("RTMIN+3", 37)])
def test_signals_by_name_and_number(text: str, number: int) -> None:
    assert number_of(text) == number


@pytest.mark.parametrize("text", ["", "0", "65", "SIGFOO", "TERM+1", "-9", "٣"])
def test_unknown_signals_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        number_of(text)


@pytest.mark.parametrize("name", ["", "a", "-ab", "a b", "a/b", "ä1", "x" * 129])
def test_bad_container_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        names.require_name(name)


def test_new_names_are_allowed_and_free() -> None:
    name = names.new_name(frozenset())
    assert names.require_name(name) == name
    assert len(names.new_id()) == 64


def test_clone_is_filtered_by_its_flags_unless_sys_admin() -> None:
    plain = seccomp.default_profile("amd64", capabilities.DEFAULT)["syscalls"]
    admin = seccomp.default_profile("amd64", ("CAP_SYS_ADMIN",))["syscalls"]
    assert isinstance(plain, list)
    assert isinstance(admin, list)
    assert any(rule["names"] == ["clone3"] and rule["errnoRet"] == 38 for rule in plain)
    assert not any("args" in rule and rule["names"] == ["clone"] for rule in admin)
    assert any("unshare" in rule["names"] for rule in admin)
    assert not any("unshare" in rule["names"] for rule in plain)


@pytest.mark.parametrize("name", ["keyctl", "add_key", "request_key", "io_uring_setup", "userfaultfd", "kexec_load"])
def test_calls_docker_never_allows_are_in_no_rule(name: str) -> None:
    rules = seccomp.default_profile("amd64", capabilities.ALL)["syscalls"]
    assert isinstance(rules, list)
    assert not any(name in rule["names"] for rule in rules)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            'OCI runtime create failed: runc create failed: x: exec: "a": executable file not found in $PATH: unknown',
            "127",
        ),
        ('failed to create shim task: exec: "/a": permission denied: unknown', "126"),
        ("failed to create shim task: cannot mount: permission denied: unknown", "125"),
        ("something\nwith lines", "125"),
    ],
)
def test_runtime_errors_become_one_line_and_a_code(text: str, code: str) -> None:
    found = start_error(ContainerdError(text), "container x")
    assert found.details["exit_code"] == code
    assert "\n" not in found.message


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (RunSpec(), ("ep", "default")),
        (RunSpec(command=("given",)), ("ep", "given")),
        (RunSpec(entrypoint=("own",)), ("own",)),
        (RunSpec(entrypoint=("own",), command=("given",)), ("own", "given")),
    ],
)
def test_command_and_entrypoint_join_as_docker_does(spec: RunSpec, expected: tuple[str, ...]) -> None:
    assert command_of(spec, {"Entrypoint": ["ep"], "Cmd": ["default"]}) == expected


def test_the_image_s_user_is_a_fact_of_the_request() -> None:
    assert facts_of(RunSpec(), {"User": "app"}).user == "app"
    assert facts_of(RunSpec(user="0"), {"User": "app"}).user == "0"


AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


async def _all(chunks: AsyncIterator[OutputChunk]) -> list[OutputChunk]:
    return [chunk async for chunk in chunks]


def test_what_is_written_after_the_moment_is_not_in_the_output_up_to_it(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log")
    log.append(OutputChunk(Stream.STDOUT, AT, b"before\n"))
    written = log.written()
    log.append(OutputChunk(Stream.STDOUT, AT, b"after\n"))
    log.finish()
    assert [chunk.data for chunk in asyncio.run(_all(written.chunks()))] == [b"before\n"]


@given(st.lists(st.tuples(st.sampled_from(list(Stream)), st.text(max_size=50)), max_size=20))
def test_a_log_gives_back_what_was_written(parts: list[tuple[Stream, str]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        log = LogFile(Path(folder) / "log")
        for stream, text in parts:
            log.append(OutputChunk(stream, AT, text.encode()))
        log.finish()
        found = asyncio.run(_all(log.written().chunks()))
    for stream in Stream:
        assert (
            b"".join(c.data for c in found if c.stream is stream)
            == "".join(text for which, text in parts if which is stream).encode()
        )


def test_a_log_entry_is_dockers(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log")
    log.append(OutputChunk(Stream.STDERR, AT, b"one\n"))
    log.finish()
    entry = json.loads((tmp_path / "log").read_text())
    assert entry == {"log": "one\n", "stream": "stderr", "time": "2026-01-02T03:04:05.678901000Z"}


@given(st.binary(max_size=100))
def test_a_damaged_log_line_is_passed_over(line: bytes) -> None:
    parse_entry(line)


def test_paths_of_a_container_end_inside_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (tmp_path / "secret").write_text("outside")
    (root / "etc" / "passwd").symlink_to("/secret")
    (root / "etc" / "group").symlink_to("../../../secret")
    (root / "secret").write_text("inside")
    descriptor = os.open(root, os.O_PATH | os.O_DIRECTORY)
    try:
        found = [rootfs.read_inside(descriptor, f"/etc/{name}", 100) for name in ("passwd", "group", "none")]
    finally:
        os.close(descriptor)
    assert found == [b"inside", b"inside", b""]


def test_a_fifo_in_the_image_does_not_hold_us_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "passwd")
    descriptor = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    try:
        assert rootfs.read_inside(descriptor, "/passwd", 100) == b""
    finally:
        os.close(descriptor)


def test_loopback_name_servers_are_left_out() -> None:
    found = etc_files.reachable_servers("search x\nnameserver 127.0.0.53\nnameserver 10.0.0.1\n")
    assert found == "search x\nnameserver 10.0.0.1\n"
    assert "nameserver 8.8.8.8" in etc_files.reachable_servers("nameserver ::1\n")
